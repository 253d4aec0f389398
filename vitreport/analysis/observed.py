"""What a summary keeps of each run's folder: little, so that ten thousand of them fit into memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from vitreport.analysis.details import Damage
from vitreport.analysis.summary import State
from vitreport.records.correct_images import Answers
from vitreport.records.epoch import EpochRecord
from vitreport.records.measurement import Measurement
from vitreport.records.reader import Run, read_run
from vitreport.records.run import RunRecord
from vitreport.spec.run import RunSpec
from vitreport.store.state import recorded_state

CONVERGED = 0.95


@dataclass(frozen=True)
class Observed:
    """A run without its epochs and the details of its test.

    `splits` is measured with the weights of `epoch`, empty without a result. `last_seen` is (split, accuracy) after
    the last whole epoch. Where no epoch is missing `best_test` is the best of the test curve, and `converged` the
    first epoch by which the training loss had made 95% of its whole fall, if it fell; `test_converged` is that by
    which the test accuracy had made 95% of its whole rise.
    """

    folder: Path
    state: State
    spec: RunSpec | None
    record: RunRecord | None
    epoch: int
    splits: Mapping[str, Measurement]
    last_seen: tuple[str, float] | None
    best_test: float | None
    converged: int | None
    test_converged: int | None
    images_per_second: float | None
    peak_memory_bytes: int | None
    answers: Answers | None
    damage: tuple[Damage, ...]

    @property
    def id(self) -> str:
        return self.folder.name


def observe(folders: Iterable[Path]) -> Iterator[Observed]:
    """Read every run; what is damaged is named in it."""
    for folder in folders:
        yield _observed(read_run(folder))


def _observed(run: Run) -> Observed:
    result = run.result
    last = run.epochs[-1] if run.epochs else None
    whole = run.epochs if run.spec and len(run.epochs) == run.spec.train.epochs else ()
    return Observed(
        folder=run.folder,
        state=recorded_state(run),
        spec=run.spec,
        record=run.record,
        epoch=result.selected.epoch if result else last.epoch if last else 0,
        splits=result.selected.splits if result else {},
        last_seen=run.last_accuracy,
        best_test=max((e.splits["test"].accuracy for e in whole if "test" in e.splits), default=None),
        converged=_converged(whole),
        test_converged=_test_converged(whole),
        images_per_second=median([e.images_per_second for e in run.epochs]) if run.epochs else None,
        peak_memory_bytes=max((e.peak_memory_bytes for e in run.epochs), default=None),
        answers=run.answers,
        damage=tuple(Damage(f"{run.id}/{place}", reason) for place, reason in map(_located, run.damage)),
    )


def _converged(epochs: Iterable[EpochRecord]) -> int | None:
    return _reached([(epoch.epoch, -epoch.splits["train"].loss) for epoch in epochs if "train" in epoch.splits])


def _test_converged(epochs: Iterable[EpochRecord]) -> int | None:
    return _reached([(epoch.epoch, epoch.splits["test"].accuracy) for epoch in epochs if "test" in epoch.splits])


def _reached(curve: Sequence[tuple[int, float]]) -> int | None:
    """Return the first epoch by which a curve has made 95% of its whole rise; None where it does not rise."""
    if len(curve) < 2:
        return None
    first, highest = curve[0][1], max(value for _, value in curve)
    if highest == first:
        return None
    return next(epoch for epoch, value in curve if value - first >= CONVERGED * (highest - first))


def _located(line: str) -> tuple[str, str]:
    """run.json: cut off"""
    place, _, reason = line.partition(": ")
    return place, reason
