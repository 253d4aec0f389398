"""The tables of a report as rows of text, the same for every format."""

from collections.abc import Callable, Sequence

from vitreport.analysis.claims import Verdict
from vitreport.analysis.details import SPLITS, Confusion, Damage, Mistakes
from vitreport.analysis.summary import (
    Ablation,
    Architecture,
    Dataset,
    FieldTable,
    Group,
    Level,
    Pair,
    RunSummary,
    Section,
    Summary,
)
from vitreport.analysis.titles import titles
from vitreport.data.catalogue import bytes_in_words
from vitreport.formatting import compact, counted, duration, joined, percent, rate
from vitreport.report.blocks import Code, Table, table, with_commands
from vitreport.run_id import hash_in_group

MOST_CONFUSED = 10
NOTHING = "\N{EN DASH}"
STATES = {"unfinished": "not finished", "no record": "no record"}


def overview(summary: Summary) -> Table:
    """Architectures by data sets, with what has not been run and the command for it."""
    names = titles(summary)
    datasets = list(dict.fromkeys(cell.dataset for cell in summary.pairs))
    rows = []
    for architecture in summary.architectures:
        cells = {cell.dataset: cell for cell in architecture.pairs}
        rows.append((architecture.title, *(_overview_cell(cells.get(dataset)) for dataset in datasets)))
    return table(("architecture", *(names.get(dataset, dataset) for dataset in datasets)), rows)


def section(content: Section, names: dict[str, str]) -> Table:
    """The runs of a part of a study by name, with the command for what has not been run."""
    rows = [
        (
            name,
            names.get(cell.architecture, cell.architecture),
            names.get(cell.dataset, cell.dataset),
            _overview_cell(cell),
            Code("" if cell.group else cell.command),
        )
        for name, cell in content.runs
    ]
    return with_commands(("run", "architecture", "data set", "test accuracy", "command"), rows)


def missing_levels(content: Ablation) -> list[tuple[str, str]]:
    """The values of an ablation that have not been run, by the command that runs them."""
    commands: dict[str, list[str]] = {}
    for level in content.levels:
        if level.group is None and level.command:
            commands.setdefault(level.command, []).append(level.shown)
    return [(joined(values), command) for command, values in commands.items()]


def missing(summary: Summary) -> list[tuple[str, str]]:
    """Each pair that has not been run, and the command that runs it; those of a study stand in its sections."""
    names = titles(summary)
    return [
        (f"{names.get(cell.architecture, cell.architecture)} on {names.get(cell.dataset, cell.dataset)}", cell.command)
        for cell in summary.pairs
        if cell.group is None and not summary.sections
    ]


def outcome(group: Group) -> str:
    """The test accuracy, or why there is none; seeds without a result are counted."""
    troubles = {run.state: 0 for run in group.runs if run.state != "done"}
    for run in group.runs:
        if run.state in troubles:
            troubles[run.state] += 1
    if group.test is None:
        return "; ".join(_trouble(group, state) for state in troubles) or "no test accuracy"
    told = [f"{count} of {len(group.runs)} seeds {STATES.get(state, state)}" for state, count in troubles.items()]
    return "; ".join([group.test.in_percent(), *told])


def results(architecture: Architecture, names: dict[str, str]) -> Table:
    """Every group of an architecture: accuracies by split and the distance of train and test, in points."""
    rows = [
        (
            names.get(group.dataset, group.dataset),
            group.label or "as in the first table",
            group.train.in_percent() if group.train else NOTHING,
            group.validation.in_percent() if group.validation else NOTHING,
            outcome(group),
            group.gap.signed_points() if group.gap else NOTHING,
        )
        for group in architecture.groups
    ]
    return table(("data set", "setting", "train", "validation", "test", "train less test, points"), rows, texts=2)


def ablation(content: Ablation) -> Table:
    """The values with their accuracies and how far each is from the baseline."""
    rows = [
        (
            *level.texts,
            _level_outcome(level),
            _difference(content, index),
            _p(level),
            _seeds(level),
        )
        for index, level in enumerate(content.levels)
    ]
    columns = (*content.axes, "test accuracy", "less the baseline, points", "p (Holm)", "seeds")
    return table(columns, rows, texts=len(content.axes))


def differing_fields(content: FieldTable, groups: Sequence[Group], names: dict[str, str]) -> Table:
    """What differs between the groups of an architecture, one row a group."""
    datasets = {group.id: names.get(group.dataset, group.dataset) for group in groups}
    rows = [(datasets[group_id], Code(hash_in_group(group_id)), *values) for group_id, values in content.rows]
    return table(("data set", "group", *content.names), rows, texts=2)


def shared_fields(content: FieldTable) -> Table:
    return table(("field", "value"), list(content.shared), texts=2)


def classes(cells: Sequence[Pair], names: dict[str, str]) -> Table:
    rows = [
        (names.get(cell.dataset, cell.dataset), each.name, each.accuracy.in_percent())
        for cell in cells
        if cell.group and cell.group.details
        for each in cell.group.details.classes
    ]
    return table(("data set", "class", "test accuracy"), rows, texts=2)


def confused(content: Confusion) -> Table:
    """The pairs of classes that are taken for each other most often."""
    pairs = [
        (count / max(1, sum(row)), content.classes[i], content.classes[j], count)
        for i, row in enumerate(content.counts)
        for j, count in enumerate(row)
        if i != j and count
    ]
    rows = [(true, taken, percent(share, 1), str(count)) for share, true, taken, count in sorted(pairs, reverse=True)]
    return table(("class", "taken for", "share of its images", "images"), rows[:MOST_CONFUSED], texts=2)


def mistakes(content: Mistakes) -> Table:
    """In the order of their images in the sheet."""
    rows = [
        (str(number), each.label, each.predicted, percent(each.confidence, 1), str(each.index))
        for number, each in enumerate(content.mistakes, start=1)
    ]
    return table(("no.", "class", "taken for", "confidence", "test image"), rows, texts=3)


def cost(cells: Sequence[Pair], names: dict[str, str]) -> Table:
    """What the groups of the first table take, with the device that their times were measured on."""
    rows = []
    for cell in cells:
        if cell.group and cell.group.cost:
            found = cell.group.cost
            rows.append(
                (
                    names.get(cell.architecture, cell.architecture),
                    names.get(cell.dataset, cell.dataset),
                    f"{found.parameters:,}",
                    compact(found.forward_flops),
                    compact(found.training_flops),
                    _or_nothing(found.images_per_second, rate),
                    _or_nothing(found.seconds, duration),
                    _or_nothing(found.peak_memory_bytes, lambda value: f"{value / 2**20:,.0f} MiB"),
                    found.device,
                )
            )
    measured = ("parameters", "FLOPs forward", "FLOPs training", "images/s", "time", "memory", "device")
    return table(("architecture", "data set", *measured), rows, texts=2)


def verdicts(content: Sequence[Verdict]) -> Table:
    rows = [
        (each.claim.statement, each.claim.source, each.outcome, each.reason, Code(_command(each))) for each in content
    ]
    return with_commands(("published claim", "source", "verdict", "measured", "command"), rows)


def data(datasets: Sequence[Dataset]) -> Table:
    """Which bytes: the fingerprint of the decoded images, and whether they are the published ones."""
    rows = [
        (
            each.title,
            ", ".join(f"{count:,} {SPLITS[split]}" for split, count in each.counts),
            ", ".join(f"{size} x {size}" for size in each.image_sizes),
            str(len(each.classes)),
            bytes_in_words(each.name, canonical=each.canonical),
            Code(each.fingerprint[:16]),
            each.source,
        )
        for each in datasets
    ]
    return table(("data set", "images", "size", "classes", "bytes", "SHA-256 begins", "read from"), rows, texts=7)


def provenance(summary: Summary) -> Table:
    found = summary.provenance
    kinds = (("device", found.devices, str), ("version", found.versions, str), ("commit", found.commits, Code))
    rows = [(kind, as_cell(value), str(count)) for kind, values, as_cell in kinds for value, count in values]
    return table(("kind", "value", "runs"), rows, texts=2)


def damage(content: Sequence[Damage]) -> Table:
    return table(("file", "what is wrong"), [(Code(each.place), each.reason) for each in content], texts=2)


def troubled(summary: Summary) -> Table:
    """Every run without a result, with how far it came."""
    runs = [*(run for group in summary.groups for run in group.runs), *summary.unplaced]
    told = [run for run in runs if run.state != "done"]
    rows = [(Code(run.id), STATES.get(run.state, run.state), _reached(run), run.note) for run in told]
    return table(("run", "state", "reached", "why"), rows, texts=4)


def _overview_cell(cell: Pair | None) -> str:
    """A pair that a study does not have is no gap."""
    if cell is None:
        return NOTHING
    return outcome(cell.group) if cell.group else "not run"


def _command(verdict: Verdict) -> str:
    """Where more runs would settle it."""
    claim = verdict.claim
    return "" if verdict.measured or claim.not_comparable or claim.changed else claim.command


def _trouble(group: Group, state: str) -> str:
    run = next(run for run in group.runs if run.state == state)
    return f"{STATES.get(state, state)}{f' ({_reached(run)})' if run.last_seen else ''}"


def _reached(run: RunSummary) -> str:
    if run.last_seen is None:
        return NOTHING
    split, reached = run.last_seen
    when = "in" if split == "train" else "after"
    return f"{percent(reached, 1)} {SPLITS[split]} {when} epoch {run.epoch} of {run.epochs}"


def _level_outcome(level: Level) -> str:
    if level.accuracy is None:
        return STATES.get(level.state, level.state)
    lacking = f"; {counted(level.missing, 'seed')} missing" if level.missing else ""
    return f"{level.accuracy.in_percent()}{lacking}"


def _difference(content: Ablation, index: int) -> str:
    if index == content.baseline:
        return "baseline"
    difference = content.levels[index].difference
    return difference.signed_points() if difference else NOTHING


def _seeds(level: Level) -> str:
    return str(level.accuracy.n) if level.accuracy else "0"


def _p(level: Level) -> str:
    if level.difference is None or level.difference.p is None:
        return NOTHING
    return "< 0.001" if level.difference.p < 0.001 else f"{level.difference.p:.2g}"


def _or_nothing(value: float | None, shown: Callable[[float], str]) -> str:
    return NOTHING if value is None else shown(value)
