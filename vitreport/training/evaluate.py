"""Logits of a network over a split: in order, without augmentation, in evaluation mode."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from vitreport.data.batches import ImageSet
from vitreport.spec.run import TrainSpec
from vitreport.training.device import autocast, memory_errors
from vitreport.training.metrics import Labels, Logits

CPU_BATCH_SIZE = 128  # what fits a processor's cache
CUDA_BATCH_SIZE, CUDA_SIDE = 1000, 32  # what fills a GPU, with images of so many pixels a side


@dataclass(frozen=True)
class Predictions:
    """Logits (N, K) in float32 and labels (N,) on the host, and the images/s at which they came."""

    logits: Logits
    labels: Labels
    images_per_second: float


def evaluation_batch_size(device: torch.device, train: TrainSpec, image_size: int) -> int:
    """Return the images in a batch, by the spec and the kind of device alone, because it changes the last digits.

    On a GPU their pixels are those of CUDA_BATCH_SIZE small images at most, unless training itself takes more.
    """
    if device.type != "cuda":
        return CPU_BATCH_SIZE
    return min(CUDA_BATCH_SIZE, max(train.batch_size, CUDA_BATCH_SIZE * CUDA_SIDE**2 // image_size**2))


def predict(model: nn.Module, images: ImageSet, train: TrainSpec, before_batch: Callable[[], None]) -> Predictions:
    """Compute the logits of a split. `before_batch` may raise to stop between batches.

    The network is never compiled here, so that a run can be measured again wherever it was trained. Raises
    ResourceError where the memory does not suffice.
    """
    model.eval()
    logits, begun = [], time.perf_counter()
    batch_size = evaluation_batch_size(images.device, train, images.image_size)
    with torch.inference_mode(), memory_errors(f"measuring in batches of {batch_size} images"):
        for batch, _ in images.in_order(batch_size):
            before_batch()
            with autocast(batch.device, train.precision):
                logits.append(model.forward(batch).float())
    found, labels = torch.cat(logits).cpu().numpy(), images.labels.cpu().numpy().astype(np.int64)
    return Predictions(found, labels, len(labels) / (time.perf_counter() - begun))
