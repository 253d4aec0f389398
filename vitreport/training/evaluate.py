"""Logits of a network over a split, and what is measured on them in float64, the same for every split."""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, pairwise
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vitreport.data.batches import ImageSet
from vitreport.errors import DivergedError
from vitreport.records.measurement import METRICS, CalibrationBin, ClassifiedImage, Measurement, SplitDetails
from vitreport.spec.run import TrainSpec
from vitreport.training import parallel
from vitreport.training.device import autocast, memory_errors

CPU_BATCH_SIZE = 128  # what fits a processor's cache
CUDA_BATCH_SIZE = 10_000  # at most
BYTES_A_PIXEL = 50_000  # of a GPU's memory: TNT needs 3,400, larger networks and jobs that share the GPU need more
LATENCY_IMAGES, LATENCY_SECONDS = 20, 1.0
CALIBRATION_BINS = 15
TOP_K = 5
DIVERGED_HINT = "lower optimizer.learning_rate, add schedule.warmup_epochs or set train.clip_norm"
MAX_CONFUSION_CLASSES = 200

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Predictions:
    """Logits (N, K) in float32 and labels (N,) on the host, and the images/s at which they came."""

    logits: Logits
    labels: Labels
    images_per_second: float


def evaluation_batch_size(device: torch.device, train: TrainSpec, image_size: int) -> int:
    """Return the images in a batch, by the spec and the kind of device alone, because it changes the last digits."""
    if device.type != "cuda":
        return CPU_BATCH_SIZE
    images = torch.cuda.get_device_properties(device).total_memory // BYTES_A_PIXEL // image_size**2
    # a power of two, as drivers leave slightly different amounts of memory
    return min(CUDA_BATCH_SIZE, max(train.batch_size, 1 << max(0, images.bit_length() - 1)))


def predict(
    model: nn.Module,
    images: ImageSet,
    train: TrainSpec,
    before_batch: Callable[[], object] = lambda: None,
    *,
    compiled: bool = False,
) -> Predictions:
    """Compute the logits of a split; `before_batch` may raise to stop between batches.

    A compiled model computes without its compiled code unless `compiled`, because that changes the last digits. Raises
    ResourceError where memory runs out.
    """
    begun = time.perf_counter()
    batch_size = evaluation_batch_size(images.device, train, images.image_size)
    found = logits_of(model, images, train, batch_size, before_batch, compiled=compiled).cpu().numpy()
    return Predictions(found, images.labels, len(found) / (time.perf_counter() - begun))


def logits_of(
    model: nn.Module,
    images: ImageSet,
    train: TrainSpec,
    batch_size: int,
    before_batch: Callable[[], object] = lambda: None,
    *,
    compiled: bool = False,
) -> Tensor:
    """Compute what `predict` does, without waiting for the device; each process computes some of the batches.

    All processes call `before_batch` equally often.
    """
    model.eval()
    compute = model if compiled else model.forward
    logits: list[Tensor] = []
    if (processes := parallel.world_size()) > 1:
        batch_size = min(batch_size, ceil(len(images) / processes))
    own = parallel.range_of_rank(ceil(len(images) / batch_size))
    with torch.inference_mode(), memory_errors(f"measuring in batches of {batch_size} images"):
        for batch in images.in_order(batch_size, slice(own.start, own.stop)):
            before_batch()
            with autocast(batch.device, train.precision):
                logits.append(compute(batch).float())
        for _ in range(len(own) - len(logits)):
            before_batch()
        return parallel.all_gather_rows(logits, len(own) * batch_size, images.device)[: len(images)]


def measure_latency(model: nn.Module, images: ImageSet, train: TrainSpec) -> float:
    """Return the median milliseconds from a single image to its logits, of the first images of a split in about 1 s.

    The model is in evaluation mode and not compiled. The first image is a warm-up.
    """
    times = [time.perf_counter()]
    with torch.inference_mode():
        for batch in islice(images.in_order(1), 1 + LATENCY_IMAGES):
            with autocast(batch.device, train.precision):
                model.forward(batch).float().cpu()
            times.append(time.perf_counter())
            if times[-1] - times[0] > LATENCY_SECONDS:
                break
    taken = [after - before for before, after in pairwise(times)]
    return 1000 * statistics.median(taken[1:] or taken)


def top5(logits: Logits, labels: Labels) -> float | None:
    """Return the share of images whose class is among the five largest logits; ties count against it."""
    if logits.shape[1] <= TOP_K:
        return None
    truth = logits[np.arange(len(labels)), labels]
    at_least_as_large = (logits >= truth[:, None]).sum(1)
    return float((at_least_as_large <= TOP_K).mean())


FUNCTIONS = {"top5": top5}
"""How each of METRICS is computed from logits (N, K) and labels (N,); None where it does not apply."""


def check_finite(loss: float, place: str) -> None:
    """Raise DivergedError for a loss that is infinite or NaN; `place` says of what, and after which step."""
    if not math.isfinite(loss):
        raise DivergedError(f"diverged at {place} = {loss}", DIVERGED_HINT)


def measure(logits: Logits, labels: Labels, place: str = "an evaluation: loss") -> Measurement:
    """Count right answers of logits (N, K) for labels (N,), and compute the mean cross entropy and all METRICS.

    Raises DivergedError if the cross entropy is infinite or NaN.
    """
    loss = float(-_log_softmax(logits)[np.arange(len(labels)), labels].mean())
    check_finite(loss, place)
    metrics = {name: FUNCTIONS[name](logits, labels) for name in METRICS}
    return Measurement(
        count=len(labels),
        correct=int((logits.argmax(1) == labels).sum()),
        loss=loss,
        metrics={name: value for name, value in metrics.items() if value is not None},
    )


def measure_details(logits: Logits, labels: Labels) -> SplitDetails:
    """Compute calibration, per-class counts and the confusion matrix of logits (N, K) against labels (N,).

    With many classes, the images taken for each class are counted instead of the confusion matrix.
    """
    classes, predicted = logits.shape[1], logits.argmax(1)
    calibration = _calibration(logits, predicted == labels)
    gaps = (kept.count * abs(kept.confidence - kept.accuracy) for kept in calibration)
    confusion = taken = None
    if classes <= MAX_CONFUSION_CLASSES:
        counts = np.bincount(labels * classes + predicted, minlength=classes**2)
        confusion = tuple(map(tuple, counts.reshape(classes, classes).tolist()))
    else:
        taken = tuple(np.bincount(predicted, minlength=classes).tolist())
    return SplitDetails(
        expected_calibration_error=sum(gaps) / len(labels),
        calibration=calibration,
        per_class_count=tuple(np.bincount(labels, minlength=classes).tolist()),
        per_class_correct=tuple(np.bincount(labels[predicted == labels], minlength=classes).tolist()),
        confusion=confusion,
        per_class_predicted=taken,
    )


def confident_mistakes(logits: Logits, labels: Labels, limit: int) -> tuple[ClassifiedImage, ...]:
    """Return up to `limit` wrong images, the most confident first; among equals the first images."""
    predicted, confidence = logits.argmax(1), np.exp(_log_softmax(logits).max(1))
    wrong = np.flatnonzero(predicted != labels)
    chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:limit].tolist()
    return tuple(
        ClassifiedImage(
            index=i, label=int(labels[i]), predicted=int(predicted[i]), confidence=min(1.0, float(confidence[i]))
        )
        for i in chosen
    )


def _log_softmax(logits: Logits) -> Any:
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def _calibration(logits: Logits, correct: NDArray[np.bool_]) -> tuple[CalibrationBin, ...]:
    """Fill bins of equal width over the confidence (Guo et al. 2017, arXiv:1706.04599, section 2)."""
    confidence = np.exp(_log_softmax(logits).max(1))
    bin_index = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    count = np.bincount(bin_index, minlength=CALIBRATION_BINS)
    mean_confidence = np.bincount(bin_index, confidence, CALIBRATION_BINS) / np.maximum(count, 1)
    correct_images = np.bincount(bin_index[correct], minlength=CALIBRATION_BINS)
    return tuple(
        CalibrationBin(count=images, correct=right, confidence=min(1.0, mean))
        for images, right, mean in zip(count.tolist(), correct_images.tolist(), mean_confidence.tolist(), strict=True)
    )
