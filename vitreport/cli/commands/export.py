"""`vitreport runs export`: records in the formats of other tools."""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from vitreport.cli import options
from vitreport.cli.console import note, print_text
from vitreport.cli.runs_dir import require_runs_dir
from vitreport.errors import SpecError
from vitreport.files import output_path, write_atomic
from vitreport.formatting import counted

Format = Literal["csv", "parquet", "tensorboard"]
Rows = Literal["runs", "epochs"]


def export(
    names: Annotated[
        list[str] | None, typer.Argument(help="Runs as in `runs show`; without any, all.", metavar="[RUN]...")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="What to write.")] = "csv",
    table: Annotated[Rows, typer.Option(help="One row a run or one an epoch, of CSV and Parquet.")] = "runs",
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
