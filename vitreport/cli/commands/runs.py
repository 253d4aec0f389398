"""`vitreport runs`: list runs, show one, tell two apart, export them."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from vitreport.cli import options
from vitreport.cli.console import note, print_json, print_sentence, print_table, print_text, warn_each
from vitreport.cli.runs_dir import require_runs_dir
from vitreport.errors import DamageError, SpecError
from vitreport.files import output_path, write_atomic
from vitreport.formatting import counted

app = typer.Typer(help="List, show, compare and export recorded runs.", no_args_is_help=True)

RunName = Annotated[str, typer.Argument(help="A run's id, a unique prefix of it, or its folder.", metavar="RUN")]


@app.command("list")
def list_runs(
    each: Annotated[bool, typer.Option("--each", help="Every run for itself, not seeds as one result.")] = False,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    as_json: options.AsJson = False,
) -> None:
    """List the runs by sweep, those that differ by seed alone as one result: state, epochs, what was measured."""
    from vitreport.analysis.groups import groups_of
    from vitreport.cli.tables import records
    from vitreport.records.folders import run_folders
    from vitreport.records.reader import Damage, read_run, read_sweeps

    require_runs_dir(runs_dir, may_lack_default=True)
    runs = [read_run(folder) for folder in run_folders(runs_dir)]
    groups = groups_of(runs)
    damage: list[Damage] = []
    if as_json:
        print_json([records.overview(run) for run in runs])
    elif runs:
        rows = [records.list_row(records.overview(run)) for run in runs]
        if not each:
            rows = list(records.group_rows(groups, runs, read_sweeps(runs_dir, damage)))
        print_table(records.LIST_COLUMNS, rows, right=records.NUMBER_COLUMNS, spare=records.SPARE_COLUMNS)
        if any(sign in cell for row in rows for cell in row for sign in ("±", "n = ")):
            note(records.LEGEND)
    else:
        note(f"no runs in {runs_dir}; `vitreport train perceiver-io --dataset digits` makes one")
    records.warn_mixed(groups)
    warn_each(f"{runs_dir}/sweeps/{line}" for line in damage)
    records.tell_damage(runs)
    if damage:
        raise DamageError(f"{len(damage)} of the sweeps damaged")


@app.command()
def show(run: RunName, runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR, as_json: options.AsJson = False) -> None:
    """Show a run: what was trained, on what, where, and what came out."""
    from vitreport.cli.tables.records import as_plain, show_run, tell_damage
    from vitreport.records.folders import find_run
    from vitreport.records.reader import read_run

    require_runs_dir(runs_dir, may_lack_default=True)
    found = read_run(find_run(run, runs_dir))
    if as_json:
        print_json(as_plain(found))
    else:
        show_run(found)
    tell_damage([found])


@app.command()
def diff(
    first: Annotated[str, typer.Argument(help="A run, or a group: an id without its seed.", metavar="A")],
    second: Annotated[str, typer.Argument(help="Another.", metavar="B")],
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    as_json: options.AsJson = False,
) -> None:
    """Tell two runs or two groups apart: only what differs, in spec, data, environment and results."""
    from vitreport.analysis.differences import group_comparison, group_differences, run_comparison, run_differences
    from vitreport.analysis.groups import groups_of
    from vitreport.cli.tables.differences import show_differences
    from vitreport.cli.tables.records import name_of, tell_damage, warn_mixed
    from vitreport.records.folders import find_group, find_run
    from vitreport.records.reader import read_run

    require_runs_dir(runs_dir, may_lack_default=True)
    groups = {name: find_group(name, runs_dir) for name in (first, second)}
    sides = [list(map(read_run, groups[name] or [find_run(name, runs_dir)])) for name in (first, second)]
    of_groups = any(groups.values())
    left, right = (max(groups_of(side), key=lambda group: len(group.seeds), default=None) for side in sides)
    found = group_differences(left, right) if of_groups else run_differences(sides[0][0], sides[1][0])
    if as_json:
        print_json({path: list(pair) for path, pair in found.items()})
    else:
        show_differences([name_of(side) for side in sides], found)
        if told := group_comparison(left, right) if of_groups else run_comparison(found):
            print_sentence(told)
    warn_mixed(group for side in (left, right) if (group := side))
    tell_damage([*sides[0], *sides[1]])


@app.command()
def export(
    names: Annotated[
        list[str] | None, typer.Argument(help="Runs as in `runs show`; without any, all.", metavar="[RUN]...")
    ] = None,
    format_: Annotated[
        Literal["csv", "parquet", "tensorboard"], typer.Option("--format", help="What to write.")
    ] = "csv",
    table: Annotated[
        Literal["runs", "epochs"], typer.Option(help="One row a run or one an epoch, of CSV and Parquet.")
    ] = "runs",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file, or the log directory of TensorBoard.", metavar="PATH")
    ] = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
) -> None:
    """Export runs as a table or as curves for TensorBoard; damaged ones are left out."""
    from vitreport.cli.tables.records import tell_damage
    from vitreport.export.table import epochs_table, runs_table
    from vitreport.records.folders import find_run, run_folders
    from vitreport.records.reader import read_run

    if output is None and format_ != "csv":
        raise SpecError(f"--format {format_} is not written to stdout", "say where with -o PATH")
    require_runs_dir(runs_dir)
    if output:
        if format_ != "csv":
            import_module(f"vitreport.export.{format_}")  # says which extra it lacks
        output = output_path(output, is_folder=format_ == "tensorboard")
    folders = [find_run(name, runs_dir) for name in names] if names else run_folders(runs_dir)
    runs = [read_run(folder) for folder in folders]
    sound = [run for run in runs if not run.damage]
    tabulate = runs_table if table == "runs" else epochs_table
    if output is None:
        print_text(tabulate(sound).as_csv().removesuffix("\n"))
    elif format_ == "csv":
        write_atomic(output, tabulate(sound).as_csv().encode())
    elif format_ == "parquet":
        from vitreport.export.parquet import as_parquet

        write_atomic(output, as_parquet(tabulate(sound)))
    else:
        from vitreport.export.tensorboard import write_events

        for run in sound:
            write_events(run, output)
    if output:
        note(f"{len(sound)} of {counted(len(runs), 'run')} exported to {output}")
    tell_damage(runs)
