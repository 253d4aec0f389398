"""What is shown of a group at length: curves, classes, confusion, calibration, mistakes. Its runs are read again."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import get_args

from vitreport.analysis.details import (
    Calibration,
    CalibrationBin,
    ClassAccuracy,
    Confusion,
    Curve,
    Damage,
    Details,
    Metric,
    Mistake,
    Mistakes,
)
from vitreport.intervals import NOT_NEGATIVE, SHARE, Range, over_seeds, share, t_interval
from vitreport.records.measurement import CalibrationBin as BinRecord
from vitreport.records.measurement import Measurement, SplitDetails
from vitreport.records.reader import Run, read_run
from vitreport.run_id import RunId
from vitreport.store.mistakes import NAME, read_sheet

MOST_POINTS = 500
SPLITS = ("train", "val", "test")
POSSIBLE: dict[Metric, Range] = {"accuracy": SHARE, "loss": NOT_NEGATIVE}


def read_details(folders: Iterable[Path], *, finished: bool) -> Details:
    """The curves of these runs and, where they are sound and finished, what they measured on the test split."""
    runs = [read_run(folder) for folder in folders]
    results = [(run, run.result.test) for run in runs if run.result and finished]
    damage: list[Damage] = []
    return Details(
        curves=tuple(_curves([run for run in runs if run.epochs])),
        classes=_classes(results),
        confusion=_confusion(results),
        calibration=_calibration([details for _, details in results]),
        mistakes=next(filter(None, (_mistakes(run, damage) for run, _ in results)), None),
        damage=tuple(damage),
    )


def _curves(runs: Sequence[Run]) -> Iterator[Curve]:
    for metric in get_args(Metric):
        for split in SPLITS:
            measured = [{e.epoch: e.splits[split] for e in run.epochs if split in e.splits} for run in runs]
            if measured := [each for each in measured if each]:
                yield _curve(split, metric, measured)


def _curve(split: str, metric: Metric, measured: Sequence[dict[int, Measurement]]) -> Curve:
    """Over the epochs that all runs have; of very many every so-manieth is kept, and the last."""
    shared = sorted(set.intersection(*map(set, measured)))
    stride = -(-len(shared) // MOST_POINTS) or 1
    epochs = tuple(epoch for index, epoch in enumerate(shared) if (len(shared) - 1 - index) % stride == 0)
    values = [[getattr(run[epoch], metric) for run in measured] for epoch in epochs]
    bands = [_band(each, metric) for each in values] if len(measured) > 1 else []
    return Curve(
        split=split,
        metric=metric,
        epochs=epochs,
        mean=tuple(map(mean, values)),
        low=tuple(low for low, _ in bands) or None,
        high=tuple(high for _, high in bands) or None,
        n=len(measured),
        stride=stride,
    )


def _band(values: Sequence[float], metric: Metric) -> tuple[float, float]:
    return t_interval(values, possible=POSSIBLE[metric]) or (values[0], values[0])


def _alike(results: Sequence[tuple[Run, SplitDetails]]) -> tuple[tuple[str, ...], list[SplitDetails]]:
    """The classes of the first result, and the results that have as many."""
    names: tuple[str, ...] = next((run.record.data.classes for run, _ in results if run.record), ())
    return names, [details for _, details in results if len(details.per_class_count) == len(names)]


def _classes(results: Sequence[tuple[Run, SplitDetails]]) -> tuple[ClassAccuracy, ...]:
    names, details = _alike(results)
    found = [
        (name, share([(each.per_class_correct[index], each.per_class_count[index]) for each in details]))
        for index, name in enumerate(names)
    ]
    return tuple(ClassAccuracy(name, accuracy) for name, accuracy in found if accuracy)


def _confusion(results: Sequence[tuple[Run, SplitDetails]]) -> Confusion | None:
    names, details = _alike(results)
    matrices = [each.confusion for each in details if each.confusion and _is_square(each.confusion, len(names))]
    if not matrices:
        return None
    size = range(len(names))
    counts = tuple(tuple(sum(matrix[row][column] for matrix in matrices) for column in size) for row in size)
    return Confusion(names, counts, len(matrices))


def _is_square(matrix: Sequence[Sequence[int]], size: int) -> bool:
    return len(matrix) == size and all(len(row) == size for row in matrix)


def _calibration(details: Sequence[SplitDetails]) -> Calibration | None:
    error = over_seeds([each.expected_calibration_error for each in details], SHARE)
    if error is None or len({len(each.calibration) for each in details}) > 1:
        return None
    bins = zip(*(each.calibration for each in details), strict=True)
    return Calibration(error, tuple(map(_pooled, bins)), len(details))


def _pooled(bins: Sequence[BinRecord]) -> CalibrationBin:
    """One bin of several runs, weighted by their images."""
    count = sum(each.count for each in bins)
    confidence = sum(each.count * each.confidence for each in bins) / (count or 1)
    return CalibrationBin(count, confidence, sum(each.correct for each in bins) / (count or 1))


def _mistakes(run: Run, damage: list[Damage]) -> Mistakes | None:
    """Return the most confident mistakes of a run with their images; add a sheet that cannot be used to `damage`."""
    recorded = run.result and run.result.mistakes
    names = run.record.data.classes if run.record else ()
    if not (run.result and recorded and len(names) == len(run.result.test.per_class_count)):
        return None
    found: list[str] = []
    sheet = read_sheet(run.folder, recorded, found)
    damage += [Damage(f"{run.id}/{NAME}", line.removeprefix(f"{NAME}: ")) for line in found]
    count, correct = sum(run.result.test.per_class_count), sum(run.result.test.per_class_correct)
    if sheet is None:
        return None
    return Mistakes(
        seed=RunId.parse(run.id).seed,
        mistakes=tuple(
            Mistake(each.index, names[each.label], names[each.predicted], each.confidence) for each in recorded.images
        ),
        wrong=count - correct,
        count=count,
        side=recorded.side,
        png=b64encode(sheet).decode(),
    )
