"""What differs between two runs or two groups, as lines of a table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vitreport.cli.console import print_table, print_text
from vitreport.formatting import SIGNIFICANCE, p_value, percent, rate, toml_value
from vitreport.intervals import mcnemar
from vitreport.records.correct_images import right_alone
from vitreport.records.measurement import METRICS
from vitreport.records.reader import Run
from vitreport.spec.compose import flat
from vitreport.store.state import state_of

MEASURED = ("test_accuracy.", "selected.", "last.", "cost.", "throughput.", "environment.seconds")
RIGHT_ALONE = "test_images_right_alone"
Differences = Mapping[str, tuple[Any, Any]]


def differences(first: Run, second: Run) -> dict[str, tuple[Any, Any]]:
    """What differs between two runs, by dotted path; None where one of them lacks it."""
    left, right = (dict(_compared(run)) for run in (first, second))
    paths = dict.fromkeys([*left, *right])
    found = {path: (left.get(path), right.get(path)) for path in paths if left.get(path) != right.get(path)}
    alone = right_alone(*(run.answers for run in (first, second)))
    return found | {RIGHT_ALONE: alone} if alone and any(alone) else found


def paired(found: Differences) -> str:
    """What the images say that one of two runs alone has right; nothing where that is not known."""
    if RIGHT_ALONE not in found:
        return ""
    p = mcnemar(*found[RIGHT_ALONE])
    told = "differ" if p < SIGNIFICANCE else "are not shown to differ"
    return (
        f"on these test images these two runs {told} (McNemar's exact test, {p_value(p)}); "
        "the spread between seeds is not known"
    )


def not_comparable(found: Differences) -> str:
    """Why the accuracies of two sides do not compare; nothing where they do."""
    datasets = found.get("data.dataset", (None, None))
    if None in datasets:
        return ""
    return f"their accuracies do not compare: {' and '.join(datasets)} are not the same images"


def show_differences(names: Sequence[str], found: Differences) -> None:
    """A line for each path that differs, on stdout."""
    rows = [difference_row(path, *pair) for path, pair in _by_section(_without_repetition(found)).items()]
    told = ["difference"] if any(row[-1] for row in rows) else []
    columns = ["", *names, *told]
    if rows:
        print_table(columns, [row[: len(columns)] for row in rows], right=told)
    else:
        print_text("no difference")


def _by_section(found: Differences) -> Differences:
    """The fields of a section together, though one of two architectures lacks them."""
    sections = list(dict.fromkeys(path.partition(".")[0] for path in found))
    return dict(sorted(found.items(), key=lambda item: sections.index(item[0].partition(".")[0])))


def difference_row(path: str, first: Any, second: Any) -> tuple[str, str, str, str]:
    """A difference between two runs, and by how much the second has more of what was measured."""
    more = ""
    if path.startswith(MEASURED) and _is_number(first) and _is_number(second):
        size = _shown(path, abs(second - first))
        more = f"{'-' if second < first else '+'}{size.replace('%', ' points')}"
    return path, _shown(path, first), _shown(path, second), more


def _without_repetition(found: Differences) -> Differences:
    """Without the last epochs where they are the selected ones."""
    last, selected = (
        {path.removeprefix(block): pair for path, pair in found.items() if path.startswith(block)}
        for block in ("last.", "selected.")
    )
    return {path: pair for path, pair in found.items() if not (last == selected and path.startswith("last."))}


def _shown(path: str, value: Any) -> str:
    """A value with the digits that mean something."""
    if value is None or not (path.startswith(MEASURED) and _is_number(value)):
        return "-" if value is None else value if isinstance(value, str) else toml_value(value)
    name = path.rpartition(".")[2]
    if (
        name == "accuracy"
        or path.startswith("test_accuracy.")
        or (name in METRICS and METRICS[name].unit == "fraction")
    ):
        return percent(value)
    if path.endswith("images_per_second"):
        return rate(value)
    if path.endswith("seconds"):
        return f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compared(run: Run) -> Iterator[tuple[str, Any]]:
    if run.spec:
        yield from flat(run.spec.model_dump(mode="json")).items()
    yield "state", state_of(run)
    if run.record:
        record = run.record
        kept = {"fingerprint": record.fingerprint, "versions": record.versions, "seconds": record.seconds}
        git = record.git and record.git.model_dump()
        yield from flat({"environment": {**kept, "git": git}, "data": record.data.model_dump(mode="json")}).items()
        yield from flat({"cost": record.cost.model_dump(mode="json")}).items()
        yield from flat({"throughput": record.throughput.model_dump(mode="json") if record.throughput else {}}).items()
    if run.result:
        for which, result in (("selected", run.result.selected), ("last", run.result.last)):
            splits = {name: split.values for name, split in result.splits.items()}
            values = {"epoch": result.epoch, "step": result.step, "splits": splits}
            yield from ((path, value) for path, value in flat({which: values}).items() if value is not None)
