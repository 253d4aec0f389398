"""What follows from a summary, in sentences; each rule is a function, and none speaks without its uncertainty."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from vitreport.analysis.ablation_findings import level_differences, paired, paired_levels, trend
from vitreport.analysis.claims import Verdict
from vitreport.analysis.comparisons import accuracies, why_no_difference
from vitreport.analysis.finding import Finding
from vitreport.analysis.summary import Dataset, Group, Pair, Summary
from vitreport.analysis.titles import subject_of, titles, where_of
from vitreport.formatting import Estimate, each_with_evidence, joined, percent
from vitreport.intervals import differences_over_seeds

OVERFITTING = 0.05
STILL_FALLING = 0.9
NO_RESULT = "without a result"


def findings(summary: Summary, verdicts: Sequence[Verdict] = ()) -> list[Finding]:
    """What is best first, then what published claims do not hold, then architecture by architecture."""
    names = titles(summary)
    found = []
    for dataset in dict.fromkeys(cell.dataset for cell in summary.pairs):
        standing = [cell.group for cell in summary.pairs if cell.dataset == dataset and cell.group]
        found += [*best(standing, names), *paired_cells(dataset, summary.pairs, names)]
    found += list(contradictions(verdicts))
    for architecture in summary.architectures:
        own: list[Finding] = []
        for ablation in architecture.ablations:
            where = subject_of(ablation, names)
            told = [*trend(ablation, where), *level_differences(ablation, where), *paired_levels(ablation, where)]
            own += [replace(finding, ablation=ablation.name) for finding in told]
        for cell in architecture.pairs:
            if cell.group:
                where = where_of(cell, names)
                own += [*overfitting(cell.group, where), *convergence(cell.group, where)]
        for group in architecture.groups:
            own += no_result(group, where_of(group, names))
        found += [replace(finding, architecture=architecture.name) for finding in own]
    return [*found, *data(summary.datasets)]


def best(groups: Sequence[Group], names: Mapping[str, str]) -> Iterator[Finding]:
    """Which architecture has the highest test accuracy on one data set, and whether the seeds show it."""
    ranked = sorted(((g, g.test) for g in groups if g.test), key=lambda each: each[1].value, reverse=True)
    if not ranked:
        return
    (first, highest), *rest = ranked
    others = [group for group, _ in rest]
    where, name = names.get(first.dataset, first.dataset), names.get(first.architecture, first.architecture)
    if not others:
        sentence = f"On {where}, {name} reaches {highest.in_percent()}; no other architecture has a result there."
        yield Finding("alone", sentence, (first.id,), highest)
        return
    by_seed = [accuracies(group) for group in (first, *others)]
    _, *less = differences_over_seeds(by_seed, by_seed[0], is_chosen=True)
    found = [(other, each) for other, each in zip(others, less, strict=True) if each]
    ids = tuple(group.id for group, _ in ranked)
    if len(found) < len(others):
        unknown = next(other for other, each in zip(others, less, strict=True) if not each)
        why = why_no_difference([first, unknown])
        top = f"The highest test accuracy measured there is that of {name}, {highest.in_percent()}"
        yield Finding("no winner", f"On {where}, no winner is claimed: {why}. {top}.", ids, highest)
    elif tied := [(other, each) for other, each in found if not each.is_shown]:
        told = each_with_evidence([(names.get(other.architecture, other.architecture), each) for other, each in tied])
        top = f"On {where}, {name} has the highest mean test accuracy, {highest.in_percent()}"
        yield Finding("tie", f"{top}, but no difference is shown from {told}{_above(found, names)}.", ids, tied[0][1])
    else:
        nearest, distance = found[0][0], found[0][1].turned()
        next_best = names.get(nearest.architecture, nearest.architecture)
        sentence = (
            f"On {where}, {name} is best with {highest.in_percent()}: {distance.points()} above {next_best}, the next "
            f"({distance.evidence()})."
        )
        yield Finding("best", sentence, ids, distance)


def _above(found: Sequence[tuple[Group, Estimate]], names: Mapping[str, str]) -> str:
    """; above Swin Transformer by 3.1 points (...): those from which a difference is shown."""
    told = [
        f"{names.get(other.architecture, other.architecture)} by {less.points()} ({less.turned().evidence()})"
        for other, less in found
        if less.is_shown
    ]
    return f"; it is above {joined(told)}" if told else ""


def paired_cells(dataset: str, cells: Sequence[Pair], names: Mapping[str, str]) -> Iterator[Finding]:
    """The architectures of single runs on a data set against the one of them with the most images right."""
    called = {cell.group.id: names.get(cell.architecture, cell.architecture) for cell in cells if cell.group}
    runs = [
        (called[cell.group.id], cell.paired, (cell.group.id, cell.paired.other))
        for cell in cells
        if cell.dataset == dataset and cell.group and cell.paired
    ]
    if runs:
        yield from paired(names.get(dataset, dataset), called[runs[0][1].other], runs)


def overfitting(group: Group, where: str) -> Iterator[Finding]:
    """How far training accuracy is above test accuracy; over-fitting is more than 5 points, interval and all.

    Nothing is claimed where the class shares of the splits differ: a difference of more than 5 points could come from
    them alone.
    """
    gap = group.gap
    if gap is None or gap.low is None or gap.high is None:
        return
    if group.shares_apart is None or group.shares_apart > OVERFITTING:
        why = "the records do not count the training images by class"
        if group.shares_apart is not None:
            share = percent(group.shares_apart, 1)
            why = f"the class shares of the training and the test images differ by {share}"
        told = f"{where}: over-fitting is not assessed, because training and test accuracy are not comparable: {why}."
        yield Finding("class shares", told, (group.id,))
        return
    side, limit = "above" if gap.value >= 0 else "below", f"more than {100 * OVERFITTING:.0f} points"
    told = f"training accuracy is {gap.points()} {side} test accuracy (training minus test: {gap.signed_evidence()})"
    if gap.low > OVERFITTING:
        verdict = f"over-fits by {limit}"
    elif gap.high < OVERFITTING:
        verdict = f"does not over-fit by {limit}"
    else:
        verdict = f"is not shown to over-fit by {limit}"
    yield Finding("over-fitting", f"{where} {verdict}: {told}.", (group.id,), gap)


def convergence(group: Group, where: str) -> Iterator[Finding]:
    """When the training loss had made 95% of its fall; late in training, more epochs may help."""
    if group.converged is None:
        return
    epochs = int(group.fields["train.epochs"])
    late = group.converged.value > STILL_FALLING * epochs
    end = "; that is late, and more epochs may change the result" if late else ""
    sentence = (
        f"{where}: the training loss had made 95% of its fall by epoch {group.converged.in_numbers()} of {epochs}{end}."
    )
    yield Finding("convergence", sentence, (group.id,), group.converged)


def no_result(group: Group, where: str) -> Iterator[Finding]:
    """Runs that diverged, failed, are damaged or not finished."""
    label = f" with {group.label}" if group.label else ""
    for state in dict.fromkeys(run.state for run in group.runs if run.state != "done"):
        runs = [run for run in group.runs if run.state == state]
        seeds = f"{len(runs)} of {len(group.runs)} seeds" if len(group.runs) > 1 else "its single run"
        note = runs[0].note.removeprefix(state).strip()
        why = f" ({note})" if note else ""
        ended = _ended(state, "is" if len(runs) == 1 else "are")
        yield Finding("no result", f"{where}{label}: {seeds} {ended}{why}, {NO_RESULT}.", (group.id,))


def contradictions(verdicts: Sequence[Verdict]) -> Iterator[Finding]:
    """Published claims that several seeds speak against."""
    for verdict in verdicts:
        if verdict.contradicts:
            claim = verdict.claim
            sentence = f"Published: “{claim.statement}” ({claim.source}). Here: {verdict.reason}."
            ids = tuple(name for name in (claim.group, claim.other) if name)
            yield Finding("contradiction", sentence, ids, verdict.measured)


def data(datasets: Sequence[Dataset]) -> Iterator[Finding]:
    """Images that are not the published ones: their results are not results on the published data set."""
    for dataset in datasets:
        if dataset.is_altered:
            yield Finding(
                "data",
                f"{dataset.title}: the images are not the canonical bytes of {dataset.name} ({dataset.source}); "
                "its results are not results on the published data set. No interval covers that.",
            )


def _ended(state: str, verb: str) -> str:
    told = {"unfinished": f"{verb} not finished", "no record": "left no record", "damaged": f"{verb} damaged"}
    return told.get(state, state)
