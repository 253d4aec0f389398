"""What an analysis keeps of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from vitreport.analysis.summary import RunSummary
from vitreport.formatting import Estimate
from vitreport.intervals import share
from vitreport.records.correct_images import Answers
from vitreport.records.measurement import Measurement
from vitreport.records.reader import Damage, Run
from vitreport.records.run import RunRecord
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import recorded_state

CONVERGED = 0.95


@dataclass(frozen=True)
class Observed:
    """A run without its epochs and the details of its test: little, so that ten thousand of them fit into memory.

    `splits` is measured with the weights of the selected epoch, empty without a result. Where no epoch is missing,
    `best_test` is the highest accuracy of the test curve, and `converged` and `test_converged` are the epochs by which
    the training loss and the test accuracy reached 95% of their total change.
    """

    summary: RunSummary
    spec: RunSpec | None
    record: RunRecord | None
    splits: Mapping[str, Measurement]
    best_test: float | None
    converged: int | None
    test_converged: int | None
    images_per_second: float | None
    peak_memory_bytes: int | None
    answers: Answers | None
    damage: tuple[Damage, ...]

    @property
    def id(self) -> str:
        return self.summary.id


def observe(run: Run) -> Observed:
    """Keep what a summary needs of a run."""
    splits = run.result.selected.splits if run.result else {}
    epochs = run.epochs
    whole = epochs if run.spec and len(epochs) == run.spec.train.epochs else ()
    losses = [(epoch.epoch, -epoch.splits["train"].loss) for epoch in whole if "train" in epoch.splits]
    tests = [(epoch.epoch, epoch.splits["test"].accuracy) for epoch in whole if "test" in epoch.splits]
    summary = RunSummary(
        id=run.id,
        seed=run.spec.seed if run.spec else None,
        state=recorded_state(run),
        epoch=run.result.selected.epoch if run.result else epochs[-1].epoch if epochs else 0,
        epochs=run.spec.train.epochs if run.spec else None,
        accuracies={name: split.accuracy for name, split in splits.items()} if run.spec else {},
        last_seen=run.last_accuracy,
        note=run.record.error.message if run.record and run.record.error else "",
    )
    return Observed(
        summary=summary,
        spec=run.spec,
        record=run.record,
        splits=splits,
        best_test=max((accuracy for _, accuracy in tests), default=None),
        converged=_epoch_reached(losses),
        test_converged=_epoch_reached(tests),
        images_per_second=median([epoch.images_per_second for epoch in epochs]) if epochs else None,
        peak_memory_bytes=max((epoch.peak_memory_bytes for epoch in epochs), default=None),
        answers=run.answers,
        damage=tuple(replace(each, place=f"{run.id}/{each.place}") for each in run.damage),
    )


def measured_accuracy(measured: Measurement) -> Estimate:
    """Return the accuracy of one run on a split, with Wilson's interval over its images."""
    return share([(measured.correct, measured.count)]) or Estimate(0.0, 0.0, 1.0, "wilson", 1, images=0)


def _epoch_reached(curve: Sequence[tuple[int, float]]) -> int | None:
    """Return the first epoch by which a curve has made 95% of its total increase; None if it does not increase."""
    if len(curve) < 2:
        return None
    first, highest = curve[0][1], max(value for _, value in curve)
    if highest == first:
        return None
    return next(epoch for epoch, value in curve if value - first >= CONVERGED * (highest - first))
