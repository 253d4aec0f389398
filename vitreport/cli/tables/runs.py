"""Runs and groups as tables for people and as plain values for programs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vitreport.analysis.groups import Group, group_runs, mixed_randomness
from vitreport.analysis.runs import RunSummary, measured_accuracy, summarize_run
from vitreport.analysis.summary import Summary
from vitreport.cli.console import note, print_json, print_table, print_text, warn_each
from vitreport.data.registry import bytes_in_words
from vitreport.errors import DamageError, SpecError
from vitreport.formatting import Estimate, compact, counted, duration, listed, percent, rate, toml_value
from vitreport.records.folders import find_run, run_folders
from vitreport.records.measurement import Measurement
from vitreport.records.reader import Damage, Run, read_run, read_sweeps
from vitreport.records.run import InitialWeights
from vitreport.run_id import RunId
from vitreport.runtime import RUNS_DIR
from vitreport.spec.fields import flat
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import called
from vitreport.store.run_state import state_of

COLUMNS = ["run", "state", "epochs", "val", "test", "time", "started"]
NUMBERS = ["epochs", "val", "test", "time"]
SPARE = ["started", "time", "epochs", "val"]
CURVE_WIDTH = 60
SPARKS = "▁▂▃▄▅▆▇█"
HINT = "give the directory of the runs with --runs-dir"
TRAIN_AGAIN = "to train a seed again, use `vitreport train --force`"
LEGEND = "95% confidence intervals for new seeds (test: and new images), very wide for n = 2"


def require_runs_dir(runs_dir: Path, *, may_lack_default: bool = False) -> None:
    """Raise SpecError if there is no such directory; `may_lack_default` lets the default one be missing."""
    if runs_dir.exists() and not runs_dir.is_dir():
        raise SpecError(f"{runs_dir} is not a directory", HINT)
    if not runs_dir.exists() and not (may_lack_default and runs_dir == RUNS_DIR.default):
        raise SpecError(f"there is no directory {runs_dir}", HINT)


def read_named(name: str, runs_dir: Path) -> Run:
    """Read the run that a user names. Raises SpecError or RecordError if there is none."""
    require_runs_dir(runs_dir, may_lack_default=True)
    return read_run(find_run(name, runs_dir))


def show_runs(runs_dir: Path, *, each: bool, as_json: bool) -> None:
    """Print a row for each group, or for each run. Raises DamageError if a record is damaged."""
    require_runs_dir(runs_dir, may_lack_default=True)
    records = [read_run(folder) for folder in run_folders(runs_dir)]
    states = {run.id: state_of(run) for run in records}
    runs = [summarize_run(run) for run in records]
    groups = group_runs(runs)
    damage: list[Damage] = []
    levels: dict[str, dict[str, None]] = defaultdict(dict)  # of the sweeps that a group is in, each once
    for sweep in read_sweeps(runs_dir, damage):
        for trial in sweep.trials:
            levels[RunId.parse(trial.run).group][called((axis.name for axis in sweep.axes), trial.values)] = None
    if as_json:
        print_json({"runs": [_plain(run, states[run.id]) for run in runs]})
    elif runs:
        rows = [_row(group.runs, states, levels.get(group.spec_id, ()), group) for group in groups if not each]
        alone = [run for run in runs if each or run.spec is None]
        rows += [_row([run], states, levels.get(RunId.parse(run.id).group, ()) if run.spec else ()) for run in alone]
        print_table(COLUMNS, sorted(rows), right=NUMBERS, spare=SPARE)
        if any("n = " in cell for row in rows for cell in row):
            note(LEGEND)
    else:
        note(f"no runs in {runs_dir}; `vitreport train perceiver-io --dataset digits` makes one")
    warn_mixed(groups)
    warn_each(f"{runs_dir}/sweeps/{line}" for line in damage)
    refuse_damage(records)
    if damage:
        raise DamageError(f"{len(damage)} of the sweeps damaged")


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
    begun = [run.validation for run in runs if not run.splits and not run.damage]
    so_far = ", ".join(percent(each) for each in begun if each is not None)
    if group:
        reached = {"val": _mean(group.validation), "test": _mean(group.test)}
    else:
        reached = {split: percent(each) for split, each in runs[0].accuracies.items() if runs[0].state == "done"}
    validation = [reached.get("val", ""), f"so far {so_far}" if so_far else ""]
    records = [run.record for run in runs if run.record]
    name = group.id if group and len(runs) > 1 else runs[0].id
    return [
        f"{name} ({'; '.join(levels)})" if levels else name,
        ", ".join(f"{count} {state}" if len(runs) > 1 else state for state, count in counts.items()),
        ", ".join(dict.fromkeys(f"{done}/{every or '?'}" for done, every in map(_epochs, runs))),
        "; ".join(filter(None, validation)),
        reached.get("test", ""),
        duration(sum(record.seconds for record in records)) if records else "",
        min((record.started for record in records), default=""),
    ]


def _mean(estimate: Estimate | None) -> str:
    return "" if estimate is None else percent(estimate.value) if estimate.n == 1 else estimate.in_percent(2)


def show_run(run: Run, *, as_json: bool) -> None:
    """Print a run on one screen. Raises DamageError if its record is damaged."""
    state = state_of(run)
    if as_json:
        parts = {"spec": run.spec, "run": run.record, "result": run.result, "epochs": run.epochs}
        print_json({"id": run.id, "state": state, "folder": run.folder, **parts, "damage": map(str, run.damage)})
    else:
        print_text(f"{run.id}: {state}")
        spec = spec_rows(run.spec) if run.spec else []
        for title, rows in (("trained", spec), ("record", _record_rows(run)), ("results", _result_rows(run))):
            if rows:
                print_table([title, ""], rows, gap=True)
        if run.epochs:
            print_table(["curves", "first", "last", ""], _curve_rows(run), right=["first", "last"], gap=True)
    refuse_damage([run])


def spec_rows(spec: RunSpec) -> list[tuple[str, str]]:
    """Return each field of a spec and its value."""
    return [(path, toml_value(value)) for path, value in flat(spec.model_dump(mode="json")).items()]


def flops(forward: int, training: int) -> str:
    """Write 55.1M forward, 165M training."""
    return f"{compact(forward)} forward, {compact(training)} training"


def accuracy_on(split: str, measured: Measurement) -> str:
    """Write 97.50%; on test images with its interval."""
    return measured_accuracy(measured).in_percent(2) if split == "test" else percent(measured.accuracy)


def refuse_damage(runs: Sequence[Run]) -> None:
    """Warn of each damaged file. Raises DamageError if there are any."""
    damaged = [run for run in runs if run.damage]
    warn_each(f"{run.folder / str(line)}" for run in damaged for line in run.damage)
    if damaged:
        names = listed([run.id for run in damaged])
        raise DamageError(f"{len(damaged)} of {counted(len(runs), 'record')} damaged: {names}")


def refuse_damaged_places(summary: Summary, runs_dir: Path, document: str) -> None:
    """Warn of what could not be read for a document. Raises DamageError if there is any."""
    warn_each(f"{runs_dir / each.place}: {each.reason}" for each in summary.damage)
    if damage := len(summary.damage):
        raise DamageError(f"the records are damaged in {counted(damage, 'place')}; {document} has the rest")


def warn_mixed(groups: Iterable[Group]) -> None:
    """Warn of groups whose runs should not be one result."""
    warn_each(f"{line}; {TRAIN_AGAIN}" for line in mixed_randomness(groups))


def _record_rows(run: Run) -> list[tuple[str, str]]:
    record = run.record
    if record is None:
        return []
    data, cost, speed = record.data, record.cost, record.throughput
    bytes_seen = bytes_in_words(run.spec.data.dataset if run.spec else "", canonical=data.canonical)
    rows = [
        ("started", record.started),
        ("finished", record.finished or ""),
        ("time", duration(record.seconds)),
        ("device", f"{record.device}, {counted(record.fingerprint.get('threads', '?'), 'thread')}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in record.versions.items())),
        ("commit", f"{record.git.commit[:12]}{', with changes' if record.git.dirty else ''}" if record.git else ""),
        ("command", " ".join(["vitreport", *record.argv])),
        ("images", ", ".join(f"{count:,} {split}" for split, count in data.counts.items())),
        ("bytes", f"{data.fingerprint[:12]}, {bytes_seen}: {data.source}"),
        ("parameters", f"{cost.parameters:,}"),
        ("FLOPs per image", flops(cost.forward_flops_per_image, cost.training_flops_per_image)),
        ("training", f"{rate(speed.training_images_per_second)} images/s" if speed else ""),
        ("evaluation", f"{rate(speed.evaluation_images_per_second)} images/s" if speed else ""),
        ("weights", _weights(record.weights) if record.weights else ""),
        *((f"resumed at step {each.step}", ", ".join(each.changed) or each.time) for each in record.resumed),
        ("error", record.error.message if record.error else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _weights(weights: InitialWeights) -> str:
    """Write where the training started from, and which tensors or which classifier are new."""
    digest = f" (sha256 {weights.sha256[:12]})" if weights.sha256 else ""
    taken = f"{weights.loaded} tensors of {weights.source}{digest}"
    if fresh := [*weights.reshaped, *weights.reclassed, *weights.missing]:
        return f"{taken}; fresh: {', '.join(fresh)}"
    return f"{taken}; classifier: {weights.classifier}" if weights.classifier else taken


def _result_rows(run: Run) -> list[tuple[str, str]]:
    rows = []
    for which in ("selected", "last") if run.result else ():
        result = getattr(run.result, which)
        for split, measured in result.splits.items():
            accuracy = f"accuracy {accuracy_on(split, measured)}, loss {measured.loss:.4f}"
            rows.append((f"{which} epoch {result.epoch}, {split}", accuracy))
    return rows


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
