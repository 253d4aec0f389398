"""`vitreport ablate`: one question, many runs, one table."""

from collections import deque
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from vitreport.cli import options
from vitreport.cli.options import SWEEP
from vitreport.errors import DatasetError, SpecError
from vitreport.sweep.defaults import DEFAULT_MAX_TRIALS, DEFAULT_SEEDS

PARAM = "--param"
Param = Annotated[
    list[str] | None,
    typer.Option(
        PARAM,
        help="A field of the spec and its values, such as batch_size 16,32,64; several make a grid.",
        metavar="NAME VALUES",
        rich_help_panel=SWEEP,
    ),
]


class AblateCommand(TyperCommand):
    """Reads `--param NAME VALUES`: typer knows no option that takes two words and may be repeated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        joined, words = list[str](), deque(args)
        while words:
            joined.append(words.popleft())
            if joined[-1] == PARAM and words and "=" not in words[0]:
                name = words.popleft()
                values = words.popleft() if words and not words[0].startswith("--") else ""
                joined.append(f"{name}={values}")
        return super().parse_args(ctx, joined)


def ablate(
    model: Annotated[str | None, typer.Argument(help="An architecture; perceiver-io. See `vitreport models`.")] = None,
    dataset: options.Dataset = None,
    preset: options.Preset = None,
    spec: options.SpecFile = None,
    set_: options.Assignments = None,
    param: Param = None,
    zip_: Annotated[
        bool, typer.Option("--zip", help="Pair the values of all --param side by side.", rich_help_panel=SWEEP)
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option(help="The value to compare with, one for each axis; else the spec's own.", rich_help_panel=SWEEP),
    ] = None,
    seeds: options.Seeds = DEFAULT_SEEDS,
    study: Annotated[
        str | None,
        typer.Option(help="The ablations of a study, by its name or its file.", rich_help_panel=SWEEP),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="An ablation of the study.", rich_help_panel=SWEEP)
    ] = None,
    jobs: options.Jobs = 1,
    max_trials: Annotated[
        int, typer.Option(min=1, help="Refuse a larger sweep.", rich_help_panel=SWEEP)
    ] = DEFAULT_MAX_TRIALS,
    retry_failed: options.RetryFailed = False,
    fail_fast: options.FailFast = False,
    weights: options.Weights = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    compile_: options.Compile = False,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    checkpoint_seconds: options.CheckpointSeconds = options.DEFAULT_CHECKPOINT_SECONDS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the trials, their time and disk only.")] = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Train every value with every seed, and tell what the values change.

    The same command again trains only what is missing; a trial is a run like any other.

    Examples: `vitreport ablate --param batch_size 16,32,64,128`,
    `vitreport ablate swin --dataset digits --param learning_rate 1e-2,1e-3 --param optimizer adamw,sgd --seeds 5`
    """
    from vitreport.cli.console import note_lowered
    from vitreport.data.sources import facts_in
    from vitreport.runtime import Runtime
    from vitreport.spec.from_command import Request
    from vitreport.spec.sweep import parse_list, parse_seeds, read_axes, zipped
    from vitreport.sweep.engines.local import threads_per_job
    from vitreport.sweep.plan import plan_ablation
    from vitreport.sweep.run import Policy
    from vitreport.sweep.study_plan import StudyRequest, plan_study

    if study is None:
        if only:
            raise SpecError("--only needs --study", "for example --study small-images")
        request = Request(model, dataset, preset, spec, set_ or (), weights=weights)
        axes = read_axes([(name, values) for name, _, values in (each.partition("=") for each in param or ())], PARAM)
        plan = plan_ablation(
            request,
            [zipped(axes)] if zip_ and axes else axes,
            parse_seeds(seeds),
            facts_in(data_dirs),
            baseline=parse_list(baseline) if baseline else (),
            max_trials=max_trials,
        )
        plans, unavailable = [plan], dict[str, DatasetError]()
    else:
        of_runs = {"MODEL": model, "--dataset": dataset, "--preset": preset, "--spec": spec}
        given = {**of_runs, PARAM: param, "--zip": zip_, "--baseline": baseline}
        if surplus := [name for name, value in given.items() if value]:
            fault = f"a study says itself what is varied: leave out {', '.join(surplus)}"
            raise SpecError(fault, "--set changes all its runs")
        asked = StudyRequest(study, only or (), seeds, set_ or (), max_trials, weights)
        planned = plan_study(asked, facts_in(data_dirs), ablations_only=True)
        plans, unavailable = list(planned.available.values()), dict(planned.unavailable)
    if not quiet:
        note_lowered(lowered for each in plans for lowered in each.lowered)
    runtime = Runtime(
        device=device,
        runs_dir=runs_dir,
        threads=threads_per_job(jobs, device, threads),
        compile=compile_,
        checkpoint_seconds=checkpoint_seconds,
        weights=weights,
    )
    policy = Policy(retry_failed, fail_fast)
    if dry_run:
        from vitreport.cli.tables.dry_run import show_ablation_plan

        return show_ablation_plan(plans, unavailable, runtime, policy, jobs=jobs, as_json=as_json)
    from vitreport.cli.sweeping import run_and_show

    run_and_show(plans, unavailable, runtime, policy, jobs=jobs, quiet=quiet, as_json=as_json)
    return None
