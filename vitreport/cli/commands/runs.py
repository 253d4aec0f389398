"""`vitreport runs`: list runs, show one, compare two, export them; `cleanup` removes them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vitreport.analysis.class_scores import class_scores
from vitreport.analysis.comparisons import compare_groups, compare_runs
from vitreport.analysis.groups import Group, group_runs
from vitreport.analysis.runs import RunSummary, summarize_run
from vitreport.cli import completion, options, records
from vitreport.cli.commands import cleanup
from vitreport.cli.console import note, print_json, print_sentence, print_table, print_text, warn_each
from vitreport.cli.options import RunOrGroup, argument, flag, option, run_or_group
from vitreport.errors import DamageError, SpecError
from vitreport.export.table import check_extra, epochs_table, runs_table
from vitreport.files import output_path, write_atomic
from vitreport.formatting import Estimate, counted, duration, percent, rate, toml_value
from vitreport.records.folders import check_runs_dir, find_group, find_run, find_runs, run_folders
from vitreport.records.reader import Run, read_run, read_sweeps
from vitreport.run_id import RunId, common_id
from vitreport.runtime import RUNS_DIR
from vitreport.spec.sweep import describe_level
from vitreport.store.run_state import state_of, up_to_now

COLUMNS = ["run", "state", "epochs", "val", "test", "time", "started"]
SPARE = ["started", "time", "epochs", "val"]
LEGEND = "95% confidence intervals cover new seeds (test: also new images, if the records say which were correct); "
LEGEND += "very wide for n = 2"
CURVE_WIDTH = 60
SPARKS = "▁▂▃▄▅▆▇█"
MEASURED = ("test_accuracy.", "selected.", "last.", "cost.", "throughput.", "seconds")

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_runs(
    each: Annotated[bool, flag("--each", "Show every run, not one line for all seeds.")] = False,
    runs_dir: options.RunsDir = RUNS_DIR.default,
    as_json: options.AsJson = False,
) -> None:
    """List the runs: state, epochs and accuracies. The seeds of one spec share a line.

    Example:
        vitreport runs list
    """
    check_runs_dir(runs_dir, may_lack_default=True)
    found = [up_to_now(read_run(folder)) for folder in run_folders(runs_dir)]
    states = {run.id: state_of(run) for run in found}
    runs = [summarize_run(run) for run in found]
    groups = group_runs(runs)
    sweeps, damage = read_sweeps(runs_dir)
    levels: dict[str, dict[str, None]] = defaultdict(dict)  # of the sweeps that a group is in, each once
    for sweep in sweeps:
        axes = [axis.name for axis in sweep.axes]
        for trial in sweep.trials:
            levels[RunId.parse(trial.run).group][describe_level(axes, trial.values)] = None
    if as_json:
        print_json({"runs": [_plain(run, states[run.id]) for run in runs]})
    elif runs:
        rows = [_row(group.runs, states, levels.get(group.spec_id, ()), group) for group in groups if not each]
        alone = [run for run in runs if each or run.spec is None]
        rows += [_row([run], states, levels.get(RunId.parse(run.id).group, ()) if run.spec else ()) for run in alone]
        _print_rows(sorted(rows))
    else:
        note(f"no runs in {runs_dir}; {records.NO_RUNS_HINT}")
    records.warn_mixed(groups)
    warn_each(f"{runs_dir}/{line}" for line in damage)
    records.check_undamaged(found)
    if damage:
        raise DamageError(f"{counted(len(damage), 'sweep record')} damaged", "restore the files, or delete them")


def _plain(run: RunSummary, state: str) -> dict[str, Any]:
    return {
        "id": run.id,
        "state": state,
        "epoch": _epochs(run)[0],
        "epochs": run.epochs,
        "val_accuracy": run.validation,
        "test_accuracy": run.accuracies.get("test"),
        "seconds": run.record and run.record.seconds,
        "started": run.record and run.record.started,
        "damage": [str(line).removeprefix(f"{run.id}/") for line in run.damage],
    }


def _epochs(run: RunSummary) -> tuple[int, int | None]:
    """Return the epochs that are done, and how many there are to be."""
    return run.epochs if run.splits and run.epochs else run.epoch, run.epochs


def _row(
    runs: Sequence[RunSummary], states: Mapping[str, str], levels: Iterable[str], group: Group | None = None
) -> list[str]:
    """Return the row of a group, or of a single run: means of what is done, and what the others reached."""
    counts = Counter(states[run.id] for run in runs)
    unfinished = [run.validation for run in runs if not run.splits and not run.damage]
    so_far = ", ".join(percent(each) for each in unfinished if each is not None)
    if group:
        reached = {"val": _mean(group.validation), "test": _mean(group.test)}
    else:
        reached = {split: percent(each) for split, each in runs[0].accuracies.items() if runs[0].state == "done"}
    validation = [reached.get("val", ""), f"so far {so_far}" if so_far else ""]
    begun = [run.record for run in runs if run.record]
    name = group.id if group and len(runs) > 1 else runs[0].id
    return [
        f"{name} ({'; '.join(levels)})" if levels else name,
        ", ".join(f"{count} {state}" if len(runs) > 1 else state for state, count in counts.items()),
        ", ".join(dict.fromkeys(f"{done}/{every or '?'}" for done, every in map(_epochs, runs))),
        "; ".join(filter(None, validation)),
        reached.get("test", ""),
        duration(sum(record.seconds for record in begun)) if begun else "",
        min((record.started for record in begun), default=""),
    ]


def _print_rows(rows: Sequence[Sequence[str]]) -> None:
    print_table(COLUMNS, rows, right=["epochs", "val", "test", "time"], spare=SPARE)
    if any("n = " in cell for row in rows for cell in row):
        note(LEGEND)


def _mean(estimate: Estimate | None) -> str:
    if estimate is None or estimate.n == 1:
        return percent(estimate.value) if estimate else ""
    equal = f"{percent(estimate.value)} (n = {estimate.n}, equal values)"
    return estimate.in_percent(2) if estimate.interval else equal


@app.command()
def show(run: RunOrGroup, runs_dir: options.RunsDir = RUNS_DIR.default, as_json: options.AsJson = False) -> None:
    """Show the spec, data, environment and results of a run. For a group, list its runs and their mean.

    Example:
        vitreport runs show swin-digits-ea4ce545-s0
        vitreport runs show swin-digits-ea4ce545
    """
    members = find_group(run, runs_dir)
    if len(members) > 1:
        _show_group([up_to_now(read_run(folder)) for folder in members], as_json=as_json)
        return
    found = up_to_now(read_run(members[0]) if members else records.read_named(run, runs_dir))
    state, result = state_of(found), found.result
    scores = class_scores(result.test) if result else None
    if as_json:
        parts = {"spec": found.spec, "run": found.record, "result": result, "class_scores": scores}
        more = {"epochs": found.epochs, "damage": map(str, found.damage)}
        print_json({"id": found.id, "state": state, "folder": found.folder, **parts, **more})
    else:
        print_text(f"{found.id}: {state}")
        results = [
            (f"{which} epoch {of.epoch}, {split}", f"accuracy {records.accuracy_on(split, each)}, loss {each.loss:.4f}")
            for which, of in ((("best", result.selected), ("last", result.last)) if result else ())
            for split, each in of.splits.items()
        ]
        if result and scores:
            means = [f"{name} {value}" for name, value in records.class_score_rows(scores)]
            results.append((f"best epoch {result.selected.epoch}, test classes", ", ".join(means)))
        spec = records.spec_rows(found.spec) if found.spec else []
        for title, rows in {"spec": spec, "record": records.record_rows(found), "results": results}.items():
            if rows:
                print_table([title, ""], rows, gap=True)
        if found.epochs:
            print_table(["curves", "first", "last", ""], _curve_rows(found), right=["first", "last"], gap=True)
    records.check_undamaged([found])


def _show_group(found: Sequence[Run], *, as_json: bool) -> None:
    """Print the runs of a group, their means, and a command that shows each run."""
    states, runs = {run.id: state_of(run) for run in found}, [summarize_run(run) for run in found]
    groups = group_runs(runs)
    if as_json:
        results = [{name: getattr(group, name) for name in ("id", "test", "validation")} for group in groups]
        print_json({"groups": results, "runs": [_plain(run, states[run.id]) for run in runs]})
    else:
        rows = [*(_row([run], states, ()) for run in runs), *(_row(group.runs, states, (), group) for group in groups)]
        _print_rows(rows)
        print_text("\n".join(["", *(f"vitreport runs show {run.folder}" for run in found)]))
    records.warn_mixed(groups)
    records.check_undamaged(found)


def _curve_rows(run: Run) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for split in run.epochs[-1].splits:
        curve = [epoch.splits[split].accuracy for epoch in run.epochs if split in epoch.splits]
        name = f"{split} accuracy ({'mean of' if split == 'train' else 'after'} the epoch)"
        rows.append((name, percent(curve[0]), percent(curve[-1]), _sparkline(curve)))
    speeds = [rate(run.epochs[place].images_per_second) for place in (0, -1)]
    return [*rows, ("images/s", *speeds, "")]


def _sparkline(values: Sequence[float]) -> str:
    """Write the newest values as bars between the smallest and the largest of them."""
    shown = values[-CURVE_WIDTH:]
    low, span = min(shown), (max(shown) - min(shown)) or 1.0
    return "".join(SPARKS[round((value - low) / span * (len(SPARKS) - 1))] for value in shown)


@app.command()
def diff(
    first: Annotated[str, run_or_group("A")],
    second: Annotated[str, run_or_group("B")],
    runs_dir: options.RunsDir = RUNS_DIR.default,
    as_json: options.AsJson = False,
) -> None:
    """Compare two runs or two groups: show what differs in spec, data, environment and results.

    Example:
        vitreport runs diff swin-digits-ea4ce545 tnt-digits-1c1bd1f0
    """
    check_runs_dir(runs_dir, may_lack_default=True)
    members = [find_group(name, runs_dir) for name in (first, second)]
    named = [found or [find_run(name, runs_dir)] for name, found in zip((first, second), members, strict=True)]
    sides = [[read_run(folder) for folder in folders] for folders in named]
    left, right = (
        max(group_runs(list(map(summarize_run, side))), key=lambda group: len(group.seeds), default=None)
        for side in sides
    )
    found, sentence = compare_groups(left, right) if any(members) else compare_runs(sides[0][0], sides[1][0])
    if as_json:
        print_json({"differences": found, "sentence": sentence})
    else:
        names = [common_id([run.id for run in side]) for side in sides]
        rows = []
        for path, (one, other) in found.items():
            is_measured = path.startswith(MEASURED) and {type(one), type(other)} <= {int, float}
            difference = _words(path, other - one, "+") if is_measured else ""
            rows.append((path, _words(path, one), _words(path, other), difference))
        columns = ["", *names, *(["difference"] if any(row[-1] for row in rows) else [])]
        if sentence or not rows:
            print_sentence(sentence or "no difference")
        if rows:
            print_table(columns, [row[: len(columns)] for row in rows], right=["difference"], gap=bool(sentence))
    records.warn_mixed(group for group in (left, right) if group)
    records.check_undamaged([*sides[0], *sides[1]])


def _words(path: str, value: Any, sign: Literal["", "+"] = "") -> str:
    """Write a value of a record, an accuracy in percent; with a sign, a difference of values."""
    if value is None or isinstance(value, str):
        return value or "-"
    if path.startswith("test_accuracy.") or path.endswith(".accuracy"):
        return f"{100 * value:{sign}.2f}{' pp' if sign else '%'}"
    if isinstance(value, float):
        return f"{value:{sign}.6g}"
    return f"{value:+}" if sign else toml_value(value)


@app.command()
def export(
    names: Annotated[
        list[str] | None, argument("Ids of runs or groups (default: all).", "RUN", completion.groups)
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
        raise SpecError(f"--format {format_} cannot be written to stdout", "use -o PATH to name a file or a directory")
    check_runs_dir(runs_dir)
    if output:
        if format_ != "csv":
            check_extra(format_)
        output = output_path(output, is_folder=format_ == "tensorboard")
    named = (folder for name in names or () for folder in find_runs(name, runs_dir))
    runs = [read_run(folder) for folder in (dict.fromkeys(named) if names else run_folders(runs_dir))]
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
    records.check_undamaged(runs)


app.command()(cleanup.delete)
app.command()(cleanup.gc)
