"""Images/s of augmentation: whole batches on the device beside torchvision's pipeline of one PIL image at a time.

    python -m benchmarks.augment [--batch 512] [--device cpu] [--threads 1] [--rounds 15]

Both sides start from the same generated uint8 images and end with a float batch on the device. They take turns in one
process; a figure is the median over the rounds. PIL works on one core, so that one thread is the fair comparison. In
training on a CPU, at most 512 images are augmented at once. The figures go to benchmarks/results/augment.json.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms

from benchmarks import results
from vitreport.data.augment.pipeline import augment
from vitreport.data.augment.sampling import position_numbers
from vitreport.spec.augment import (
    AugmentSpec,
    AutocontrastSpec,
    ColorJitterSpec,
    EqualizeSpec,
    HorizontalFlipSpec,
    MixtureSpec,
    OperationSpec,
    RandAugmentSpec,
    RandomAffineSpec,
    RandomCropSpec,
    RandomErasingSpec,
    RandomResizedCropSpec,
    RandomRotationSpec,
    SharpnessSpec,
    TrivialAugmentSpec,
    VerticalFlipSpec,
)
from vitreport.spec.load import read_preset
from vitreport.training.device import keep_freed_memory

WARM_UP = 3
PUBLISHED = MixtureSpec.model_validate_json(json.dumps(read_preset("perceiver-io-stl10").values["data"]["augment"][0]))
HEAVY: tuple[OperationSpec, ...] = tuple(
    operation for operation in PUBLISHED.operations if not isinstance(operation, RandomResizedCropSpec)
)
JITTER = ColorJitterSpec(brightness=0.5, hue=0.25)
ALONE: list[AugmentSpec] = [
    *HEAVY,
    RandomCropSpec(padding=4),
    RandomResizedCropSpec(),
    RandomErasingSpec(probability=1.0),
    TrivialAugmentSpec(),
]
PIPELINES: list[tuple[str, int, Sequence[AugmentSpec]]] = [
    *((spec.name, 32, [spec]) for spec in ALONE),
    ("flip and jitter", 32, [HorizontalFlipSpec(), JITTER]),
    ("crop and flip", 32, [RandomCropSpec(padding=4), HorizontalFlipSpec()]),
    ("RandAugment", 32, [RandAugmentSpec()]),
    ("heavy mixture", 32, [MixtureSpec(operations=HEAVY)]),
    ("heavy mixture, resized crop", 64, [PUBLISHED]),
]
"""What is measured, and the size of its images in pixels."""


TRANSFORMS: dict[type[AugmentSpec], Callable[..., Any]] = {
    HorizontalFlipSpec: transforms.RandomHorizontalFlip,
    VerticalFlipSpec: transforms.RandomVerticalFlip,
    RandomCropSpec: transforms.RandomCrop,
    RandomResizedCropSpec: transforms.RandomResizedCrop,
    RandomRotationSpec: transforms.RandomRotation,
    RandomAffineSpec: transforms.RandomAffine,
    ColorJitterSpec: transforms.ColorJitter,
    SharpnessSpec: transforms.RandomAdjustSharpness,
    AutocontrastSpec: transforms.RandomAutocontrast,
    EqualizeSpec: transforms.RandomEqualize,
    RandomErasingSpec: lambda probability, scale, ratio, value: transforms.RandomErasing(probability, scale, ratio),
    RandAugmentSpec: transforms.RandAugment,
    TrivialAugmentSpec: transforms.TrivialAugmentWide,
}


class Mixture:
    """A random number of operations, each drawn uniformly, on one PIL image."""

    def __init__(self, spec: MixtureSpec, size: int) -> None:
        self.spec = spec
        self.steps = [torchvision_transform(operation, size) for operation in spec.operations]

    def __call__(self, image: Image.Image) -> Image.Image:
        for step in random.choices(self.steps, k=random.randint(self.spec.minimum, self.spec.maximum)):
            image = step(image)
        return image


def torchvision_transform(spec: AugmentSpec, size: int) -> Any:
    """The transform of torchvision that does to one image what a spec says; the fields of both have one order."""
    if isinstance(spec, MixtureSpec):
        return Mixture(spec, size)
    values = [value for name, value in spec if name not in ("name", "interpolation")]
    sized = [size] if isinstance(spec, RandomCropSpec | RandomResizedCropSpec) else []
    interpolation = getattr(spec, "interpolation", None)
    named = {"interpolation": transforms.InterpolationMode(interpolation)} if interpolation else {}
    return TRANSFORMS[type(spec)](*sized, *values, **named)


def one_image(operations: Sequence[AugmentSpec], size: int) -> Callable[[Image.Image], Tensor]:
    """All of them in order; torchvision erases tensors only."""
    on_tensors = [spec for spec in operations if isinstance(spec, RandomErasingSpec)]
    on_images = [spec for spec in operations if spec not in on_tensors]
    first, last = ([torchvision_transform(spec, size) for spec in specs] for specs in (on_images, on_tensors))
    return transforms.Compose([*first, transforms.ToTensor(), *last])  # type: ignore[no-any-return]


def as_a_batch(operations: Sequence[AugmentSpec], stored: Tensor, device: torch.device) -> Tensor:
    """Augment stored uint8 images (B, 3, H, W) at once, with numbers of their own as in each step of training."""
    images = stored.to(device, non_blocking=True).float().div_(255)
    return augment(images, operations, position_numbers(0, "augment", 0, np.arange(len(images))))


def one_by_one(transform: Callable[[Image.Image], Tensor], stored: Tensor, device: torch.device) -> Tensor:
    """Augment stored uint8 images (B, H, W, 3) with PIL, one after the other, and stack them."""
    return torch.stack([transform(Image.fromarray(image)) for image in stored.numpy()]).to(device)


def seconds(work: Callable[[], Tensor], device: torch.device) -> float:
    """How long `work` takes, until the device has finished it; on one thread without the time of other programs."""
    clock = time.thread_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    work()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return clock() - start


def compare(
    operations: Sequence[AugmentSpec], stored: Tensor, device: torch.device, rounds: int
) -> tuple[float, float]:
    """Images/s of both sides, from alternating measurements on uint8 images (B, 3, H, W)."""
    batch, _, _, size = stored.shape
    channels_last = stored.permute(0, 2, 3, 1).contiguous()
    pipeline = one_image(operations, size)
    ours, theirs = [], []
    for _ in range(WARM_UP + rounds):
        ours.append(seconds(lambda: as_a_batch(operations, stored, device), device))
        theirs.append(seconds(lambda: one_by_one(pipeline, channels_last, device), device))
    return batch / median(ours[WARM_UP:]), batch / median(theirs[WARM_UP:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=512, help="images in a batch")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--threads", type=int, default=1, help="threads of torch on the CPU")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"batch {options.batch}, {options.device}, threads {options.threads}, load {load}")
    print(f"{'images/s':30}{'pixels':>8}{'vitreport':>12}{'PIL':>10}{'ratio':>8}")
    found: list[dict[str, Any]] = []
    for name, size, operations in PIPELINES:
        stored = torch.randint(0, 256, (options.batch, 3, size, size), dtype=torch.uint8)
        ours, theirs = compare(operations, stored, options.device, options.rounds)
        print(f"{name:30}{size:8}{ours:12,.0f}{theirs:10,.0f}{ours / theirs:8.1f}", flush=True)
        speeds = {"vitreport_images_per_second": round(ours), "pil_images_per_second": round(theirs)}
        found.append({"pipeline": name, "pixels": size, **speeds, "ratio": round(ours / theirs, 2)})
    figures = {"batch": options.batch, "threads": options.threads, "rounds": options.rounds, "pipelines": found}
    results.write("augment", figures, options.device.type)


if __name__ == "__main__":
    main()
