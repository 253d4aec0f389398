"""The tables of a report, the same for every format."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from vitreport.analysis.claims import Verdict
from vitreport.analysis.datasets import Dataset
from vitreport.analysis.group_details import Confusion, Mistakes
from vitreport.analysis.groups import Group
from vitreport.analysis.references import architecture_title
from vitreport.analysis.runs import RunSummary
from vitreport.analysis.summary import Ablation, Architecture, FieldTable, Level, Pair, Section, Summary
from vitreport.data.registry import bytes_in_words, dataset_title
from vitreport.formatting import Estimate, compact, counted, duration, percent, rate
from vitreport.records.measurement import SPLITS
from vitreport.records.reader import Damage
from vitreport.report.blocks import NOTHING, Code, Number, Table, table
from vitreport.run_id import hash_in_group

MOST_CONFUSED = 10
STATES = {"unfinished": "not finished", "no record": "no record"}


def overview(summary: Summary) -> Table:
    """Architectures by data sets; a pair that a study does not have is no gap."""
    datasets = list(dict.fromkeys(cell.dataset for cell in summary.pairs))
    rows = []
    for architecture in summary.architectures:
        cells = {cell.dataset: cell for cell in architecture.pairs}
        rows.append((architecture.title, *(_overview_cell(cells.get(dataset)) for dataset in datasets)))
    columns = ("architecture", *(dataset_title(dataset) for dataset in datasets))
    return table("Test accuracy of each architecture on each data set", columns, rows)


def study_runs(section: Section) -> Table:
    """The runs of a part of a study by name, with the command for what has not been run."""
    rows = [
        (
            name,
            architecture_title(cell.architecture),
            dataset_title(cell.dataset),
            _overview_cell(cell),
            Code("" if cell.group else cell.command),
        )
        for name, cell in section.runs
    ]
    caption = section.title if section.title.lower().startswith("runs") else f"Runs: {section.title}"
    return _with_commands(caption, ("run", "architecture", "data set", "test accuracy", "command"), rows)


def results(architecture: Architecture) -> Table:
    """Every group of an architecture: accuracies by split and the distance of train and test, in points."""
    rows = [
        (
            dataset_title(group.dataset),
            group.label or "as in the first table",
            _accuracy(group.train),
            _accuracy(group.validation),
            outcome(group),
            _points(group.gap),
        )
        for group in architecture.groups
    ]
    columns = ("data set", "setting", "train", "validation", "test", "train less test, points")
    return table(f"Results of {architecture.title}", columns, rows, texts=2)


def ablation(content: Ablation, subject: str = "") -> Table:
    """The values with their accuracies and how far each is from the baseline."""
    rows = [
        (
            *level.texts,
            _level_outcome(level),
            "baseline" if index == content.baseline else _points(level.difference),
            _p(level.difference),
            _number(level.accuracy.n if level.accuracy else 0, str),
        )
        for index, level in enumerate(content.levels)
    ]
    columns = (*content.axes, "test accuracy", "less the baseline, points", "p (Holm)", "seeds")
    return table(f"Test accuracy of {subject}", columns, rows, texts=len(content.axes))


def differing_fields(content: FieldTable, kind: str, groups: Sequence[Group]) -> Table:
    """What differs between the groups of an architecture, one row a group."""
    datasets = {group.id: dataset_title(group.dataset) for group in groups}
    rows = [(datasets[group_id], Code(hash_in_group(group_id)), *values) for group_id, values in content.rows]
    columns = ("data set", "group", *content.names)
    return table(f"What differs between the groups, {kind}", columns, rows if content.names else [], texts=2)


def shared_fields(content: FieldTable, kind: str = "") -> Table:
    return table(f"What all groups share, {kind}", ("field", "value"), content.shared, texts=2)


def classes(cells: Sequence[Pair]) -> Table:
    rows = [
        (dataset_title(cell.dataset), each.name, _accuracy(each.accuracy))
        for cell in cells
        if cell.group and cell.group.details
        for each in cell.group.details.classes
    ]
    return table("Test accuracy by class", ("data set", "class", "test accuracy"), rows, texts=2)


def confused(content: Confusion, where: str) -> Table:
    """The pairs of classes that are taken for each other most often."""
    pairs = [
        (count / max(1, sum(row)), content.classes[i], content.classes[j], count)
        for i, row in enumerate(content.counts)
        for j, count in enumerate(row)
        if i != j and count
    ]
    most = sorted(pairs, reverse=True)[:MOST_CONFUSED]
    rows = [(true, taken, _number(share, _share), _number(count, str)) for share, true, taken, count in most]
    columns = ("class", "taken for", "share of its images", "images")
    return table(f"Most often confused, {where}", columns, rows, texts=2)


def mistakes(content: Mistakes) -> Table:
    """In the order of their images in the sheet."""
    rows = [
        (str(number), each.label, each.predicted, _number(each.confidence, _share), str(each.index))
        for number, each in enumerate(content.mistakes, start=1)
    ]
    return table("Confident mistakes", ("no.", "class", "taken for", "confidence", "test image"), rows, texts=3)


def cost(cells: Sequence[Pair]) -> Table:
    """What the groups of the first table take, with the device that their times were measured on."""
    rows = [
        (
            architecture_title(cell.architecture),
            dataset_title(cell.dataset),
            _number(found.parameters, "{:,}".format),
            _number(found.forward_flops, compact),
            _number(found.training_flops, compact),
            _number(found.images_per_second, rate),
            _number(found.seconds, duration),
            _number(found.peak_memory_bytes, lambda value: f"{value / 2**20:,.0f} MiB"),
            found.device,
        )
        for cell in cells
        if cell.group and (found := cell.group.cost)
    ]
    measured = ("parameters", "FLOPs forward", "FLOPs training", "images/s", "time", "memory", "device")
    return table("What each architecture takes", ("architecture", "data set", *measured), rows, texts=2)


def verdicts(content: Sequence[Verdict]) -> Table:
    """Published claims, with a command where more runs would settle one."""
    rows = []
    for each in content:
        claim = each.claim
        is_settled = each.measured or claim.not_comparable
        command = Code("" if is_settled else claim.command)
        rows.append((claim.statement, claim.source, each.outcome, each.reason, command))
    columns = ("published claim", "source", "verdict", "measured", "command")
    return _with_commands("Published claims with what was measured", columns, rows)


def data(datasets: Sequence[Dataset]) -> Table:
    """Which bytes: the fingerprint of the decoded images, and whether they are the published ones."""
    rows = [
        (
            each.title,
            ", ".join(f"{count:,} {SPLITS[split]}" for split, count in each.counts),
            ", ".join(f"{size} x {size}" for size in each.image_sizes),
            _number(len(each.classes), str),
            bytes_in_words(each.name, canonical=each.canonical),
            Code(each.fingerprint[:16]),
            each.source,
        )
        for each in datasets
    ]
    columns = ("data set", "images", "size", "classes", "bytes", "SHA-256 begins", "read from")
    return table("The images that the runs saw", columns, rows, texts=len(columns))


def provenance(summary: Summary) -> Table:
    found = summary.provenance
    kinds = (("device", found.devices, str), ("version", found.versions, str), ("commit", found.commits, Code))
    rows = [(kind, as_cell(value), _number(count, str)) for kind, values, as_cell in kinds for value, count in values]
    return table("Where the runs come from", ("kind", "value", "runs"), rows, texts=2)


def damage(content: Sequence[Damage]) -> Table:
    rows = [(Code(each.place), each.reason) for each in content]
    return table("Damaged records", ("file", "what is wrong"), rows, texts=2)


def without_result(summary: Summary) -> Table:
    """Every run without a result, with how far it came."""
    runs = [*(run for group in summary.groups for run in group.runs), *summary.unplaced]
    rows = [
        (Code(run.id), STATES.get(run.state, run.state), _reached(run), run.note) for run in runs if run.state != "done"
    ]
    return table("Runs without a result", ("run", "state", "reached", "why"), rows, texts=4)


def outcome(group: Group) -> str:
    """The test accuracy, or why there is none; seeds without a result are counted."""
    troubles = Counter(run.state for run in group.runs if run.state != "done")
    if group.test is None:
        return "; ".join(_trouble(group, state) for state in troubles) or "no test accuracy"
    lacking = [f"{count} of {len(group.runs)} seeds {STATES.get(state, state)}" for state, count in troubles.items()]
    return Number("; ".join([group.test.in_percent(), *lacking]), group.test.value)


def _with_commands(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of texts; its last column is there where a row needs a command."""
    shown = len(columns) if any(row[-1] for row in rows) else len(columns) - 1
    return table(caption, columns[:shown], [row[:shown] for row in rows], texts=shown)


def _overview_cell(cell: Pair | None) -> str:
    if cell is None:
        return NOTHING
    return outcome(cell.group) if cell.group else "not run"


def _trouble(group: Group, state: str) -> str:
    run = next(run for run in group.runs if run.state == state)
    return f"{STATES.get(state, state)}{f' ({_reached(run)})' if run.last_seen else ''}"


def _reached(run: RunSummary) -> str:
    if run.last_seen is None:
        return NOTHING
    split, reached = run.last_seen
    when = "in" if split == "train" else "after"
    return f"{_share(reached)} {SPLITS[split]} {when} epoch {run.epoch} of {run.epochs}"


def _level_outcome(level: Level) -> str:
    if level.accuracy is None:
        return STATES.get(level.state, level.state)
    lacking = f"; {counted(level.missing, 'seed')} missing" if level.missing else ""
    return Number(f"{level.accuracy.in_percent()}{lacking}", level.accuracy.value)


def _accuracy(estimate: Estimate | None) -> str:
    return Number(estimate.in_percent(), estimate.value) if estimate else NOTHING


def _points(difference: Estimate | None) -> str:
    return Number(difference.signed_points(), difference.value) if difference else NOTHING


def _p(difference: Estimate | None) -> str:
    if difference is None or difference.p is None:
        return NOTHING
    return Number("< 0.001" if difference.p < 0.001 else f"{difference.p:.2g}", difference.p)


def _share(value: float) -> str:
    return percent(value, 1)


def _number(value: float | None, shown: Callable[[Any], str]) -> str:
    return NOTHING if value is None else Number(shown(value), value)
