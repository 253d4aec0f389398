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
from vitreport.records.measurement import SPLITS, SplitDetails
from vitreport.records.reader import Run, read_run
from vitreport.run_id import RunId
from vitreport.store.mistakes import NAME, read_sheet

MOST_POINTS = 500
POSSIBLE: dict[Metric, Range] = {"accuracy": SHARE, "loss": NOT_NEGATIVE}


def read_details(folders: Iterable[Path], *, finished: bool) -> Details:
    """Return the curves of these runs and, if they are finished, what they measured on the test split.

    Results with other classes than those of the first are left out of what is shown by class.
    """
    runs = [read_run(folder) for folder in folders]
    results = [(run, run.result.test) for run in runs if run.result and finished]
    names: tuple[str, ...] = next((run.record.data.classes for run, _ in results if run.record), ())
    alike = [test for _, test in results if len(test.per_class_count) == len(names)]
    damage: list[Damage] = []
    return Details(
        curves=tuple(_curves([run for run in runs if run.epochs])),
        classes=tuple(_classes(names, alike)),
        confusion=_confusion(names, [test.confusion for test in alike if test.confusion]),
        calibration=_calibration([test for _, test in results]),
        mistakes=next(filter(None, (_mistakes(run, damage) for run, _ in results)), None),
        damage=tuple(damage),
    )


def _curves(runs: Sequence[Run]) -> Iterator[Curve]:
    """Average over the epochs that all runs have; of very many epochs keep one in every stride, and the last."""
    for metric in get_args(Metric):
        for split in SPLITS:
            measured = [{e.epoch: e.splits[split] for e in run.epochs if split in e.splits} for run in runs]
            measured = [of_run for of_run in measured if of_run]
            if not measured:
                continue
            shared = sorted(set.intersection(*map(set, measured)))
            stride = -(-len(shared) // MOST_POINTS) or 1
            epochs = tuple(epoch for index, epoch in enumerate(shared) if (len(shared) - 1 - index) % stride == 0)
            values = [[getattr(run[epoch], metric) for run in measured] for epoch in epochs]
            bands = [
                t_interval(of_epoch, possible=POSSIBLE[metric]) or (of_epoch[0], of_epoch[0])
                for of_epoch in values
                if len(measured) > 1
            ]
            low, high = tuple(end for end, _ in bands) or None, tuple(end for _, end in bands) or None
            yield Curve(split, metric, epochs, tuple(map(mean, values)), low, high, len(measured), stride)


def _classes(names: Sequence[str], tests: Sequence[SplitDetails]) -> Iterator[ClassAccuracy]:
    for place, name in enumerate(names):
        if accuracy := share([(test.per_class_correct[place], test.per_class_count[place]) for test in tests]):
            yield ClassAccuracy(name, accuracy)


def _confusion(names: tuple[str, ...], matrices: Sequence[Sequence[Sequence[int]]]) -> Confusion | None:
    size = range(len(names))
    counts = tuple(tuple(sum(matrix[row][column] for matrix in matrices) for column in size) for row in size)
    return Confusion(names, counts, len(matrices)) if matrices else None


def _calibration(tests: Sequence[SplitDetails]) -> Calibration | None:
    """Pool the bins of several runs, weighted by their images."""
    error = over_seeds([test.expected_calibration_error for test in tests], SHARE)
    if error is None or len({len(test.calibration) for test in tests}) > 1:
        return None
    bins = []
    for pooled in zip(*(test.calibration for test in tests), strict=True):
        count = sum(of_run.count for of_run in pooled)
        confidence = sum(of_run.count * of_run.confidence for of_run in pooled) / (count or 1)
        bins.append(CalibrationBin(count, confidence, sum(of_run.correct for of_run in pooled) / (count or 1)))
    return Calibration(error, tuple(bins), len(tests))


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
