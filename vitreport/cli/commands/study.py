"""`vitreport study`: the studies that there are, what one consists of, how far it is, and running it."""

from typing import Annotated

import typer

from vitreport.cli import options
from vitreport.cli.runs_dir import note_missing_runs_dir
from vitreport.sweep.defaults import DEFAULT_SEEDS

app = typer.Typer(help="Run studies: runs and ablations that are reported together.", no_args_is_help=True)
Study = Annotated[str, typer.Argument(help="A study by its name, or its TOML file.", metavar="STUDY")]


@app.command("list")
def list_studies(as_json: options.AsJson = False) -> None:
    """List the studies that come with vitreport."""
    from vitreport.cli.tables.studies import show_studies

    show_studies(as_json=as_json)


@app.command()
def show(study: Study, as_json: options.AsJson = False) -> None:
    """Show a study: its sections with their runs and ablations, and what was published of them."""
    from vitreport.cli.tables.studies import show_study

    show_study(study, as_json=as_json)


@app.command()
def status(
    study: Study,
    only: options.Only = None,
    seeds: options.Seeds = DEFAULT_SEEDS,
    set_: options.Assignments = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time a few steps of what no record tells the time of.")
    ] = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    as_json: options.AsJson = False,
) -> None:
    """Tell what is done and what is missing, and the time that the missing runs will take."""
    from vitreport.cli.console import note_lowered
    from vitreport.cli.tables.studies import show_status
    from vitreport.data.sources import facts_in
    from vitreport.runtime import Runtime
    from vitreport.sweep.study_plan import StudyRequest, plan_study

    asked = StudyRequest(study, only or (), seeds, set_ or ())
    planned = plan_study(asked, facts_in(data_dirs))
    note_lowered(planned.lowered)
    note_missing_runs_dir(runs_dir)
    runtime = Runtime(device, runs_dir=runs_dir, threads=threads) if measure else None
    show_status(planned, asked, runs_dir, measured_on=runtime, as_json=as_json)


@app.command()
def run(
    study: Study,
    only: options.Only = None,
    seeds: options.Seeds = DEFAULT_SEEDS,
    set_: options.Assignments = None,
    jobs: options.Jobs = 1,
    retry_failed: options.RetryFailed = False,
    fail_fast: options.FailFast = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
    compile_: options.Compile = False,
    data_dirs: options.DataDirs = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    checkpoint_seconds: options.CheckpointSeconds = options.DEFAULT_CHECKPOINT_SECONDS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is missing only, as `status` does.")] = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Train what is missing of a study. The same command again goes on where it ended.

    Runs whose images cannot be had are left out and named at the end, with exit code 3 (6 where the images could not
    be downloaded or kept).

    Examples: `vitreport study run small-images --only perceiver-io/cifar10`,
    `vitreport study run my.toml --set limit=500 --set epochs=1 --seeds 1`
    """
    from vitreport.cli.console import note_lowered
    from vitreport.data.sources import facts_in
    from vitreport.sweep.study_plan import StudyRequest, plan_study

    asked = StudyRequest(study, only or (), seeds, set_ or ())
    planned = plan_study(asked, facts_in(data_dirs))
    if not quiet:
        note_lowered(planned.lowered)
    if dry_run:
        from vitreport.cli.tables.studies import show_status

        note_missing_runs_dir(runs_dir)
        return show_status(planned, asked, runs_dir, measured_on=None, as_json=as_json)
    from vitreport.cli.sweeping import run_and_show
    from vitreport.runtime import Runtime
    from vitreport.sweep.engines.local import threads_per_job
    from vitreport.sweep.run import Policy

    runtime = Runtime(
        device=device,
        runs_dir=runs_dir,
        threads=threads_per_job(jobs, device, threads),
        compile=compile_,
        checkpoint_seconds=checkpoint_seconds,
    )
    policy = Policy(retry_failed, fail_fast)
    plans = list(planned.available.values())
    run_and_show(plans, planned.unavailable, runtime, policy, jobs=jobs, quiet=quiet, as_json=as_json)
    return None
