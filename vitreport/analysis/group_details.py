"""The details of one finished group: classes, confusion, mistakes. Its runs are read again."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vitreport.analysis.class_scores import class_scores, mean_score
from vitreport.formatting import Estimate
from vitreport.intervals import share_of_same_images
from vitreport.records.reader import Damage, Run, read_run
from vitreport.store.mistakes import read_sheet


@dataclass(frozen=True)
class Confusion:
    """`counts[i][j]` counts test images of class i that were taken for class j, over `n` seeds."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    n: int


@dataclass(frozen=True)
class ClassResult:
    """A class of the test split: its accuracy, which is its recall, and the means over seeds of precision and F1."""

    recall: Estimate | None  # None without test images
    precision: float | None
    f1: float | None


@dataclass(frozen=True)
class Mistake:
    """A test image, by its place in the split, that was taken for another class; classes by name."""

    index: int
    label: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Mistakes:
    """The most confident mistakes of the run with this seed, of `wrong` among `count` test images."""

    seed: int
    mistakes: tuple[Mistake, ...]
    wrong: int
    count: int
    side: int  # the width of each image in pixels
    png: str  # the contact sheet in base64


@dataclass(frozen=True)
class Details:
    """What is shown of one group at length; each part is empty or None if no run has it."""

    classes: Mapping[str, ClassResult] = field(default_factory=dict)  # those with test images or predictions
    confusion: Confusion | None = None
    mistakes: Mistakes | None = None
    damage: tuple[Damage, ...] = ()  # found while the details were read


def read_details(folders: Iterable[Path]) -> Details:
    """Return what these finished runs measured on the test split.

    Results with other classes than those of the first are left out of what is shown by class.
    """
    runs = [read_run(folder) for folder in folders]
    done = [(run, run.result.test) for run in runs if run.result]
    names: tuple[str, ...] = next((run.record.data.classes for run, _ in done if run.record), ())
    alike = [test for _, test in done if len(test.per_class_count) == len(names)]
    scores = [class_scores(test) for test in alike]
    by_class: dict[str, ClassResult] = {}
    for place, name in enumerate(names):
        recall = share_of_same_images([(test.per_class_correct[place], test.per_class_count[place]) for test in alike])
        of_seeds = [each.classes[place] for each in scores]
        if counted := [each for each in of_seeds if (each.recall, each.f1) != (None, None)]:
            precision = mean_score([each.precision for each in counted])
            by_class[name] = ClassResult(recall, precision, mean_score([each.f1 for each in counted]))
    matrices = [test.confusion for test in alike if test.confusion]
    pooled = tuple(tuple(map(sum, zip(*rows, strict=True))) for rows in zip(*matrices, strict=True))
    damage: list[Damage] = []
    return Details(
        classes=by_class,
        confusion=Confusion(names, pooled, len(matrices)) if matrices else None,
        mistakes=next(filter(None, (_mistakes(run, damage) for run, _ in done)), None),
        damage=tuple(damage),
    )


def _mistakes(run: Run, damage: list[Damage]) -> Mistakes | None:
    """Return the most confident mistakes of a run with their images; add a sheet that cannot be used to `damage`."""
    result, names = run.result, run.record.data.classes if run.record else ()
    if not (run.spec and result and result.mistakes and len(names) == len(result.test.per_class_count)):
        return None
    found: list[Damage] = []
    sheet = read_sheet(run.folder, result.mistakes, found)
    damage += [replace(each, place=f"{run.id}/{each.place}") for each in found]
    if sheet is None:
        return None
    count = sum(result.test.per_class_count)
    return Mistakes(
        seed=run.spec.seed,
        mistakes=tuple(
            Mistake(each.index, names[each.label], names[each.predicted], each.confidence)
            for each in result.mistakes.images
        ),
        wrong=count - sum(result.test.per_class_correct),
        count=count,
        side=result.mistakes.side,
        png=b64encode(sheet).decode(),
    )
