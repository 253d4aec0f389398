"""Records as tables for people and as plain values for programs."""

from collections.abc import Mapping, Sequence
from typing import Any

from vitreport.analysis.observed import measured_accuracy
from vitreport.cli.console import print_table, print_text, warn_each
from vitreport.cli.format import flops, sparkline, spec_rows
from vitreport.data.registry import bytes_in_words
from vitreport.errors import DamageError
from vitreport.formatting import compact, counted, duration, listed, percent, rate
from vitreport.records.reader import Run
from vitreport.records.run import InitialWeights
from vitreport.store.run_state import state_of

LIST_COLUMNS = ["run", "state", "epochs", "val", "test", "time", "started"]
NUMBER_COLUMNS = ["epochs", "val", "test", "time"]
SPARE_COLUMNS = ["started", "time", "epochs", "val"]
CURVE_WIDTH = 60


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
