"""The tables of a report, the same for every format."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from vitreport.analysis import protocol
from vitreport.analysis import summary as plain
from vitreport.analysis.claims import Verdict
from vitreport.analysis.group_details import Confusion, Mistakes
from vitreport.analysis.groups import Group
from vitreport.analysis.references import architecture_title, subject_of
from vitreport.analysis.runs import Dataset, RunSummary
from vitreport.data.registry import bytes_in_words, dataset_title
from vitreport.formatting import Estimate, compact, counted, duration, methods, percent, rate
from vitreport.records.measurement import SPLITS
from vitreport.records.reader import Damage
from vitreport.report.blocks import NOTHING, Code, Number, Table, table
from vitreport.run_id import hash_in_group

MOST_CONFUSED = 10
_share = partial(percent, digits=1)


def overview(summary: plain.Summary) -> Table:
    """Show architectures by datasets; a pair that a study does not have is no gap."""
    datasets = list(dict.fromkeys(pair.dataset for pair in summary.pairs))
    rows = []
    for architecture in summary.architectures:
        outcomes = {pair.dataset: outcome(pair.group) for pair in architecture.pairs}
        rows.append((architecture.title, *(outcomes.get(dataset, NOTHING) for dataset in datasets)))
    caption = "Test accuracy of each architecture on each dataset"
    note = methods(pair.group.test for pair in summary.pairs if pair.group)
    return table(caption, ("architecture", *map(dataset_title, datasets)), rows, note=note)


def study_runs(section: plain.Section) -> Table:
    """Show the runs of a part of a study by name, with the command for what has not been run."""
    rows = [
        (name, *titles_of(pair), outcome(pair.group), Code("" if pair.group else pair.command))
        for name, pair in section.runs
    ]
    columns = ("run", "architecture", "dataset", "test accuracy", "command")
    return table(f"Runs: {section.title}", columns, rows, texts=5)


def results(architecture: plain.Architecture) -> Table:
    """Show every group of an architecture: accuracies by split and the generalization gap."""
    rows = [
        (
            dataset_title(group.dataset),
            group.label or "as in the first table",
            *map(_estimate, (group.train, group.validation)),
            outcome(group),
            _estimate(group.gap, Estimate.signed_points),
        )
        for group in architecture.groups
    ]
    columns = ("dataset", "setting", "train", "validation", "test", "generalization gap (pp)")
    return table(f"Results of {architecture.title}", columns, rows, texts=2)


def ablation(content: plain.Ablation) -> Table:
    """Show the levels with their accuracies and differences from the baseline."""
    rows = [
        (
            *level.texts,
            _outcome_of_level(level),
            "baseline" if index == content.baseline else _estimate(level.difference, Estimate.signed_points),
            number(level.accuracy.n if level.accuracy else 0, str),
        )
        for index, level in enumerate(content.levels)
    ]
    columns = (*content.axes, "test accuracy", "difference from baseline (pp)", "seeds")
    note = methods(estimate for level in content.levels for estimate in (level.accuracy, level.difference))
    return table(f"Test accuracy of {subject_of(content)}", columns, rows, len(content.axes), note)


def fields(content: plain.FieldTable, kind: str, groups: Sequence[Group]) -> tuple[Table, Table]:
    """Show the fields in which the groups of an architecture differ, one row per group, and those that they share."""
    datasets = {group.id: dataset_title(group.dataset) for group in groups}
    rows = [(datasets[name], Code(hash_in_group(name)), *values) for name, values in content.rows if content.names]
    columns = ("dataset", "group", *content.names)
    differing = table(f"What differs between the groups, {kind}", columns, rows, texts=2)
    return differing, table(f"What all groups share, {kind}", ("field", "value"), content.shared, texts=2)


def classes(pairs: Iterable[plain.Pair]) -> Table:
    """Show the test accuracy of each class."""
    rows = [
        (dataset_title(pair.dataset), each.name, _estimate(each.accuracy))
        for pair in pairs
        if pair.group and pair.group.details
        for each in pair.group.details.classes
    ]
    return table("Test accuracy by class", ("dataset", "class", "test accuracy"), rows, texts=2)


def confused(content: Confusion, where: str) -> Table:
    """Show the pairs of classes that are taken for each other most often."""
    pairs = [
        (count / max(1, sum(row)), content.classes[i], content.classes[j], count)
        for i, row in enumerate(content.counts)
        for j, count in enumerate(row)
        if i != j and count
    ]
    most = sorted(pairs, reverse=True)[:MOST_CONFUSED]
    rows = [(true, taken, number(share, _share), number(count, str)) for share, true, taken, count in most]
    columns = ("class", "predicted", "share of its images", "images")
    return table(f"Most often confused, {where}", columns, rows, texts=2)


def mistakes(content: Mistakes, where: str) -> Table:
    """Show the most confident mistakes, in the order of their images in the sheet."""
    rows = [
        (str(place), each.label, each.predicted, number(each.confidence, _share), str(each.index))
        for place, each in enumerate(content.mistakes, start=1)
    ]
    columns = ("no.", "class", "predicted", "confidence", "test image")
    return table(f"Confident mistakes, {where}", columns, rows, texts=3)


def cost(pairs: Iterable[plain.Pair]) -> Table:
    """Show what the groups of the first table take, with the device on which their times were measured."""
    rows = [
        (
            *titles_of(pair),
            number(found.parameters, "{:,}".format),
            number(found.forward_flops, compact),
            number(found.training_flops, compact),
            number(found.images_per_second, rate),
            number(found.seconds, duration),
            number(found.peak_memory_bytes, lambda value: f"{value / 2**20:,.0f} MiB"),
            found.device,
        )
        for pair in pairs
        if pair.group and (found := pair.group.cost)
    ]
    measured = ("parameters", "FLOPs forward", "FLOPs training", "images/s", "time", "memory", "device")
    return table("What each architecture takes", ("architecture", "dataset", *measured), rows, 2, protocol.COST)


def verdicts(content: Iterable[Verdict]) -> Table:
    """Show published claims, with a command where more runs would settle one."""
    rows = []
    for each in content:
        claim, is_settled = each.claim, each.measured or each.claim.not_comparable
        rows.append(
            (claim.statement, claim.source, each.outcome, each.reason, Code("" if is_settled else claim.command))
        )
    columns = ("published claim", "source", "verdict", "measured", "command")
    return table("Published claims with what was measured", columns, rows, texts=5)


def data(datasets: Iterable[Dataset]) -> Table:
    """Show which bytes were seen: the fingerprint of the decoded images, and whether they are the published ones."""
    rows = [
        (
            each.title,
            ", ".join(f"{count:,} {SPLITS[split]}" for split, count in each.counts),
            ", ".join(f"{size} x {size}" for size in each.image_sizes),
            number(len(each.classes), str),
            bytes_in_words(each.name, canonical=each.canonical),
            Code(each.fingerprint[:16]),
            each.source,
        )
        for each in datasets
    ]
    columns = ("dataset", "images", "size", "classes", "bytes", "SHA-256 begins", "read from")
    return table("The images that the runs saw", columns, rows, texts=len(columns))


def provenance(summary: plain.Summary) -> Table:
    """Show devices, versions and commits with their numbers of runs."""
    found = summary.provenance
    kinds = (("device", found.devices, str), ("version", found.versions, str), ("commit", found.commits, Code))
    rows = [(kind, as_cell(value), number(count, str)) for kind, values, as_cell in kinds for value, count in values]
    return table("Where the runs come from", ("kind", "value", "runs"), rows, 2, protocol.resumed(summary))


def damage(content: Iterable[Damage]) -> Table:
    """Show which files are damaged."""
    rows = [(Code(each.place), each.reason) for each in content]
    return table("Damaged records", ("file", "what is wrong"), rows, texts=2)


def without_result(summary: plain.Summary) -> Table:
    """Show every run without a result, with how far it came."""
    runs = [*(run for group in summary.groups for run in group.runs), *summary.unplaced]
    rows = [(Code(run.id), run.state, _reached(run), run.note) for run in runs if run.state != "done"]
    return table("Runs without a result", ("run", "state", "reached", "why"), rows, texts=4)


def outcome(group: Group | None) -> str:
    """Return the test accuracy, or why there is none; seeds without a result are counted."""
    if group is None:
        return "not run"
    counts = Counter(run.state for run in group.runs if run.state != "done")
    if group.test is None:
        first = {run.state: run for run in reversed(group.runs)}
        words = (f"{state} ({_reached(first[state])})".removesuffix(f" ({NOTHING})") for state in counts)
        return "; ".join(words) or "no test accuracy"
    lacking = [f"{count} of {len(group.runs)} seeds {state}" for state, count in counts.items()]
    return Number("; ".join([group.test.in_percent(), *lacking]), group.test.value)


def _reached(run: RunSummary) -> str:
    if run.last_seen is None:
        return NOTHING
    split, reached = run.last_seen
    when = "in" if split == "train" else "after"
    return f"{_share(reached)} {SPLITS[split]} {when} epoch {run.epoch} of {run.epochs}"


def _outcome_of_level(level: plain.Level) -> str:
    lacking = f"; {counted(level.missing, 'seed')} missing" if level.missing else ""
    return _estimate(level.accuracy, lambda found: found.in_percent() + lacking) if level.accuracy else level.state


def titles_of(pair: plain.Pair) -> tuple[str, str]:
    """Return the titles of an architecture and of a dataset."""
    return architecture_title(pair.architecture), dataset_title(pair.dataset)


def _estimate(found: Estimate | None, shown: Callable[[Estimate], str] = Estimate.in_percent) -> str:
    return Number(shown(found), found.value) if found else NOTHING


def number(value: float | None, shown: Callable[[Any], str]) -> str:
    """Return a cell with a number, or with a dash if there is none."""
    return NOTHING if value is None else Number(shown(value), value)
