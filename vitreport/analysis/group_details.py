"""The details of one finished group: classes, confusion, mistakes. Its runs are read again."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vitreport.analysis.class_scores import class_scores, mean_score
from vitreport.formatting import Estimate
from vitreport.intervals import mean_proportion_same_images
from vitreport.records.measurement import ClassifiedImage
from vitreport.records.reader import Damage, Run, read_run
from vitreport.store.contact_sheets import MISTAKES, read_attention, read_sheet


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
class ShownImage:
    """A test image, by its place in the split, its class, and the class that it was taken for; classes by name."""

    index: int
    label: str
    predicted: str
    confidence: float

    @property
    def answer(self) -> str:
        """How it was classified, in words."""
        return "correct" if self.label == self.predicted else f"classified as {self.predicted}"


@dataclass(frozen=True)
class Mistakes:
    """The most confident mistakes of the run with this seed, of `wrong` among `count` test images."""

    seed: int
    images: tuple[ShownImage, ...]
    wrong: int
    count: int
    side: int  # the width of each image in pixels
    png: str  # the contact sheet in base64


@dataclass(frozen=True)
class Attention:
    """Test images of the run with this seed, each beside the same image under its attention map."""

    seed: int
    method: str  # how the map is obtained, in words
    images: tuple[ShownImage, ...]
    side: int  # the width of each image in pixels
    png: str  # the contact sheet in base64


@dataclass(frozen=True)
class GroupDetails:
    """What is shown of one group at length; each part is empty or None if no run has it."""

    classes: Mapping[str, ClassResult] = field(default_factory=dict)  # those with test images or predictions
    confusion: Confusion | None = None
    mistakes: Mistakes | None = None
    attention: Attention | None = None
    damage: tuple[Damage, ...] = ()  # found while the details were read


def read_details(folders: Iterable[Path]) -> GroupDetails:
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
        recall = mean_proportion_same_images(
            [(test.per_class_correct[place], test.per_class_count[place]) for test in alike]
        )
        of_seeds = [each.classes[place] for each in scores]
        if counted := [each for each in of_seeds if (each.recall, each.f1) != (None, None)]:
            precision = mean_score([each.precision for each in counted])
            by_class[name] = ClassResult(recall, precision, mean_score([each.f1 for each in counted]))
    matrices = [test.confusion for test in alike if test.confusion]
    pooled = tuple(tuple(map(sum, zip(*rows, strict=True))) for rows in zip(*matrices, strict=True))
    damage: dict[str, list[Damage]] = {run.id: [] for run, _ in done}
    return GroupDetails(
        classes=by_class,
        confusion=Confusion(names, pooled, len(matrices)) if matrices else None,
        mistakes=next(filter(None, (_mistakes(run, damage[run.id]) for run, _ in done)), None),
        attention=next(filter(None, (_attention(run, damage[run.id]) for run, _ in done)), None),
        damage=tuple(replace(each, place=f"{name}/{each.place}") for name, found in damage.items() for each in found),
    )


def _mistakes(run: Run, damage: list[Damage]) -> Mistakes | None:
    """Return the most confident mistakes of a run with their images; add a sheet that cannot be used to `damage`."""
    result, names = run.result, _classes(run)
    if not (run.spec and result and result.mistakes and names):
        return None
    record, path = result.mistakes, run.folder / MISTAKES
    sheet = read_sheet(path, record.sha256, "result.json", damage)
    if sheet is None:
        return None
    count = sum(result.test.per_class_count)
    return Mistakes(
        seed=run.spec.seed,
        images=_shown(record.images, names),
        wrong=count - sum(result.test.per_class_correct),
        count=count,
        side=record.side,
        png=b64encode(sheet).decode(),
    )


def _attention(run: Run, damage: list[Damage]) -> Attention | None:
    """Return what a run attends to; add files that cannot be used to `damage`."""
    result, names = run.result, _classes(run)
    if not (run.spec and result and names):
        return None
    if (found := read_attention(run.folder, result, damage)) is None:
        return None
    record, sheet = found
    images, png = _shown(record.images, names), b64encode(sheet).decode()
    return Attention(run.spec.seed, record.method, images, record.side, png)


def _classes(run: Run) -> tuple[str, ...]:
    """Return the names of the classes of a run, none if its result has others."""
    names = run.record.data.classes if run.record else ()
    return names if run.result and len(names) == len(run.result.test.per_class_count) else ()


def _shown(images: Iterable[ClassifiedImage], names: Sequence[str]) -> tuple[ShownImage, ...]:
    return tuple(ShownImage(each.index, names[each.label], names[each.predicted], each.confidence) for each in images)
