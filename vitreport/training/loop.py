"""The training loop: steps and epochs in the order in which they happen, as events; and the state that they change."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import record_function

from vitreport.data.batches import ImageSet, TrainingBatches
from vitreport.models.weights import named_weights
from vitreport.randomness import stream_seed
from vitreport.records.measurement import EpochRecord, Measurement
from vitreport.spec.run import TrainSpec
from vitreport.training import parallel
from vitreport.training.device import autocast, peak_memory_bytes, seed_generators
from vitreport.training.evaluate import check_finite, measure, predict
from vitreport.training.events import EpochFinished, Event, Started, StepFinished
from vitreport.training.optimizers import set_learning_rate

SECONDS_BETWEEN_READS = {"cpu": 0.0, "cuda": 1.0}
"""At the end of an epoch a loss is always read."""


@dataclass(frozen=True)
class BestEpoch:
    """The weights that the validation split has chosen so far; `epoch` counts from 1."""

    epoch: int
    step: int
    accuracy: float
    weights: dict[str, Tensor]


@dataclass
class TrainingState:
    """What a run carries from one step to the next, and a checkpoint holds.

    `epoch` counts finished epochs, `step` finished steps of the whole run.

    For the epoch under way, `totals` (3,) float64 holds the sums of losses, right answers and images, and
    `seconds` the time that its steps have taken.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best: BestEpoch | None = None

    def __post_init__(self) -> None:
        self.totals = torch.zeros(3, dtype=torch.float64, device=next(self.model.parameters()).device)

    def tensors(self) -> list[Tensor]:
        """Return every tensor that a step changes in place."""
        kept = [value for each in self.optimizer.state.values() for value in each.values() if isinstance(value, Tensor)]
        return [self.totals, *self.model.parameters(), *self.model.buffers(), *kept]

    def is_finite(self) -> bool:
        """Return whether no loss of this epoch and no weight is infinite or NaN."""
        tensors = (self.totals, *named_weights(self.model).values())
        return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all())  # reads once from the device

    def finish_epoch(self, selection_accuracy: float | None) -> None:
        """Count the epoch, and keep a copy of its weights where no epoch before has a higher accuracy."""
        self.epoch += 1
        self.seconds = 0.0
        self.totals.zero_()
        if selection_accuracy is not None and (self.best is None or selection_accuracy >= self.best.accuracy):
            weights = {name: tensor.detach().clone() for name, tensor in named_weights(self.model).items()}
            self.best = BestEpoch(self.epoch, self.step, selection_accuracy, weights)


StepFunction = Callable[[TrainingState, Tensor, Tensor, TrainSpec], Tensor]


def train_step(state: TrainingState, images: Tensor, targets: Tensor, train: TrainSpec) -> Tensor:
    """Make one update on images (B, 3, H, W); return the mean objective, still on the device.

    The targets are labels (B,) or weights of classes (B, num_classes), the largest of which is the right answer.
    `state.totals` counts the cross entropy without label smoothing.
    """
    state.optimizer.zero_grad()
    objective, sums = parallel.all_reduce_gradients(state.model, *_backward(state.model, images, targets, train))
    with record_function("optimizer"):
        if train.clip_norm is not None:
            nn.utils.clip_grad_norm_(state.model.parameters(), train.clip_norm)
        state.optimizer.step()
    state.totals += sums
    return objective


def _backward(model: nn.Module, images: Tensor, targets: Tensor, train: TrainSpec) -> tuple[Tensor, Tensor]:
    """Compute the gradients; return the mean objective, and the sums of losses, right answers and images (3,).

    Without images the gradients are those of two black ones, so that the same weights have gradients in all processes.
    """
    count = len(targets)
    if not count:
        images, targets = images.new_zeros(2, *images.shape[1:]), targets.new_zeros(2, *targets.shape[1:])
    with record_function("forward"), autocast(images.device, train.precision):
        logits = model(images)
        objective = functional.cross_entropy(logits, targets, label_smoothing=train.label_smoothing)
    with record_function("backward"):
        objective.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        logits, labels = logits.float(), targets if targets.ndim == 1 else targets.argmax(1)
        loss = functional.cross_entropy(logits, targets, reduction="sum").double()
        correct = (logits.argmax(1) == labels).sum().double()
        sums = torch.stack([loss, correct, loss.new_full((), len(labels))])
    return objective.detach(), sums if count else torch.zeros_like(sums)


def fit(
    state: TrainingState,
    batches: TrainingBatches,
    splits: Mapping[str, ImageSet],
    train: TrainSpec,
    learning_rate: Callable[[int], float],
    before_batch: Callable[[], None],
    take_step: StepFunction = train_step,
) -> Iterator[Event]:
    """Train `state` from its step to the end of the last epoch, measuring `splits` after each epoch.

    `take_step` does what `train_step` does.

    `state` can be saved at an EpochFinished, at a StepFinished with a loss, and where `before_batch` raises. Raises
    DivergedError if a loss is infinite or NaN; it names the first such step, or the split.
    """
    yield Started(train.epochs, batches.steps_per_epoch, state.epoch, state.step)
    while state.epoch < train.epochs:
        yield from _train_epoch(state, batches, train, learning_rate, before_batch, take_step)
        seconds = state.seconds  # finish_epoch resets it
        measured = _measure_epoch(state, splits, train, before_batch)
        state.finish_epoch(measured["val"].accuracy if train.selection == "val" else None)
        record = EpochRecord(
            epoch=state.epoch,
            step=state.step,
            learning_rate=learning_rate(state.step - 1),
            splits=measured,
            images_per_second=round(len(batches.images) / seconds, 1),
            seconds=round(seconds, 3),
            peak_memory_bytes=peak_memory_bytes(batches.images.device),
        )
        yield EpochFinished(record, state.best.epoch if state.best else None)


def _train_epoch(
    state: TrainingState,
    batches: TrainingBatches,
    train: TrainSpec,
    learning_rate: Callable[[int], float],
    before_batch: Callable[[], None],
    take_step: StepFunction,
) -> Iterator[StepFinished]:
    """Take the remaining steps of the epoch. The time that the receiver of an event takes does not count."""
    first_step = state.epoch * batches.steps_per_epoch
    losses = _Losses(batches.images.device)
    state.model.train()
    started = time.perf_counter()
    for images, targets in batches.epoch(state.epoch, state.step - first_step):
        before_batch()
        rate = learning_rate(state.step)
        set_learning_rate(state.optimizer, rate)
        seed_generators(images.device, stream_seed(batches.seed, "dropout", state.step, parallel.rank()))
        losses.add(take_step(state, images, targets, train))
        state.step += 1
        is_last = state.step == first_step + batches.steps_per_epoch
        # asked first, because all processes have to ask
        loss = losses.read(state) if losses.are_due() or is_last else None
        state.seconds += time.perf_counter() - started
        yield StepFinished(state.epoch + 1, state.step, rate, loss)
        started = time.perf_counter()


class _Losses:
    """Losses that are still on the device. Reading one waits for the device, so a GPU's are read once a second."""

    def __init__(self, device: torch.device) -> None:
        self._seconds = SECONDS_BETWEEN_READS[device.type]
        self._last_read = time.perf_counter()
        self._unread: list[Tensor] = []

    def add(self, loss: Tensor) -> None:
        """Keep the loss of a step until it is read."""
        self._unread.append(loss)

    def are_due(self) -> bool:
        """Answer the same in all processes, so that all find a loss that is not finite at the same step."""
        is_late = time.perf_counter() - self._last_read >= self._seconds
        return bool(parallel.all_reduce_max(int(is_late)))

    def read(self, state: TrainingState) -> float:
        """Return the newest loss, after a check of every loss since the last read."""
        values: list[float] = torch.stack(self._unread).tolist()
        self._unread.clear()
        for step, value in enumerate(values, start=state.step - len(values) + 1):
            check_finite(value, f"epoch {state.epoch + 1}, step {step}: loss")
        self._last_read = time.perf_counter()
        return values[-1]


def _measure_epoch(
    state: TrainingState, splits: Mapping[str, ImageSet], train: TrainSpec, before_batch: Callable[[], None]
) -> dict[str, Measurement]:
    """Return the means over the epoch as "train", and the measurements of `splits`."""
    place = f"epoch {state.epoch + 1}, step {state.step}"
    loss, correct, count = state.totals.tolist()
    check_finite(loss, f"{place}: train loss")
    measured = {"train": Measurement(count=int(count), correct=int(correct), loss=loss / count)}
    parallel.broadcast_buffers(state.model)
    for name, split in splits.items():
        predicted = predict(state.model, split, train, before_batch, compiled=True)
        measured[name] = measure(predicted.logits, predicted.labels, f"{place}: {name} loss")
    return measured
