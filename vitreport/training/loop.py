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
"""Reading a loss waits for the device. At the end of an epoch it is always read."""


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


def fit(
    state: TrainingState,
    batches: TrainingBatches,
    splits: Mapping[str, ImageSet],
    train: TrainSpec,
    learning_rate: Callable[[int], float],
    before_batch: Callable[[], None],
    take_step: StepFunction | None = None,
) -> Iterator[Event]:
    """Train `state` from its step to the end of the last epoch, measuring `splits` after each epoch.

    `take_step` is `train_step` or does the same (default: `train_step`).

    `state` can be saved at an EpochFinished, at a StepFinished with a loss, and where `before_batch` raises. Raises
    DivergedError with the first step whose loss is not finite, or after which the loss of a split is not.
    """
    steps_per_epoch = batches.steps_per_epoch
    yield Started(train.epochs, steps_per_epoch, state.epoch, state.step)
    while state.epoch < train.epochs:
        begun, unread, last_read = time.perf_counter() - state.seconds, list[Tensor](), time.perf_counter()
        state.model.train()
        for images, targets in batches.epoch(state.epoch, first_step=state.step - state.epoch * steps_per_epoch):
            before_batch()
            rate, count = learning_rate(state.step), batches.images_in(state.step - state.epoch * steps_per_epoch)
            seed_generators(images.device, stream_seed(batches.seed, "dropout", state.step, parallel.rank()))
            set_learning_rate(state.optimizer, rate)
            unread.append((take_step or train_step)(state, images, targets, train))
            state.step += 1
            is_due = time.perf_counter() - last_read >= SECONDS_BETWEEN_READS[images.device.type]
            # so that all processes find a loss that is not finite at the same step
            is_due = bool(parallel.all_reduce_max(int(is_due)))
            loss = None
            if is_due or state.step % steps_per_epoch == 0:
                loss, last_read = _read_losses(unread, state), time.perf_counter()
            state.seconds = time.perf_counter() - begun
            yield StepFinished(state.epoch + 1, state.step, count, rate, loss)
        seconds = state.seconds
        loss, correct, images_seen = state.totals.tolist()
        place = f"epoch {state.epoch + 1}, step {state.step}"
        check_finite(loss, f"{place}: train loss")
        parallel.broadcast_buffers(state.model)
        measured = {"train": Measurement(count=int(images_seen), correct=int(correct), loss=loss / images_seen)}
        for name, split in splits.items():
            predicted = predict(state.model, split, train, before_batch, compiled=True)
            measured[name] = measure(predicted.logits, predicted.labels, f"{place}: {name} loss")
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


def _read_losses(unread: list[Tensor], state: TrainingState) -> float:
    """Return the newest loss, after a check of every loss since the last read."""
    values: list[float] = torch.stack(unread).tolist()
    unread.clear()
    for step, value in enumerate(values, start=state.step - len(values) + 1):
        check_finite(value, f"epoch {state.epoch + 1}, step {step}: loss")
    return values[-1]
