"""`vitreport runs export`: records in the formats of other tools."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, assert_never

import typer

from vitreport.cli import options
from vitreport.cli.console import note, print_text
from vitreport.cli.runs_dir import require_runs_dir
from vitreport.errors import SpecError
from vitreport.files import output_path, write_atomic
from vitreport.formatting import counted

if TYPE_CHECKING:
    from vitreport.records.reader import Run

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
    _write(sound, format_, table, output)
    if output:
        note(f"{len(sound)} of {counted(len(runs), 'run')} exported to {output}")
    tell_damage(runs)


def _write(runs: Sequence["Run"], format_: Format, table: Rows, output: Path | None) -> None:
    from vitreport.export.table import epochs_table, runs_table

    tabulate = runs_table if table == "runs" else epochs_table
    if output is None:
        print_text(tabulate(runs).as_csv().removesuffix("\n"))
        return
    match format_:
        case "csv":
            write_atomic(output, tabulate(runs).as_csv().encode())
        case "parquet":
            from vitreport.export.parquet import as_parquet

            write_atomic(output, as_parquet(tabulate(runs)))
        case "tensorboard":
            from vitreport.export.tensorboard import write_events

            for run in runs:
                write_events(run, output)
        case _:
            assert_never(format_)
