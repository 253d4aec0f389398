"""What is shown of one group at length: curves, classes, confusion, calibration, mistakes. Its runs are read again."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Literal, get_args

from vitreport.formatting import Estimate
from vitreport.intervals import NOT_NEGATIVE, SHARE, Range, over_seeds, share, t_interval
from vitreport.records.measurement import SPLITS, SplitDetails
from vitreport.records.reader import Damage, Run, read_run
from vitreport.run_id import RunId
from vitreport.store.mistakes import read_sheet

Metric = Literal["accuracy", "loss"]
POSSIBLE: dict[Metric, Range] = {"accuracy": SHARE, "loss": NOT_NEGATIVE}
MOST_POINTS = 500


@dataclass(frozen=True)
class Curve:
    """The mean over seeds of each epoch: of the training split over its batches, of others after it.

    `low` and `high` are the t interval, None for a single run; where the seeds do not vary both are the mean.

    A curve of very many epochs holds one in every `stride`.
    """

    split: str
    metric: Metric
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None
    n: int
    stride: int = 1


@dataclass(frozen=True)
class ClassAccuracy:
    name: str
    accuracy: Estimate


@dataclass(frozen=True)
class Confusion:
    """`counts[i][j]` counts test images of class i taken for class j, over `n` seeds."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    n: int


@dataclass(frozen=True)
class CalibrationBin:
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """Test images of `n` seeds by confidence, and the expected calibration error (Guo et al. 2017)."""

    error: Estimate
    bins: tuple[CalibrationBin, ...]
    n: int


@dataclass(frozen=True)
class Mistake:
    """A test image, by its place in the split, that was taken for another class; classes by name."""

    index: int
    label: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Mistakes:
    """The most confident mistakes of the run with this seed, of `wrong` among `count` test images.

    `png` is their contact sheet in base64, as `store.mistakes` lays it out, each image `side` pixels wide.
    """

    seed: int
    mistakes: tuple[Mistake, ...]
    wrong: int
    count: int
    side: int
    png: str


@dataclass(frozen=True)
class Details:
    """What is shown of one group at length; each part is empty or None where no run has it.

    `damage` is what was found only when it was looked for.
    """

    curves: tuple[Curve, ...] = ()
    classes: tuple[ClassAccuracy, ...] = ()
    confusion: Confusion | None = None
    calibration: Calibration | None = None
    mistakes: Mistakes | None = None
    damage: tuple[Damage, ...] = ()


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
    found: list[Damage] = []
    sheet = read_sheet(run.folder, recorded, found)
    damage += [replace(each, place=f"{run.id}/{each.place}") for each in found]
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
