"""`vitreport study`: list and show studies, see what is missing of one, and train it."""

from typing import Annotated

import typer

from vitreport.cli import options
from vitreport.cli.commands.ablate import WordsCommand
from vitreport.cli.options import argument, flag
from vitreport.runtime import RUNS_DIR
from vitreport.sweep.defaults import DEFAULT_SEEDS

app = typer.Typer(help="Run studies: runs and ablations that are reported together.", no_args_is_help=True)
Study = Annotated[str, argument("Name of a study, or its TOML file.", "STUDY")]


@app.command("list")
def list_studies(as_json: options.AsJson = False) -> None:
    """List the studies that come with vitreport.

    Example:
        vitreport study list
    """
    from vitreport.cli.tables.studies import show_studies

    show_studies(as_json=as_json)


@app.command()
def show(study: Study, as_json: options.AsJson = False) -> None:
    """Show the sections of a study with their runs and ablations, and its published claims.

    Example:
        vitreport study show digits
    """
    from vitreport.cli.tables.studies import show_study

    show_study(study, as_json=as_json)


@app.command(cls=WordsCommand)
@options.grouped
def status(
    study: Study,
    wanted: options.FieldOptions,
    machine: options.DeviceOptions,
    only: options.Only = None,
    seeds: options.Seeds = DEFAULT_SEEDS,
    measure: Annotated[bool, flag("--measure", "Time a few steps of the runs whose time no record tells.")] = False,
    runs_dir: options.RunsDir = RUNS_DIR.default,
    as_json: options.AsJson = False,
) -> None:
    """Show what is done and what is missing, and the time that the missing runs will take.

    Example:
        vitreport study status digits
    """
    from vitreport.cli.tables.studies import show_status
    from vitreport.data.sources import facts_in
    from vitreport.runtime import Runtime
    from vitreport.sweep.study_plan import StudyRequest

    asked = StudyRequest(study, only or (), seeds, wanted.assignments)
    measured_on = Runtime(machine.device, runs_dir=runs_dir, threads=machine.threads) if measure else None
    show_status(asked, facts_in(machine.data_dirs), runs_dir, measured_on=measured_on, as_json=as_json)


@app.command(cls=WordsCommand)
@options.grouped
def run(study: Study, wanted: options.FieldOptions, sweep: options.SweepOptions, only: options.Only = None) -> None:
    """Train what is missing of a study.

    Run the same command again to resume. Runs whose images cannot be had are
    left out and named at the end, with exit code 3, or 6 if the images could
    not be downloaded or stored.

    Example:
        vitreport study run digits --only perceiver-io swin
        vitreport study run my.toml --set limit=500 --epochs 1 --seeds 1
    """
    from vitreport.sweep.study_plan import StudyRequest

    asked = StudyRequest(study, only or (), sweep.seeds, wanted.assignments, weights=sweep.weights)
    if sweep.dry_run:
        from vitreport.cli.tables.studies import show_status
        from vitreport.data.sources import facts_in

        show_status(asked, facts_in(sweep.data_dirs), sweep.runs_dir, as_json=sweep.as_json, quiet=sweep.quiet)
    else:
        from vitreport.cli.tables.sweeps import run_study_and_show

        run_study_and_show(asked, sweep)
