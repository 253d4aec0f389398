"""`vitreport runs`: list runs, show one, tell two apart, export them."""

from typing import Annotated

import typer

from vitreport.cli import export, options
from vitreport.cli.console import note, print_json, print_list, print_table, print_text

app = typer.Typer(help="List, show, compare and export recorded runs.", no_args_is_help=True)

RunName = Annotated[str, typer.Argument(help="A run's id, a unique prefix of it, or its folder.", metavar="RUN")]


@app.command("list")
def list_runs(runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR, as_json: options.AsJson = False) -> None:
    """List every run: its state, how far it is, what it measured."""
    from vitreport.cli.records import LIST_COLUMNS, NUMBER_COLUMNS, SPARE_COLUMNS, list_row, overview, tell_damage
    from vitreport.store.folders import run_folders
    from vitreport.store.reader import read_run

    runs = [read_run(folder) for folder in run_folders(runs_dir)]
    overviews = [overview(run) for run in runs]
    if as_json:
        print_json(overviews)
    elif overviews:
        print_list(LIST_COLUMNS, [list_row(each) for each in overviews], right=NUMBER_COLUMNS, spare=SPARE_COLUMNS)
    else:
        note(f"no runs in {runs_dir}; `vitreport train perceiver-io --dataset digits` makes one")
    tell_damage(runs)


@app.command()
def show(run: RunName, runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR, as_json: options.AsJson = False) -> None:
    """Show a run: what was trained, on what, where, and what came out."""
    from vitreport.cli.records import as_plain, show_run, tell_damage
    from vitreport.store.folders import find_run
    from vitreport.store.reader import read_run

    found = read_run(find_run(run, runs_dir))
    if as_json:
        print_json(as_plain(found))
    else:
        show_run(found)
    tell_damage([found])


@app.command()
def diff(
    first: Annotated[str, typer.Argument(help="A run.", metavar="A")],
    second: Annotated[str, typer.Argument(help="Another run.", metavar="B")],
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    as_json: options.AsJson = False,
) -> None:
    """Tell two runs apart: only what differs, in spec, data, environment and results."""
    from vitreport.cli.records import difference_row, differences, tell_damage
    from vitreport.store.folders import find_run
    from vitreport.store.reader import read_run

    runs = [read_run(find_run(name, runs_dir)) for name in (first, second)]
    found = differences(*runs)
    if as_json:
        print_json({path: list(pair) for path, pair in found.items()})
    elif found:
        rows = [difference_row(path, *pair) for path, pair in found.items()]
        told = ["difference"] if any(row[-1] for row in rows) else []
        columns = ["", runs[0].id, runs[1].id, *told]
        print_table(columns, [row[: len(columns)] for row in rows], right=told)
    else:
        print_text("no difference")
    tell_damage(runs)


app.command("export")(export.export)
