"""What a study says of its report: the order, what is planned, and the published claims."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from vitreport.report.facts.ablations import Design
from vitreport.report.facts.standing import Planned
from vitreport.report.facts.summarize import Outline, PlannedSection
from vitreport.report.sentences.claims import Claim
from vitreport.spec.study import ClaimSpec, StudySpec, combination
from vitreport.spec.sweep import called
from vitreport.store.groups import group_of
from vitreport.sweep.plan import Cell, Plan

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
    designs = tuple(_design(plan, planned[name]) for name, plan in plans.items() if plan.axes)
    best = (claim for claim in study.claims if claim.metric == "best_test_accuracy")
    return Outline(designs, tuple(pairs), sections, frozenset(_group(study, plans, each.of, each.at) for each in best))


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
        is_changed = own is None or (claim.group, claim.other) != (own.group, own.other)
        claims.append(replace(claim, changed=changed) if is_changed else claim)
    return claims


def _planned(plan: Plan, command: str) -> Planned:
    cell = _cell_at(plan, plan.baseline or plan.cells[0].values)
    return Planned(cell.spec.model.label, cell.spec.data.dataset, group_of(cell.id), command)


def _design(plan: Plan, planned: Planned) -> Design:
    return Design(
        id=plan.id,
        name=plan.name,
        axes=tuple(axis.name for axis in plan.axes),
        cells=tuple((cell.values, cell.id) for cell in plan.cells),
        baseline=plan.baseline,
        source="study",
        planned=planned,
    )


def statement_of(study: StudySpec, claim: ClaimSpec) -> str:
    """perceiver-io/batch-size: batch_size 16 reaches 50.67%"""
    if claim.says:
        return f"{claim.of}: {claim.says}"
    part = study.parts[claim.of]
    value = called([axis.name for axis in part.axes()], part.cells()[combination(claim.at)])
    subject = f"{claim.of}: {value}" if value else claim.of
    if claim.value is None:
        return f"{subject} is {claim.relation} {combination(claim.other)}"
    best = ", the best of all epochs" if claim.metric == "best_test_accuracy" else ""
    return f"{subject} reaches {claim.value.shown}{best}"


def _claim(study: StudySpec, claim: ClaimSpec, plans: Plans, command_of: CommandOf) -> Claim:
    other = claim.other if claim.of in study.runs else None
    return Claim(
        statement=statement_of(study, claim),
        source=claim.source,
        group=_group(study, plans, claim.of, claim.at),
        relation=claim.relation,
        value=claim.value.fraction if claim.value else None,
        digits=claim.value.digits if claim.value else 0,
        other=_other_group(study, claim, plans),
        best_over_epochs=claim.metric == "best_test_accuracy",
        not_comparable=study.faults.get(claim.fault, ""),
        command=command_of(claim.of, *([other] if other else [])),
    )


def _other_group(study: StudySpec, claim: ClaimSpec, plans: Plans) -> str:
    """What a claim compares with: another combination of its ablation, or another run."""
    if claim.other is None:
        return ""
    if claim.of in study.ablations:
        return _group(study, plans, claim.of, claim.other)
    return _group(study, plans, claim.other, None)


def _group(study: StudySpec, plans: Plans, name: str, at: object) -> str:
    return group_of(_cell_at(plans[name], study.parts[name].cells()[combination(at)]).id)


def _cell_at(plan: Plan, labels: tuple[str, ...]) -> Cell:
    """With the first seed."""
    return next(cell for cell in plan.cells if cell.values == labels)
