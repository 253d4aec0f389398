"""What an analysis keeps of a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from vitreport.formatting import Estimate
from vitreport.intervals import Sample, wilson_interval
from vitreport.records.measurement import Answers, Measurement
from vitreport.records.reader import Damage, Run
from vitreport.records.run import RunRecord
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import recorded_state

State = Literal["done", "diverged", "failed", "unfinished", "damaged", "no record", "not run"]
CONVERGED = 0.95
SMALLEST_FALL = 0.05
"""The share of its first value by which a loss must decrease: one that hardly does has not converged."""


@dataclass(frozen=True)
class RunSummary:
    """One run without its epochs and test details, so that ten thousand fit into memory."""

    id: str
    state: State  # what the record says, whether a process is training it or not
    spec: RunSpec | None
    record: RunRecord | None
    epoch: int  # the best epoch; without a result the last one
    splits: Mapping[str, Measurement]  # measured with the weights of the best epoch; empty without a result
    last_seen: tuple[str, float] | None  # split and accuracy after the last whole epoch
    validation: float | None  # the accuracy of the best epoch; without a result the highest so far
    best_test: float | None  # the highest accuracy of a whole test curve
    converged: int | None  # the epoch by which the training loss made 95% of its total decrease
    test_converged: int | None  # the same of the increase of the test accuracy
    images_per_second: float | None
    peak_memory_bytes: int | None
    answers: Answers | None
    damage: tuple[Damage, ...]

    @property
    def seed(self) -> int | None:
        """The seed, if the spec can be read."""
        return self.spec.seed if self.spec else None

    @property
    def epochs(self) -> int | None:
        """The planned number of epochs, if the spec can be read."""
        return self.spec.train.epochs if self.spec else None

    @property
    def accuracies(self) -> dict[str, float]:
        """The accuracies of the best epoch by split."""
        return {name: split.accuracy for name, split in self.splits.items()} if self.spec else {}

    @property
    def note(self) -> str:
        """The error that ended it."""
        return self.record.error.message if self.record and self.record.error else ""


def summarize_run(run: Run) -> RunSummary:
    """Keep what an analysis needs of a run."""
    result, epochs = run.result, run.epochs
    splits = result.selected.splits if result else {}
    train, validations, tests = (
        [epoch.splits[split] for epoch in epochs if split in epoch.splits] for split in ("train", "val", "test")
    )
    planned = run.spec.train.epochs if run.spec else 0
    losses = [-measured.loss for measured in train] if len(train) == planned else []
    curve = [measured.accuracy for measured in tests] if len(tests) == planned else []
    if result:
        validations = [splits["val"]] if "val" in splits else []
    return RunSummary(
        id=run.id,
        state=recorded_state(run),
        spec=run.spec,
        record=run.record,
        epoch=result.selected.epoch if result else epochs[-1].epoch if epochs else 0,
        splits=splits,
        last_seen=run.last_accuracy,
        validation=max((measured.accuracy for measured in validations), default=None),
        best_test=max(curve, default=None),
        converged=_epoch_reached(losses, SMALLEST_FALL),
        test_converged=_epoch_reached(curve),
        images_per_second=median_of(epoch.images_per_second for epoch in epochs),
        peak_memory_bytes=max((epoch.peak_memory_bytes for epoch in epochs), default=None),
        answers=run.answers,
        damage=tuple(replace(each, place=f"{run.id}/{each.place}") for each in run.damage),
    )


def sample_of(runs: Iterable[RunSummary]) -> Sample:
    """Return the test accuracies of runs, with their answers per image if those of all seeds are known."""
    tested = [run for run in runs if run.state == "done" and "test" in run.splits]
    answers = [run.answers for run in tested if run.answers]
    images = {(each.fingerprint, each.count) for each in answers}
    if len(answers) == len(tested) > 1 and len(images) == 1:
        ((fingerprint, count),) = images
        return Sample.of_answers([each.correct for each in answers], count, fingerprint)
    return Sample(tuple(run.splits["test"].accuracy for run in tested))


def median_of(values: Iterable[float | None]) -> float | None:
    """Return the median of the values that are known, None if there are none."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


def measured_accuracy(measured: Measurement) -> Estimate:
    """Return the accuracy of one run on a split, with Wilson's interval over its images."""
    low, high = wilson_interval(measured.correct, measured.count)
    return Estimate(measured.accuracy, low, high, "wilson", 1, images=measured.count)


def _epoch_reached(curve: Sequence[float], least: float = 0.0) -> int | None:
    """Return the first epoch by which a curve made 95% of its increase; None if that is a share `least` or less."""
    if len(curve) < 2 or max(curve) - curve[0] <= least * abs(curve[0]):
        return None
    enough = CONVERGED * (max(curve) - curve[0])
    return next(epoch for epoch, value in enumerate(curve, start=1) if value - curve[0] >= enough)
