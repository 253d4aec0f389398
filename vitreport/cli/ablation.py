"""From what stands on the command line to the plans of sweeps, and to their results."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vitreport.cli.compose import Request
from vitreport.cli.composer import Composer, common_folder
from vitreport.cli.console import note
from vitreport.cli.live.sweep import choose_sweep_view
from vitreport.cli.studies import StudyRequest, plan_study
from vitreport.cli.tables.sweeps import show_summaries, tell_missing
from vitreport.errors import Problem, SpecError
from vitreport.runtime import Runtime
from vitreport.spec.load import assign
from vitreport.spec.sweep import AxisSpec, field_axis, parse_list, parse_seeds, shown_value, zipped
from vitreport.store.reader import Run
from vitreport.sweep.plan import Plan, make_plan
from vitreport.sweep.record import write_sweep
from vitreport.sweep.run import Policy, run_sweep
from vitreport.sweep.summary import Summary, summarize

FALLBACK = {"model.name": "perceiver-io"}


@dataclass(frozen=True)
class Asked:
    """A sweep as it was asked for: a run's request, and what is varied in it; or a study and its ablations."""

    request: Request
    params: Sequence[tuple[str, str]]
    zip: bool
    baseline: str | None
    study: str | None
    only: list[str]
    seeds: str
    max_cells: int


def make_plans(asked: Asked, data_dir: Path | None) -> tuple[list[Plan], Path]:
    """One plan, or those of a study, and the folder that their data sets lie in; raises SpecError."""
    if asked.study is None:
        data_dirs: dict[str, Path] = {}
        own = replace(asked.request, fallback=assign(FALLBACK, "default"))
        plan = _own_plan(asked, Composer(own, "--param", data_dir, data_dirs))
        return [plan], common_folder([plan], data_dirs)
    _refuse_beside_study(asked)
    request = asked.request
    wanted = StudyRequest(asked.study, asked.only, asked.seeds, request.assignments, asked.max_cells, request.weights)
    planned = plan_study(wanted, data_dir, ablations_only=True)
    return list(planned.plans.values()), planned.data_dir


def run_and_show(plans: Sequence[Plan], runtime: Runtime, policy: Policy, *, quiet: bool, as_json: bool) -> None:
    """Train what is missing of each sweep; the tables on stdout. Raises DamageError where cells are missing."""
    summaries: list[Summary] = []
    runs: dict[str, Run] = {}
    for plan in plans:
        if len(plans) > 1 and not quiet:
            note(plan.name)
        file = write_sweep(runtime.runs_dir, plan) if plan.axes else None
        with choose_sweep_view([axis.name for axis in plan.axes], plan.cells, quiet=quiet) as view:
            runs |= run_sweep(plan.cells, runtime, policy, argv=sys.argv[1:], observer=view)
        if file and not quiet:
            note(f"the sweep is {file}")
        summaries.append(summarize(plan, runs))
        if policy.fail_fast and summaries[-1].missing:
            break
    show_summaries(summaries, as_json=as_json)
    tell_missing(summaries, runs)


def _own_plan(asked: Asked, composer: Composer) -> Plan:
    if asked.only:
        raise SpecError("--only chooses from a study", "--study small-images")
    if not asked.params:
        raise SpecError("nothing is varied", "--param batch_size 16,32,64, or --study small-images")
    axes = _axes(asked.params)
    if asked.zip:
        axes = [zipped(axes)]
    baseline = [shown_value(value) for value in parse_list(asked.baseline)] if asked.baseline else []
    if asked.zip and baseline:
        baseline = [", ".join(baseline)]
    return make_plan(
        axes, parse_seeds(asked.seeds), composer, baseline=tuple(baseline) or None, max_cells=asked.max_cells
    )


def _axes(params: Sequence[tuple[str, str]]) -> list[AxisSpec]:
    """Raises SpecError with the faults of all of them."""
    axes: list[AxisSpec] = []
    problems: list[Problem] = []
    for name, text in params:
        try:
            axes.append(field_axis(name, parse_list(text)))
        except SpecError as error:
            told = error.problems or [Problem(name, error.message, error.hint)]
            problems += [replace(problem, origin="--param") for problem in told]
    if problems:
        raise SpecError(problems=problems)
    return axes


def _refuse_beside_study(asked: Asked) -> None:
    request = asked.request
    given = {
        "MODEL": request.model,
        "--dataset": request.dataset,
        "--preset": request.preset,
        "--spec": request.spec_file,
        "--param": asked.params,
        "--zip": asked.zip,
        "--baseline": asked.baseline,
    }
    if beside := [name for name, value in given.items() if value]:
        raise SpecError(
            f"a study says itself what is varied: leave out {', '.join(beside)}", "--set changes all its runs"
        )
