"""The tables of a report, the same for every format."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from vitreport.analysis import protocol
from vitreport.analysis import summary as plain
from vitreport.analysis.claims import Verdict
from vitreport.analysis.comparisons import difference_of
from vitreport.analysis.groups import Cost, Group, Named
from vitreport.analysis.labels import field_values
from vitreport.analysis.references import subject_of, where_of
from vitreport.analysis.runs import Dataset, RunSummary
from vitreport.data.registry import bytes_in_words, dataset_title
from vitreport.formatting import Estimate, compact, counted, describe_intervals, duration, milliseconds, percent, rate
from vitreport.records.measurement import SPLITS
from vitreport.records.reader import Damage
from vitreport.report.blocks import NOTHING, Block, Bullets, Code, Number, Table, table
from vitreport.store.run_state import FINISHED_STATES

MAX_COLUMNS = 8
NETWORK_SIZE = ("parameters", "FLOPs forward", "FLOPs training")
MEANS_OF_CLASSES = ("balanced accuracy", "macro F1")
share = partial(percent, digits=1)


def overview(summary: plain.Summary) -> Table:
    """Show architectures by datasets; a pair that the study does not contain is a dash."""
    datasets = list(dict.fromkeys(pair.dataset for pair in summary.begun))
    tests = [pair.group.test for pair in summary.begun if pair.group]
    seeds, rows = vary_in_seeds(tests), []
    for architecture in summary.architectures:
        own = (pair for pair in summary.begun if pair.architecture == architecture.name)
        if outcomes := {pair.dataset: outcome(pair.group, seeds=seeds) for pair in own}:
            rows.append((architecture.title, *(outcomes.get(dataset, NOTHING) for dataset in datasets)))
    caption = "Test accuracy of each architecture on each dataset"
    note = describe_intervals(tests)
    if {each and each.method for each in tests} == {"crossed"}:
        note += protocol.COVERAGE
    return table(caption, ("architecture", *map(dataset_title, datasets)), rows, note=note)


def comparison(content: plain.Comparison) -> Table:
    """Show the groups of a comparison with their differences from the highest test accuracy of several seeds."""
    groups = [group for _, group in content.groups]
    best = max((each for each in groups if each.is_ranked), key=lambda each: each.accuracy_or_zero, default=None)
    found = [difference_of(each, best) if best and each is not best else None for each in groups]
    seeds, scores = vary_in_seeds(group.test for group in groups), _scores_of(groups)
    rows = [
        (
            name,
            outcome(group, seeds=seeds),
            "" if not any(found) else "highest" if group is best else estimate_cell(difference, Estimate.in_signed_pp),
            *_means_of_classes(group)[: len(scores)],
            number(group.cost.parameters if group.cost else None, compact),
            number(group.cost.seconds if group.cost else None, duration),
        )
        for (name, group), difference in zip(content.groups, found, strict=True)
    ]
    kind = "architecture" if len({group.architecture for group in groups}) > 1 else "setting"
    columns = [kind, "test accuracy", "difference from highest (pp)", *scores, "parameters", "time"]
    note = describe_intervals(
        estimate for group, each in zip(groups, found, strict=True) for estimate in (group.test, each)
    )
    note += protocol.without_answers(content.groups) + protocol.scores(groups if scores else [])
    if any(found):
        note += f" {protocol.TEXTS['highest']}"
        if any(each.test and not each.is_ranked for each in groups):
            note += f" {protocol.TEXTS['not_ranked']}"
    return table(f"Test accuracy: {content.heading}", columns, rows, note=note)


def ablation(content: plain.Ablation, published: Mapping[str, Verdict] = {}) -> Table:
    """Show the levels with their accuracies, those `published` for their groups, and differences from the baseline."""
    seeds = vary_in_seeds(level.accuracy for level in content.levels)
    groups = [group for _, group in content.groups]
    scores = _scores_of(groups)
    rows = [
        (
            *content.texts(level),
            outcome(level.group, level.missing, seeds=seeds),
            _published_cell(level.group, published),
            "baseline" if index == content.baseline else estimate_cell(level.difference, Estimate.in_signed_pp),
            *_means_of_classes(level.group)[: len(scores)],
        )
        for index, level in enumerate(content.levels)
    ]
    columns = (*content.axes, "test accuracy", "published", "difference from baseline (pp)", *scores)
    note = describe_intervals(estimate for level in content.levels for estimate in (level.accuracy, level.difference))
    note += protocol.without_answers(content.groups) + protocol.scores(groups if scores else [])
    if any(each.outcome == "not comparable" for each in published.values()):
        note += f" {protocol.TEXTS['not_comparable']}"
    return table(f"Test accuracy of {subject_of(content)}", columns, rows, len(content.axes), note)


def _published_cell(group: Group | None, published: Mapping[str, Verdict]) -> str:
    if not published:
        return ""
    found = published.get(group.id) if group else None
    return Number(found.claim.published, found.claim.value or 0.0) if found else NOTHING


def splits(named: Named) -> Table:
    """Show the accuracies of groups by split, their generalization gaps, and the means over the classes."""
    found = [(group.test, group.validation, group.train, group.gap) for _, group in named]
    seeds = vary_in_seeds(each for estimates in found for each in estimates)
    shown = partial(Estimate.in_percent, seeds=seeds)
    rows = [
        (
            name,
            *(estimate_cell(each, shown) for each in accuracies),
            estimate_cell(gap, Estimate.in_signed_pp),
            *_means_of_classes(group),
        )
        for (name, group), (*accuracies, gap) in zip(named, found, strict=True)
    ]
    columns = ("setting", "test", "validation", "train", "generalization gap (pp)", *MEANS_OF_CLASSES)
    scored = [group for _, group in named if group.balanced_accuracy is not None]
    note = describe_intervals(each for estimates in found for each in estimates) + protocol.scores(scored)
    return table("Accuracy by split", columns, rows, note=note)


def fields(named: Named) -> Iterator[Block]:
    """Yield the settings in which groups differ, of many groups one in a row, and those that they share."""
    groups = [group for _, group in named]
    is_one_model = len({group.architecture for group in groups}) == 1
    content = field_values(groups, lambda path: is_one_model or not path.startswith("model."))
    differing = [(name, *values) for name, values in content.items() if len(set(values)) > 1]
    equal = [(name, values[0]) for name, values in content.items() if len(set(values)) == 1]
    is_turned = len(named) > MAX_COLUMNS
    lines = [("setting" if is_turned else "field", *(name for name, _ in named)), *differing]
    columns, *rows = zip(*lines, strict=True) if is_turned else lines
    yield table("Settings that differ", columns, rows if differing else ())
    models = [] if is_one_model else [(name, settings(group, of_model=True).rows) for name, group in named]
    shared = ("Same for all" if len(named) > 1 else "Settings", equal)
    words = [(title, ", ".join(f"{name} {value}" for name, value in values)) for title, values in (*models, shared)]
    yield Bullets(tuple(f"{title}: {values}." for title, values in words if values))


def settings(group: Group, *, of_model: bool) -> Table:
    """Show the settings of the model of a group, or all others."""
    title = "Settings of the model" if of_model else "Settings of training"
    content = field_values([group], lambda path: path.startswith("model.") == of_model)
    return table(title, ("field", "value"), [(name, *values) for name, values in content.items()], texts=2)


def _scores_of(groups: Iterable[Group]) -> tuple[str, ...]:
    """Return the columns that unequal classes need, in addition to accuracy."""
    return MEANS_OF_CLASSES if any(group.unequal_classes for group in groups) else ()


def _means_of_classes(group: Group | None) -> tuple[str, str]:
    """Return the cells of MEANS_OF_CLASSES."""
    balanced, macro = (group.balanced_accuracy, group.macro_f1) if group else (None, None)
    return number(balanced, share), number(macro, share)


def cost(named: Named) -> Table:
    """Show the cost of groups and the device on which times were measured. Show latency if it is recorded."""
    costs = [(name, group.cost) for name, group in named if group.cost]
    latency = ("latency, batch size 1",) if any(found.latency_ms is not None for _, found in costs) else ()
    is_one_network = len(costs) > 1 and len({_network_size(found) for _, found in costs}) == 1
    rows = [
        (
            name,
            *(() if is_one_network else _network_size(found)),
            number(found.images_per_second, rate),
            *([number(found.latency_ms, milliseconds)] if latency else []),
            number(found.seconds, duration),
            number(found.peak_memory_bytes, lambda value: f"{value / 2**20:,.0f} MiB"),
            found.device,
        )
        for name, found in costs
    ]
    sizes = () if is_one_network else NETWORK_SIZE
    columns = ("setting", *sizes, "images/s", *latency, "time", "memory", "device")
    note = protocol.TEXTS["cost"]
    if is_one_network:
        shared = zip(NETWORK_SIZE, _network_size(costs[0][1]), strict=True)
        note = f"Same for all: {', '.join(f'{name} {value}' for name, value in shared)}. {note}"
    return table("Cost", columns, rows, note=note)


def _network_size(cost: Cost) -> tuple[str, ...]:
    """Return the cells of NETWORK_SIZE."""
    flops = (number(each, compact) for each in (cost.forward_flops, cost.training_flops))
    return (number(cost.parameters, "{:,}".format), *flops)


def commands(groups: Sequence[Group]) -> Table:
    """Show the command that trains each group."""
    rows = [(where_of(group), group.label, Code(group.command)) for group in groups]
    return table("Commands", ("group", "setting", "command"), rows, texts=3)


def data(datasets: Iterable[Dataset]) -> Table:
    """Show which bytes were seen: the fingerprint of the decoded images, and whether they are the published ones."""
    rows = [
        (
            each.title,
            ", ".join(f"{count:,} {SPLITS[split]}" for split, count in each.counts.items()),
            ", ".join(f"{size} x {size}" for size in each.image_sizes),
            number(len(each.classes), str),
            bytes_in_words(each.name, canonical=each.canonical),
            Code(each.fingerprint[:16]),
            each.source,
        )
        for each in datasets
    ]
    columns = ("dataset", "images", "size", "classes", "content", "SHA-256 (start)", "read from")
    return table("The images that the runs used", columns, rows, texts=len(columns))


def provenance(summary: plain.Summary) -> Table:
    """Show devices, versions and commits with their numbers of runs."""
    found = summary.provenance
    kinds = (("device", found.devices, str), ("version", found.versions, str), ("commit", found.commits, Code))
    rows = [
        (kind, as_cell(value), number(count, str)) for kind, values, as_cell in kinds for value, count in values.items()
    ]
    return table("Where the runs come from", ("kind", "value", "runs"), rows, 2, protocol.resumed(summary))


def damage(content: Iterable[Damage]) -> Table:
    """Show which files are damaged."""
    rows = [(Code(each.place), each.reason) for each in content]
    return table("Damaged records", ("file", "problem"), rows, texts=2)


def without_result(summary: plain.Summary) -> Table:
    """Show every run without a result, with how far it came."""
    runs = [*(run for group in summary.groups for run in group.runs), *summary.unplaced]
    rows = [(Code(run.id), run.state, _progress(run), run.note) for run in runs if run.state != "done"]
    return table("Runs without a result", ("run", "state", "reached", "why"), rows, texts=4)


def outcome(group: Group | None, missing: int = 0, *, seeds: bool = True) -> str:
    """Return the test accuracy, or why there is none. Count seeds without a result and `missing` ones."""
    if group is None:
        return "not run"
    if group.test is None:
        first = {run.state: run for run in reversed(group.runs) if run.state != "done"}
        words = (f"{state} ({_progress(run)})".removesuffix(f" ({NOTHING})") for state, run in first.items())
        return "; ".join(words) or "no test accuracy"
    incomplete = group.seeds_without_result
    absent = missing - sum(run.state not in FINISHED_STATES for run in group.runs)
    if absent > 0:
        incomplete = [*incomplete, f"{counted(absent, 'seed')} missing"]
    return Number("; ".join([group.test.in_percent(seeds=seeds), *incomplete]), group.test.value)


def vary_in_seeds(estimates: Iterable[Estimate | None]) -> bool:
    """Return whether the numbers of seeds differ, so that each cell has to say its own."""
    return len({each.n for each in estimates if each}) > 1


def _progress(run: RunSummary) -> str:
    return f"epoch {run.epoch} of {run.epochs}" if run.epoch and run.epochs else NOTHING


def estimate_cell(found: Estimate | None, shown: Callable[[Estimate], str] = Estimate.in_percent) -> str:
    """Return a cell with an estimate, or with a dash if there is none."""
    return Number(shown(found), found.value) if found else NOTHING


def number(value: float | None, shown: Callable[[Any], str]) -> str:
    """Return a cell with a number, or with a dash if there is none."""
    return NOTHING if value is None else Number(shown(value), value)
