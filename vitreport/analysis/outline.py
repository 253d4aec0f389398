"""What a study says of its report: the order, what is planned, and the published claims."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from vitreport.analysis.analyze import Outline, PlannedSection
from vitreport.analysis.claims import Claim
from vitreport.analysis.pairs import Planned
from vitreport.records.sweeps import SweepRecord, TrialRecord
from vitreport.spec.study import ClaimSpec, StudySpec, combination
from vitreport.spec.sweep import called
from vitreport.sweep.plan import Plan, Trial

BEST_TRAIN = "the best training accuracy of all epochs is not measured, only that of the selected epoch"
Plans = Mapping[str, Plan]
CommandOf = Callable[..., str]
"""The command that trains what is missing of the parts that are named."""


def outline_of(study: StudySpec, plans: Plans, command_of: CommandOf) -> Outline:
    """All runs and ablations of the study; of a pair without a run its ablations stand by their baselines."""
    planned = {name: _planned(plan, command_of(name)) for name, plan in plans.items()}
    runs = [planned[name] for name, plan in plans.items() if not plan.axes]
    with_runs = {(each.architecture, each.dataset) for each in runs}
    pairs = [each for each in planned.values() if each in runs or (each.architecture, each.dataset) not in with_runs]
    sections = tuple(
        PlannedSection(
            title=section.title,
            question=section.question,
            runs=tuple((name, planned[name]) for name in section.runs),
            ablations=tuple(plans[name].id for name in section.ablations),
        )
        for section in study.order
    )
    sweeps = tuple(_sweep(plan) for plan in plans.values() if plan.axes)
    parts = {plan.id: planned[name] for name, plan in plans.items()}
    best = (claim for claim in study.claims if claim.metric == "best_test_accuracy")
    best_over_epochs = frozenset(_group(study, plans, each.of, each.at) for each in best)
    return Outline(sweeps, tuple(pairs), sections, best_over_epochs, parts)


def claims_of(
    study: StudySpec, plans: Plans, command_of: CommandOf, published: Plans | None, assignments: Sequence[str] = ()
) -> list[Claim]:
    """The claims with the groups that they are about.

    `published` has the plans without `assignments`, None where there are none: where these change what is trained,
    no run answers the claim.
    """
    changed = f"trained with {' '.join(f'--set {each}' for each in assignments)}"
    claims = []
    for spec in study.claims:
        claim = _claim(study, spec, plans, command_of)
        own = _claim(study, spec, published, command_of) if published is not None else None
        is_changed = own is None or (claim.group, claim.other, claim.others) != (own.group, own.other, own.others)
        claims.append(replace(claim, changed=changed) if is_changed else claim)
    return claims


def outline_of_sweeps(plans: Sequence[Plan]) -> Outline:
    """Return an outline with one section: the plans without axes as its runs, the others as its ablations."""
    planned = {plan.id: _planned(plan, "") for plan in plans}
    runs = tuple((plan.name, planned[plan.id]) for plan in plans if not plan.axes)
    sweeps = tuple(_sweep(plan) for plan in plans if plan.axes)
    title = plans[0].name if len(plans) == 1 else "Sweeps"
    section = PlannedSection(title, "", runs, tuple(sweep.id for sweep in sweeps))
    # A sweep may vary the architecture: each level has a pair, not the baseline alone.
    levels = (_planned_of(trial, "") for plan in plans for trial in plan.trials)
    pairs = tuple(dict.fromkeys((*planned.values(), *levels)))
    return Outline(sweeps, pairs, (section,), parts=planned)


def _planned(plan: Plan, command: str) -> Planned:
    return _planned_of(_trial_at(plan, plan.baseline or plan.trials[0].values), command)


def _planned_of(trial: Trial, command: str) -> Planned:
    return Planned(trial.spec.model.label, trial.spec.data.dataset, trial.spec.group, command)


def _sweep(plan: Plan) -> SweepRecord:
    trials = tuple(TrialRecord(values=trial.values, run=trial.id) for trial in plan.trials)
    return SweepRecord(id=plan.id, name=plan.name, axes=plan.axes, baseline=plan.baseline, trials=trials)


def statement_of(study: StudySpec, claim: ClaimSpec) -> str:
    """perceiver-io/batch-size: batch_size 16 reaches 50.67%"""
    if claim.says:
        return f"{claim.of}: {claim.says}"
    if claim.spread_below is not None:
        return f"{claim.of}: all test accuracies differ by less than {claim.spread_below.shown}"
    part = study.parts[claim.of]
    value = called([axis.name for axis in part.axes], part.combinations()[combination(claim.at)])
    subject = f"{claim.of}: {value}" if value else claim.of
    if claim.converged_at is not None:
        return f"{subject} has converged at about epoch {claim.converged_at}"
    if claim.gap_above is not None:
        return f"{subject} over-fits: training accuracy is more than {claim.gap_above.shown} above test accuracy"
    if claim.value is None:
        return f"{subject} is {claim.relation} {combination(claim.other)}"
    best = ", the best of all epochs" if claim.metric != "test_accuracy" else ""
    on_train = " on the training images" if claim.metric == "best_train_accuracy" else ""
    return f"{subject} reaches {claim.value.shown}{on_train}{best}"


def _claim(study: StudySpec, claim: ClaimSpec, plans: Plans, command_of: CommandOf) -> Claim:
    other = claim.other if claim.of in study.runs else None
    figure = claim.value or claim.spread_below or claim.gap_above
    every = tuple(dict.fromkeys(each.spec.group for each in plans[claim.of].trials)) if claim.spread_below else ()
    if claim.other is None:
        other_group = ""
    elif other:
        other_group = _group(study, plans, other, None)
    else:
        other_group = _group(study, plans, claim.of, claim.other)
    is_of_train = claim.metric == "best_train_accuracy"
    reasons = [*(study.faults[name] for name in claim.fault), *([BEST_TRAIN] if is_of_train else [])]
    return Claim(
        statement=statement_of(study, claim),
        source=claim.source,
        group=every[0] if every else _group(study, plans, claim.of, claim.at),
        relation=claim.relation,
        value=figure.fraction if figure else claim.converged_at,
        digits=figure.digits if figure else 0,
        other=other_group,
        others=every[1:],
        split="train" if is_of_train else "test",
        best_over_epochs=claim.metric == "best_test_accuracy",
        not_comparable="; ".join(reasons),
        command=command_of(claim.of, *([other] if other else [])),
    )


def _group(study: StudySpec, plans: Plans, name: str, at: object) -> str:
    return _trial_at(plans[name], study.parts[name].combinations()[combination(at)]).spec.group


def _trial_at(plan: Plan, labels: tuple[str, ...]) -> Trial:
    """With the first seed."""
    return next(trial for trial in plan.trials if trial.values == labels)
