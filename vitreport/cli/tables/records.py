"""Records and groups of them as tables for people and as plain values for programs."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from vitreport.analysis.groups import Group, groups_of, mixed_randomness
from vitreport.analysis.runs import measured_accuracy
from vitreport.cli.console import note, print_table, print_text, warn_each
from vitreport.cli.format import TRAIN_AGAIN, flops, sparkline, spec_rows
from vitreport.data.registry import bytes_in_words
from vitreport.errors import DamageError
from vitreport.formatting import Estimate, compact, counted, duration, listed, percent, rate
from vitreport.records.reader import Run
from vitreport.records.run import InitialWeights
from vitreport.records.sweeps import SweepRecord
from vitreport.run_id import RunId
from vitreport.spec.sweep import called
from vitreport.store.run_state import state_of

LIST_COLUMNS = ["run", "state", "epochs", "val", "test", "time", "started"]
NUMBER_COLUMNS = ["epochs", "val", "test", "time"]
SPARE_COLUMNS = ["started", "time", "epochs", "val"]
CURVE_WIDTH = 60
INDENT = "  "
UNDER_WAY = ("running", "interrupted")
LEGEND = (
    "± is half of a 95% t interval over n seeds, wide for 2; an interval that reaches 0 or 100% is "
    "shown by both ends; seeds that do not vary have none"
)


def overview(run: Run) -> dict[str, Any]:
    """What a list of runs says of one."""
    splits = run.result.selected.splits if run.result else {}
    measured = [epoch.splits["val"].accuracy for epoch in run.epochs if "val" in epoch.splits]
    so_far = None if run.result else max(measured, default=None)
    return {
        "id": run.id,
        "state": state_of(run),
        "epoch": run.epochs[-1].epoch if run.epochs else 0,
        "epochs": run.spec.train.epochs if run.spec else None,
        "val_accuracy": splits["val"].accuracy if "val" in splits else so_far,
        "test_accuracy": splits["test"].accuracy if "test" in splits else None,
        "seconds": run.record.seconds if run.record else None,
        "started": run.record.started if run.record else None,
        "damage": list(map(str, run.damage)),
    }


def list_row(overview: Mapping[str, Any]) -> list[str]:
    seconds, started = overview["seconds"], overview["started"]
    return [
        overview["id"],
        overview["state"],
        f"{overview['epoch']}/{overview['epochs'] or '?'}",
        _accuracy(overview["val_accuracy"]),
        _accuracy(overview["test_accuracy"]),
        "" if seconds is None else duration(seconds),
        started or "",
    ]


def as_plain(run: Run) -> dict[str, Any]:
    """Everything in the record, as JSON values."""
    return {
        "id": run.id,
        "state": state_of(run),
        "folder": str(run.folder),
        "spec": run.spec and run.spec.model_dump(mode="json"),
        "run": run.record and run.record.model_dump(mode="json"),
        "epochs": [epoch.model_dump(mode="json") for epoch in run.epochs],
        "result": run.result and run.result.model_dump(mode="json"),
        "damage": list(map(str, run.damage)),
    }


def show_run(run: Run) -> None:
    """A run on one screen, on stdout."""
    print_text(f"{run.id}: {state_of(run)}")
    spec = spec_rows(run.spec.model_dump(mode="json")) if run.spec else []
    for title, rows in (("trained", spec), ("record", _record_rows(run)), ("results", _result_rows(run))):
        if rows:
            print_text("")
            print_table([title, ""], rows)
    if run.epochs:
        print_text("")
        print_table(["curves", "first", "last", ""], _curve_rows(run), right=["first", "last"])


def tell_damage(runs: Sequence[Run]) -> None:
    """Name each damaged file on stderr. Raises DamageError where there are any."""
    damaged = [run for run in runs if run.damage]
    warn_each(f"{run.folder / str(line)}" for run in damaged for line in run.damage)
    if damaged:
        names = listed([run.id for run in damaged])
        raise DamageError(f"{len(damaged)} of {counted(len(runs), 'record')} damaged: {names}")


def _record_rows(run: Run) -> list[tuple[str, str]]:
    record = run.record
    if record is None:
        return []
    data, cost, speed = record.data, record.cost, record.throughput
    activations = cost.activation_bytes_per_image
    bytes_seen = bytes_in_words(run.spec.data.dataset if run.spec else "", canonical=data.canonical)
    git = f"{record.git.commit[:12]}{', with changes' if record.git.dirty else ''}" if record.git else ""
    rows = [
        ("started", record.started),
        ("finished", record.finished or ""),
        ("time", duration(record.seconds)),
        ("device", f"{record.device}, {counted(record.fingerprint.get('threads', '?'), 'thread')}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in record.versions.items())),
        ("commit", git),
        ("command", " ".join(["vitreport", *record.argv])),
        ("images", ", ".join(f"{count:,} {split}" for split, count in data.counts.items())),
        ("bytes", f"{data.fingerprint[:12]}, {bytes_seen}: {data.source}"),
        ("parameters", f"{cost.parameters:,}"),
        ("FLOPs per image", flops(cost.forward_flops_per_image, cost.training_flops_per_image)),
        ("not counted", ", ".join(cost.uncounted_operations)),
        ("activations", "" if activations is None else f"{compact(activations)}B per image"),
        ("training", f"{rate(speed.training_images_per_second)} images/s" if speed else ""),
        ("evaluation", f"{rate(speed.evaluation_images_per_second)} images/s" if speed else ""),
        ("weights", _weights(record.weights) if record.weights else ""),
        *((f"resumed at step {each.step}", ", ".join(each.changed) or each.time) for each in record.resumed),
        ("error", record.error.message if record.error else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _weights(weights: InitialWeights) -> str:
    """Where the training started from, and what became of the classifier."""
    fresh = [*weights.reshaped, *weights.reclassed, *weights.missing]
    digest = f" (sha256 {weights.sha256[:12]})" if weights.sha256 else ""
    taken = f"{weights.loaded} tensors of {weights.source}{digest}"
    if fresh:
        return f"{taken}; fresh: {', '.join(fresh)}"
    return f"{taken}; classifier: {weights.classifier}" if weights.classifier else taken


def _result_rows(run: Run) -> list[tuple[str, str]]:
    if run.result is None:
        return []
    rows = []
    for which, result in (("selected", run.result.selected), ("last", run.result.last)):
        for split, measured in result.splits.items():
            accuracy = measured_accuracy(measured).in_percent(2) if split == "test" else percent(measured.accuracy)
            rows.append((f"{which} epoch {result.epoch}, {split}", f"accuracy {accuracy}, loss {measured.loss:.4f}"))
    return rows


def _curve_rows(run: Run) -> list[tuple[str, str, str, str]]:
    rows = []
    for split in run.epochs[-1].splits:
        curve = [epoch.splits[split].accuracy for epoch in run.epochs if split in epoch.splits]
        name = f"{split} accuracy ({'mean of' if split == 'train' else 'after'} the epoch)"
        rows.append((name, percent(curve[0]), percent(curve[-1]), sparkline(curve, CURVE_WIDTH)))
    speeds = [epoch.images_per_second for epoch in run.epochs]
    return [*rows, ("images/s", rate(speeds[0]), rate(speeds[-1]), "")]


def _accuracy(value: float | None) -> str:
    return "" if value is None else percent(value)


def group_rows(groups: Sequence[Group], runs: Sequence[Run], sweeps: Sequence[SweepRecord]) -> Iterator[list[str]]:
    """Lines of `runs list`: under the name of each sweep its own runs, then those of none."""
    by_id = {run.id: run for run in runs}
    trial_of = {run.id: RunId.parse(run.id).first_attempt for group in groups for run in group.runs}
    in_sweeps: set[str] = set()
    for sweep in sweeps:
        labels = {RunId.parse(trial.run).group: trial.values for trial in sweep.trials}
        trials = {trial.run for trial in sweep.trials}
        own = {run_id for run_id, trial in trial_of.items() if trial in trials}
        in_sweeps |= own
        if own:
            yield [f"{sweep.name} (sweep {sweep.id.rpartition('-')[2]})", *[""] * (len(LIST_COLUMNS) - 1)]
        order = list(labels)
        for group in sorted(_restricted(groups, own, by_id), key=lambda group: order.index(group.spec_id)):
            name, *others = group_row(group, by_id)
            yield [f"{INDENT}{name} ({called([axis.name for axis in sweep.axes], labels[group.spec_id])})", *others]
    rows = [group_row(group, by_id) for group in _restricted(groups, {*trial_of} - in_sweeps, by_id)]
    yield from sorted([*rows, *(list_row(overview(run)) for run in runs if run.spec is None)])


def _restricted(groups: Iterable[Group], ids: Collection[str], runs: Mapping[str, Run]) -> Iterator[Group]:
    """The groups of these runs only."""
    for group in groups:
        kept = [runs[run.id] for run in group.runs if run.id in ids]
        if len(kept) == len(group.runs):
            yield group
        else:
            yield from groups_of(kept)


def group_row(group: Group, runs: Mapping[str, Run]) -> list[str]:
    """A line as that of a run; of several runs, the means of those that are done.

    Of those under way the best validation accuracies stand apart.
    """
    overviews = [overview(runs[run.id]) for run in group.runs]
    if len(overviews) == 1:
        return list_row(overviews[0])
    seconds = [each["seconds"] for each in overviews if each["seconds"] is not None]
    so_far = [
        percent(each["val_accuracy"]) for each in overviews if each["state"] in UNDER_WAY and each["val_accuracy"]
    ]
    validation = [_mean(group.validation), f"so far {', '.join(so_far)}" if so_far else ""]
    states = Counter(each["state"] for each in overviews)
    return [
        group.id,
        ", ".join(f"{count} {state}" for state, count in states.items()),
        ", ".join(dict.fromkeys(f"{each['epoch']}/{each['epochs'] or '?'}" for each in overviews)),
        "; ".join(filter(None, validation)),
        _mean(group.test),
        duration(sum(seconds)) if seconds else "",
        min((each["started"] for each in overviews if each["started"]), default=""),
    ]


def _mean(estimate: Estimate | None) -> str:
    return "" if estimate is None else percent(estimate.value) if estimate.n == 1 else estimate.in_percent(2)


def warn_mixed(groups: Iterable[Group]) -> None:
    """Warn on stderr of groups whose runs should not be one result."""
    for line in mixed_randomness(groups):
        note(f"warning: {line}; {TRAIN_AGAIN}")


def name_of(runs: Sequence[Run]) -> str:
    """The id of the group, or of the run that stands alone."""
    return runs[0].id if len(runs) == 1 else RunId.parse(runs[0].id).group
