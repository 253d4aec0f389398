"""Logits of a network over a split: in order, without augmentation, in evaluation mode."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from vitreport.data.batches import ImageSet
from vitreport.training.metrics import Labels, Logits
from vitreport.training.precision import autocast

EVALUATION_BATCH_SIZES = {"cpu": 128, "cuda": 1000}  # what fits a processor's cache, and what fills a GPU


@dataclass(frozen=True)
class TimedPredictions:
    """Logits (N, K) in float32 and labels (N,), and the images/s at which they came."""

    logits: Logits
    labels: Labels
    images_per_second: float


def predict(
    model: nn.Module, images: ImageSet, precision: str, before_batch: Callable[[], None]
) -> tuple[Logits, Labels]:
    """Logits (N, K) in float32 and labels (N,), on the host. `before_batch` may raise to stop between batches.

    Never compiled, so that a run can be measured again wherever it was trained.
    """
    model.eval()
    logits = []
    with torch.inference_mode():
        for batch, _ in images.in_order(EVALUATION_BATCH_SIZES[images.device.type]):
            before_batch()
            with autocast(batch.device, precision):
                logits.append(model.forward(batch).float())
    return torch.cat(logits).cpu().numpy(), images.labels.cpu().numpy().astype(np.int64)


def timed_predict(
    model: nn.Module, images: ImageSet, precision: str, before_batch: Callable[[], None]
) -> TimedPredictions:
    """What `predict` gives, and how fast."""
    begun = time.perf_counter()
    logits, labels = predict(model, images, precision, before_batch)
    return TimedPredictions(logits, labels, len(labels) / (time.perf_counter() - begun))
