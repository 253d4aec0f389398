"""What several commands say of records: what they lack, what is damaged, and numbers in words."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from vitreport.analysis.class_scores import ClassScores
from vitreport.analysis.groups import Group, mixed_randomness
from vitreport.analysis.runs import measured_accuracy
from vitreport.analysis.summary import Summary
from vitreport.cli.console import warn_each
from vitreport.data.registry import bytes_in_words
from vitreport.errors import DamageError, SpecError
from vitreport.formatting import compact, counted, duration, listed, milliseconds, percent, rate, toml_value
from vitreport.records.folders import check_runs_dir, find_run
from vitreport.records.measurement import Measurement
from vitreport.records.reader import Run, read_run
from vitreport.run_id import RunId
from vitreport.spec.fields import flatten
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.submission import newest_log

NO_RUNS_HINT = "`vitreport train perceiver-io --dataset digits` trains one"
DAMAGE_HINT = "restore the files, or delete the damaged runs"
TRAIN_AGAIN = "to train a seed again, use `vitreport train --force`"


def read_named(name: str, runs_dir: Path) -> Run:
    """Read the run that a user names. Raises SpecError or RecordError if there is none."""
    check_runs_dir(runs_dir, may_lack_default=True)
    try:
        return read_run(find_run(name, runs_dir))
    except SpecError as error:
        if log := newest_log(runs_dir, name):
            raise SpecError(error.message, f"its Slurm job has not begun to train; see the log: {log}") from error
        raise


def spec_rows(spec: RunSpec) -> list[tuple[str, str]]:
    """Return each field of a spec and its value."""
    return [(path, toml_value(value)) for path, value in flatten(spec.model_dump(mode="json")).items()]


def record_rows(run: Run) -> list[tuple[str, str]]:
    """Return what the record of a run says, without its spec and its results, and where the log of its job is."""
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
        ("commit", str(record.git or "")),
        ("command", " ".join(["vitreport", *record.argv])),
        ("images", ", ".join(f"{count:,} {split}" for split, count in data.counts.items())),
        ("fingerprint", f"{data.fingerprint[:12]}, {bytes_seen}: {data.source}"),
        ("parameters", f"{cost.parameters:,}"),
        ("FLOPs per image", flops(cost.forward_flops_per_image, cost.training_flops_per_image)),
        ("training", f"{rate(speed.training_images_per_second)} images/s" if speed else ""),
        ("evaluation", f"{rate(speed.evaluation_images_per_second)} images/s" if speed else ""),
        ("latency", f"{milliseconds(speed.latency_ms)}, batch size 1" if speed and speed.latency_ms else ""),
        ("trials per job", str(record.trials_per_job) if record.trials_per_job > 1 else ""),
        ("weights", record.weights.in_words(", ".join) if record.weights else ""),
        *((f"resumed at step {each.step}", ", ".join(each.changed) or each.time) for each in record.resumed),
        ("error", record.error.message if record.error else ""),
        ("log", str(newest_log(run.folder.parent, RunId.parse(run.id).first_attempt) or "")),
    ]
    return [(name, value) for name, value in rows if value]


def flops(forward: int, training: int) -> str:
    """Write 55.1M forward, 165M training."""
    return f"{compact(forward)} forward, {compact(training)} training"


def accuracy_on(split: str, measured: Measurement) -> str:
    """Write 97.50%; on test images with its interval."""
    return measured_accuracy(measured).in_percent(2) if split == "test" else percent(measured.accuracy)


def class_score_rows(scores: ClassScores) -> list[tuple[str, str]]:
    """Return the means over the classes; macro F1 where it is known."""
    means = {"balanced accuracy": scores.balanced_accuracy, "macro F1": scores.macro_f1}
    return [(name, percent(value)) for name, value in means.items() if value is not None]


def check_undamaged(runs: Sequence[Run]) -> None:
    """Warn of each damaged file. Raises DamageError if there are any."""
    damaged = [run for run in runs if run.damage]
    warn_each(f"{run.folder}/{line}" for run in damaged for line in run.damage)
    if damaged:
        names = listed([run.id for run in damaged])
        raise DamageError(f"{len(damaged)} of {counted(len(runs), 'record')} damaged: {names}", DAMAGE_HINT)


def check_places_undamaged(summary: Summary, runs_dir: Path, document: str) -> None:
    """Warn of what could not be read for a document. Raises DamageError if there is any."""
    warn_each(f"{runs_dir / each.place}: {each.reason}" for each in summary.damage)
    if damage := len(summary.damage):
        fault = f"the records are damaged in {counted(damage, 'place')}; {document} has the rest"
        raise DamageError(fault, DAMAGE_HINT)


def warn_mixed(groups: Iterable[Group]) -> None:
    """Warn of groups whose runs should not be one result."""
    warn_each(f"{line}; {TRAIN_AGAIN}" for line in mixed_randomness(groups))
