"""What a study says of its report: the order, what is planned, and the published claims."""

from collections.abc import Callable, Mapping, Sequence

from vitreport.analysis.claims import Claim
from vitreport.analysis.references import architecture_title
from vitreport.analysis.representatives import Planned
from vitreport.analysis.sections import PlannedSection
from vitreport.analysis.study_text import PlannedNumber, Template
from vitreport.analysis.summarize import Outline
from vitreport.data.registry import dataset_title
from vitreport.spec.study import ClaimSpec, StudySpec, combination
from vitreport.spec.study_text import Reference, read_prose
from vitreport.spec.sweep import describe_level
from vitreport.sweep.plan import Plan, Trial
from vitreport.sweep.study_plan import StudyRequest

BEST_TRAIN = "the highest training accuracy of all epochs is not measured, only that at the best epoch"
Plans = Mapping[str, Plan]


def outline_of(study: StudySpec, plans: Plans, command_of: Callable[..., str]) -> Outline:
    """Plan all runs and ablations of a study; the baseline of an ablation represents a pair without a run.

    `command_of` gives the command that trains what is missing of some parts, without any of all. Introduction and
    conclusion, and sections of text alone, are about all parts: an outline of some has none.
    """
    planned = {name: _planned(_first_trial(plan), command_of(name)) for name, plan in plans.items()}
    runs = [planned[name] for name, plan in plans.items() if not plan.axes]
    with_runs = {each[:2] for each in runs}
    texts, is_whole = _texts(study, plans), len(plans) == len(study.parts)
    return Outline(
        sweeps=tuple(plan.record for plan in plans.values() if plan.axes),
        pairs=tuple(each for each in planned.values() if each in runs or each[:2] not in with_runs),
        sections=tuple(
            PlannedSection(
                title=section.title,
                question=section.question,
                runs=tuple((name, planned[name]) for name in section.runs if name in plans),
                ablations=tuple(plans[name].id for name in section.ablations if name in plans),
                command=command_of(*(name for name in section.parts if name in plans)),
                text=texts.get(f"sections.{index}.text", ()),
            )
            for index, section in enumerate(study.order)
            if not plans.keys().isdisjoint(section.parts) or (is_whole and not section.parts)
        ),
        parts={plan.id: planned[name] for name, plan in plans.items()},
        command=command_of(),
        introduction=texts["introduction"] if is_whole else (),
        conclusion=texts["conclusion"] if is_whole else (),
    )


def outline_of_sweeps(plans: Sequence[Plan]) -> Outline:
    """Return an outline with one section: the plans without axes as its runs, the others as its ablations."""
    planned = {plan.id: _planned(_first_trial(plan), "") for plan in plans}
    runs = tuple((plan.name, planned[plan.id]) for plan in plans if not plan.axes)
    sweeps = tuple(plan.record for plan in plans if plan.axes)
    title = plans[0].name if len(plans) == 1 else "Sweeps"
    section = PlannedSection(title, "", runs, tuple(sweep.id for sweep in sweeps))
    # A sweep may vary the architecture: each level has a pair, not the baseline alone.
    levels = (_planned(trial, "") for plan in plans for trial in plan.trials)
    return Outline(sweeps, tuple(dict.fromkeys((*planned.values(), *levels))), (section,), parts=planned)


def claims_of(study: StudySpec, plans: Plans, request: StudyRequest) -> list[Claim]:
    """Return the claims with the groups that they are about. Runs that `--set` changes answer none of them."""
    options = " ".join(f"--set {each}" for each in request.assignments)
    changed = [f"trained with {options}"] if options else []
    claims = []
    for claim in study.claims_about(plans):
        figure = claim.value or claim.spread_below or claim.gap_above
        run = claim.other if claim.of in study.runs else None
        if claim.spread_below:
            groups = list(dict.fromkeys(trial.spec.group for trial in plans[claim.of].trials))
        else:
            groups = [_group(study, plans, claim.of, claim.at)]
        if claim.other is not None:
            groups.append(_group(study, plans, run or claim.of, None if run else claim.other))
        faults = [*changed, *(study.faults[name] for name in claim.fault)]
        faults += [BEST_TRAIN] if claim.metric == "best_train_accuracy" else []
        found = Claim(
            *words_of(study, claim),
            part=plans[claim.of].name if plans[claim.of].axes else claim.of,
            source=claim.source,
            group=groups[0],
            relation=claim.relation,
            value=figure.fraction if figure else claim.converged_at,
            digits=figure.digits if figure else 0,
            others=tuple(groups[1:]),
            metric=claim.metric,
            faults=tuple(faults),
            command=request.command(claim.of, *([run] if run else [])),
        )
        claims.append(found)
    return claims


def words_of(study: StudySpec, claim: ClaimSpec) -> tuple[str, str]:
    """Word what a claim is about, and what it says: Perceiver IO on CIFAR-10, batch_size 16; 50.67%."""
    part = study.parts[claim.of]
    axes = [axis.name for axis in part.axes]
    level = (
        f"any {', '.join(axes)}"
        if claim.spread_below
        else describe_level(axes, part.combinations()[combination(claim.at)])
    )
    split = "training" if claim.metric == "best_train_accuracy" else "test"
    metric = "" if claim.metric == "test_accuracy" else f"best {split} accuracy of all epochs"
    subject = ", ".join(filter(None, [_title(study, claim.of), level, metric, claim.says and f"“{claim.says}”"]))
    if claim.value or claim.converged_at:
        return subject, claim.value.shown if claim.value else f"epoch {claim.converged_at}"
    if bound := claim.spread_below or claim.gap_above:
        return subject, f"{claim.relation.replace('_', ' ')} {bound.shown.replace('%', ' pp')}"
    other = _title(study, claim.other) if claim.of in study.runs else combination(claim.other)
    return subject, f"{claim.relation} {other}"


def _title(study: StudySpec, name: str) -> str:
    """Return Perceiver IO on CIFAR-10, followed by the name of a run if several have this title."""
    part, dataset = study.parts[name], dataset_title(study.parts[name].dataset)
    if any(axis.name == "model" for axis in part.axes):
        return dataset
    alike = [each for each in study.runs.values() if (each.model, each.dataset) == (part.model, part.dataset)]
    own_name = f", {name}" if name in study.runs and len(alike) > 1 else ""
    return f"{architecture_title(part.model)} on {dataset}{own_name}"


def _texts(study: StudySpec, plans: Plans) -> dict[str, Template]:
    """Return the texts by their places in the file, with what is planned for each number."""
    levels = {name: part.combinations() for name, part in study.named.items()}

    def planned(name: str, level: str) -> Planned | None:
        return _planned(_first_trial(plans[name], levels[name][level]), "") if name in plans else None

    def number(piece: Reference) -> PlannedNumber:
        names = {each.name for each in piece.operands}
        design = plans[names.pop()].id if len(names) == 1 and names <= plans.keys() else ""
        return PlannedNumber(piece.quantity, tuple(planned(each.name, each.level) for each in piece.operands), design)

    return {
        place: tuple(piece if isinstance(piece, str) else number(piece) for piece in read_prose(text, levels)[0])
        for place, text in study.texts.items()
    }


def _planned(trial: Trial, command: str) -> Planned:
    return Planned(trial.spec.model.whole_label, trial.spec.data.dataset, trial.spec.group, command)


def _group(study: StudySpec, plans: Plans, name: str, at: object) -> str:
    return _first_trial(plans[name], study.parts[name].combinations()[combination(at)]).spec.group


def _first_trial(plan: Plan, labels: tuple[str, ...] | None = None) -> Trial:
    """Return the first seed of a combination (default: the baseline, else the first)."""
    labels = labels or plan.baseline or plan.trials[0].values
    return next(trial for trial in plan.trials if trial.values == labels)
