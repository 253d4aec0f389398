"""From what stands on the command line to the plans of sweeps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vitreport.cli.compose import Request
from vitreport.cli.composer import Composer, Work
from vitreport.cli.studies import StudyRequest, plan_study
from vitreport.errors import Problem, SpecError
from vitreport.spec.load import assign
from vitreport.spec.sweep import SEEDS_HINT, AxisSpec, field_axis, parse_list, parse_seeds, shown_value, zipped
from vitreport.sweep.plan import Plan, make_plan

MAX_TRIALS = "--max-trials"
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
    max_trials: int


def make_work(asked: Asked, data_dirs: Sequence[Path] | None) -> Work:
    """What is asked for, or the ablations of a study; raises SpecError."""
    if asked.study is None:
        composer = Composer(replace(asked.request, fallback=assign(FALLBACK, "default")), "--param", data_dirs)
        sweep = composer.placed(_own_plan(asked, composer))
        return Work([sweep], {}, composer.lowered)
    _refuse_beside_study(asked)
    request = asked.request
    wanted = StudyRequest(
        asked.study, asked.only, asked.seeds, request.assignments, asked.max_trials, request.weights, MAX_TRIALS
    )
    return plan_study(wanted, data_dirs, ablations_only=True).work


def _own_plan(asked: Asked, composer: Composer) -> Plan:
    if asked.only:
        raise SpecError("--only needs --study", "for example --study small-images")
    if not asked.params:
        raise SpecError("nothing is varied", "--param batch_size 16,32,64, or --study small-images")
    axes = _axes(asked.params)
    if asked.zip:
        axes = [zipped(axes)]
    baseline = [shown_value(value) for value in parse_list(asked.baseline)] if asked.baseline else []
    if asked.zip and baseline:
        baseline = [", ".join(baseline)]
    return make_plan(
        axes,
        parse_seeds(asked.seeds),
        composer,
        baseline=tuple(baseline) or None,
        max_trials=asked.max_trials,
        allowed_by=MAX_TRIALS,
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
            problems += [_of_param(problem) for problem in told]
    if problems:
        raise SpecError(problems=problems)
    return axes


def _of_param(problem: Problem) -> Problem:
    """A problem of an axis as `--param` gives it; seeds have an option of their own here."""
    hint = f"--seeds takes {SEEDS_HINT}" if problem.field == "seed" else problem.hint
    return replace(problem, origin="--param", hint=hint)


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
