"""`vitreport runs`: list runs, show one, compare two, export them."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vitreport.analysis.comparisons import compare_groups, compare_runs
from vitreport.analysis.groups import group_runs
from vitreport.analysis.runs import summarize_run
from vitreport.cli import completion, options
from vitreport.cli.console import note, print_json, print_sentence, print_table, print_text
from vitreport.cli.options import argument, flag, option
from vitreport.cli.tables.runs import read_named, refuse_damage, require_runs_dir, show_run, show_runs, warn_mixed
from vitreport.errors import SpecError
from vitreport.export.table import epochs_table, require_extra, runs_table
from vitreport.files import output_path, write_atomic
from vitreport.formatting import counted, percent, toml_value
from vitreport.records.folders import find_group, find_run, run_folders
from vitreport.records.reader import read_run
from vitreport.run_id import RunId
from vitreport.runtime import RUNS_DIR

MEASURED = ("test_accuracy.", "selected.", "last.", "cost.", "throughput.", "environment.seconds")

app = typer.Typer(no_args_is_help=True)

RunName = Annotated[str, argument("Id of a run, a unique prefix of it, or its directory.", "RUN", completion.runs)]
RunOrGroup = Annotated[str, argument("Run, or group: an id without its seed.", "RUN", completion.groups)]


@app.command("list")
def list_runs(
    each: Annotated[bool, flag("--each", "Show every run, not seeds as one result.")] = False,
    runs_dir: options.RunsDir = RUNS_DIR.default,
    as_json: options.AsJson = False,
) -> None:
    """List the runs: state, epochs and accuracies. Runs that differ by their seed are one result.

    Example:
        vitreport runs list
    """
    show_runs(runs_dir, each=each, as_json=as_json)


@app.command()
def show(run: RunName, runs_dir: options.RunsDir = RUNS_DIR.default, as_json: options.AsJson = False) -> None:
    """Show a run: what was trained, on what, where, and the results.

    Example:
        vitreport runs show swin-digits-ea4ce545-s0
    """
    show_run(read_named(run, runs_dir), as_json=as_json)


@app.command()
def diff(
    first: RunOrGroup,
    second: RunOrGroup,
    runs_dir: options.RunsDir = RUNS_DIR.default,
    as_json: options.AsJson = False,
) -> None:
    """Compare two runs or two groups: show what differs in spec, data, environment and results.

    Example:
        vitreport runs diff swin-digits-ea4ce545 tnt-digits-1c1bd1f0
    """
    require_runs_dir(runs_dir, may_lack_default=True)
    members = [find_group(name, runs_dir) for name in (first, second)]
    sides = [
        [read_run(folder) for folder in folders or [find_run(name, runs_dir)]]
        for name, folders in zip((first, second), members, strict=True)
    ]
    left, right = (
        max(group_runs(list(map(summarize_run, side))), key=lambda group: len(group.seeds), default=None)
        for side in sides
    )
    found, sentence = compare_groups(left, right) if any(members) else compare_runs(sides[0][0], sides[1][0])
    if as_json:
        print_json({"differences": found, "sentence": sentence})
    else:
        names = [side[0].id if len(side) == 1 else RunId.parse(side[0].id).group for side in sides]
        rows = [
            (path, *(_shown(path, each) for each in pair), _difference(path, *pair)) for path, pair in found.items()
        ]
        columns = ["", *names, *(["difference"] if any(row[-1] for row in rows) else [])]
        if rows:
            print_table(columns, [row[: len(columns)] for row in rows], right=["difference"])
        else:
            print_text("no difference")
        if sentence:
            print_sentence(sentence)
    warn_mixed(group for group in (left, right) if group)
    refuse_damage([*sides[0], *sides[1]])


def _shown(path: str, value: Any) -> str:
    """Write one of two values that differ, an accuracy in percent."""
    if value is None or isinstance(value, str):
        return value or "-"
    return percent(value) if _is_accuracy(path) else f"{value:.6g}" if isinstance(value, float) else toml_value(value)


def _difference(path: str, first: Any, second: Any) -> str:
    """Write by how much the second of two measured numbers is larger."""
    if not (path.startswith(MEASURED) and {type(first), type(second)} <= {int, float}):
        return ""
    difference = second - first
    if _is_accuracy(path):
        return f"{100 * difference:+.2f} pp"
    return f"{difference:+.6g}" if isinstance(difference, float) else f"{difference:+}"


def _is_accuracy(path: str) -> bool:
    return path.startswith("test_accuracy.") or path.endswith(".accuracy")


@app.command()
def export(
    names: Annotated[
        list[str] | None, argument("Runs as in `runs show` (default: all).", "RUN", completion.runs)
    ] = None,
    format_: Annotated[Literal["csv", "parquet", "tensorboard"], option("Format to write.", None, "--format")] = "csv",
    table: Annotated[Literal["runs", "epochs"], option("One row per run or per epoch, in CSV and Parquet.")] = "runs",
    output: Annotated[
        Path | None, option("File, or log directory for TensorBoard (default: stdout).", "PATH", "--output", "-o")
    ] = None,
    runs_dir: options.RunsDir = RUNS_DIR.default,
) -> None:
    """Export runs as a table or as curves for TensorBoard. Damaged runs are left out.

    Example:
        vitreport runs export > runs.csv
        vitreport runs export --format tensorboard -o logs
    """
    if output is None and format_ != "csv":
        raise SpecError(f"--format {format_} is not written to stdout", "name a file or a directory with -o PATH")
    require_runs_dir(runs_dir)
    if output:
        if format_ != "csv":
            require_extra(format_)
        output = output_path(output, is_folder=format_ == "tensorboard")
    folders = [find_run(name, runs_dir) for name in names] if names else run_folders(runs_dir)
    runs = [read_run(folder) for folder in folders]
    sound = [run for run in runs if not run.damage]
    tabulate = runs_table if table == "runs" else epochs_table
    if output is None:
        print_text(tabulate(sound).as_csv().removesuffix("\n"))
    elif format_ == "tensorboard":
        from vitreport.export.tensorboard import write_events

        for run in sound:
            write_events(run, output)
    else:
        content = tabulate(sound)
        write_atomic(output, content.as_csv().encode() if format_ == "csv" else content.as_frame().to_parquet())
    if output:
        note(f"{len(sound)} of {counted(len(runs), 'run')} exported to {output}")
    refuse_damage(runs)
