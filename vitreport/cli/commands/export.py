"""`vitreport runs export`: records in the formats of other tools."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vitreport.cli import options
from vitreport.cli.console import note, print_text
from vitreport.cli.runs_dir import require_runs_dir
from vitreport.errors import SpecError
from vitreport.files import output_path, write_atomic
from vitreport.formatting import counted

if TYPE_CHECKING:
    from vitreport.export.table import Table
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
        output = _checked(output, format_)
    folders = [find_run(name, runs_dir) for name in names] if names else run_folders(runs_dir)
    runs = [read_run(folder) for folder in folders]
    sound = [run for run in runs if not run.damage]
    if output is None:
        print_text(_csv(sound, table).removesuffix("\n"))
    else:
        _write(sound, format_, table, output)
        note(f"{len(sound)} of {counted(len(runs), 'run')} exported to {output}")
    tell_damage(runs)


def _checked(output: Path, format_: Format) -> Path:
    """The place, before any record is read. Raises SpecError or ResourceError where it cannot be written."""
    if format_ != "csv":
        import_module(f"vitreport.export.{format_}")  # says which extra it lacks
    return output_path(output, is_folder=format_ == "tensorboard")


def _write(runs: Sequence["Run"], format_: Format, table: Rows, output: Path) -> None:
    if format_ == "csv":
        write_atomic(output, _csv(runs, table).encode())
    elif format_ == "parquet":
        from vitreport.export.parquet import as_parquet

        write_atomic(output, as_parquet(_tabulated(runs, table)))
    else:
        from vitreport.export.tensorboard import write_events

        for run in runs:
            write_events(run, output)


def _csv(runs: Sequence["Run"], table: Rows) -> str:
    from vitreport.export.delimited import as_csv

    return as_csv(_tabulated(runs, table))


def _tabulated(runs: Sequence["Run"], table: Rows) -> "Table":
    from vitreport.export.table import epochs_table, runs_table

    return runs_table(runs) if table == "runs" else epochs_table(runs)
