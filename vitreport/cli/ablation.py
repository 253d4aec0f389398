"""From what stands on the command line to the plans of sweeps, and to their results."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.cli.compose import Request, compose_request
from vitreport.cli.console import note
from vitreport.cli.sweeping import choose_sweep_view
from vitreport.cli.sweeps import show_summaries, tell_missing
from vitreport.errors import Problem, SpecError
from vitreport.runtime import Runtime
from vitreport.spec.load import assign, layer_of
from vitreport.spec.run import RunSpec
from vitreport.spec.study import AblationSpec, read_study
from vitreport.spec.sweep import AxisSpec, field_axis, parse_list, parse_seeds, shown_value, zipped
from vitreport.store.reader import Run
from vitreport.sweep.plan import Plan, make_plan
from vitreport.sweep.record import write_sweep
from vitreport.sweep.run import Policy, run_sweep
from vitreport.sweep.summary import Summary, summarize
from vitreport.text import toml_value

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
        composer = _Composer(replace(asked.request, fallback=assign(FALLBACK, "default")), "--param", data_dir)
        plan = _own_plan(asked, composer)
        return [plan], composer.data_dir_of(plan)
    _refuse_beside_study(asked)
    plans = []
    for name, ablation in read_study(asked.study).chosen(asked.only).items():
        composer = _Composer(_study_request(ablation, asked.request), f"study {asked.study}", data_dir)
        plans.append(_study_plan(f"{asked.study}/{name}", ablation, asked, composer))
    return plans, composer.data_dir_of(plans[-1])


def run_and_show(plans: Sequence[Plan], runtime: Runtime, policy: Policy, *, quiet: bool, as_json: bool) -> None:
    """Train what is missing of each sweep; the tables on stdout. Raises DamageError where cells are missing."""
    summaries: list[Summary] = []
    runs: dict[str, Run] = {}
    for plan in plans:
        file = write_sweep(runtime.runs_dir, plan)
        with choose_sweep_view([axis.name for axis in plan.axes], plan.cells, quiet=quiet) as view:
            runs |= run_sweep(plan.cells, runtime, policy, argv=sys.argv[1:], observer=view)
        if not quiet:
            note(f"the sweep is {file}")
        summaries.append(summarize(plan, runs))
        if policy.fail_fast and summaries[-1].missing:
            break
    show_summaries(summaries, as_json=as_json)
    tell_missing(summaries, runs)


class _Composer:
    """Composes cells, and remembers the folder that each of their data sets lies in."""

    def __init__(self, request: Request, origin: str, data_dir: Path | None) -> None:
        self._request, self._origin, self._data_dir = request, origin, data_dir
        self._data_dirs: dict[str, Path] = {}

    def __call__(self, fields: Mapping[str, Any]) -> RunSpec:
        request = replace(self._request, strongest=layer_of(fields, self._origin))
        composition = compose_request(request, self._data_dir)
        if composition.composed.origins.get("seed") == "--set":
            raise SpecError(
                problems=[Problem("seed", "is given by --seeds in a sweep", "--seeds 5..5", origin="--set")]
            )
        spec = composition.composed.spec
        self._data_dirs.setdefault(spec.data.dataset, composition.data_dir)  # the cells come before the spec itself
        return spec

    def data_dir_of(self, plan: Plan) -> Path:
        """The folder that holds the data sets of all cells. Raises SpecError where there is no such."""
        found = {cell.spec.data.dataset: self._data_dirs[cell.spec.data.dataset] for cell in plan.cells}
        if len(set(found.values())) > 1:
            told = ", ".join(f"{dataset} in {folder}" for dataset, folder in found.items())
            hint = "put them side by side: --data-dir FOLDER, and --param dataset with their names"
            raise SpecError(f"a sweep takes its data sets from one folder, but looks for {told}", hint)
        return next(iter(found.values()))


def _own_plan(asked: Asked, composer: _Composer) -> Plan:
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


def _study_request(ablation: AblationSpec, request: Request) -> Request:
    own = [f"{field}={toml_value(value)}" for field, value in ablation.set.items()]
    return replace(
        request,
        model=ablation.model,
        dataset=ablation.dataset,
        assignments=[*own, *request.assignments],
    )


def _study_plan(name: str, ablation: AblationSpec, asked: Asked, composer: _Composer) -> Plan:
    return make_plan(
        ablation.axes(),
        parse_seeds(asked.seeds),
        composer,
        baseline=tuple(ablation.baseline) if ablation.baseline else None,
        name=name,
        max_cells=asked.max_cells,
    )
