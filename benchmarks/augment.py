"""Images/s of augmentation: whole batches on the device beside torchvision's pipeline of one PIL image at a time.

    python benchmarks/augment.py [--batch 128] [--size 32] [--device cpu] [--threads 1]

Both sides start from the same generated uint8 images and end with a float batch on the device. They take turns in one
process; a figure is the median over the rounds. PIL works on one core, so that one thread is the fair comparison.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms

from vitreport.data.augment.pipeline import augment
from vitreport.spec.augment import AugmentSpec, ColorJitterSpec, HorizontalFlipSpec, RandomCropSpec

ROUNDS = 41
WARM_UP = 3
PIPELINES: dict[str, list[AugmentSpec]] = {
    "horizontal flip": [HorizontalFlipSpec()],
    "random crop": [RandomCropSpec(padding=4)],
    "brightness": [ColorJitterSpec(brightness=0.5)],
    "contrast": [ColorJitterSpec(contrast=0.5)],
    "saturation": [ColorJitterSpec(saturation=0.5)],
    "hue": [ColorJitterSpec(hue=0.25)],
    "all four of jitter": [ColorJitterSpec(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.25)],
    "published: flip, brightness, hue": [HorizontalFlipSpec(), ColorJitterSpec(brightness=0.5, hue=0.25)],
}


def torchvision_transform(spec: AugmentSpec, size: int) -> Callable[[Image.Image], Image.Image]:
    """The transform of torchvision that does to one PIL image what a spec says."""
    match spec:
        case HorizontalFlipSpec():
            transform = transforms.RandomHorizontalFlip(spec.probability)
        case RandomCropSpec():
            transform = transforms.RandomCrop(size, spec.padding)
        case ColorJitterSpec():
            transform = transforms.ColorJitter(spec.brightness, spec.contrast, spec.saturation, spec.hue)
    return transform  # type: ignore[no-any-return]


def as_a_batch(operations: Sequence[AugmentSpec], stored: Tensor, device: torch.device) -> Tensor:
    """Augment stored uint8 images (B, 3, H, W) at once, with a new generator as in each step of training."""
    images = stored.to(device, non_blocking=True).float().div_(255)
    return augment(images, operations, torch.Generator().manual_seed(0))


def one_by_one(transform: Callable[[Image.Image], Tensor], stored: Tensor, device: torch.device) -> Tensor:
    """Augment stored uint8 images (B, H, W, 3) with PIL, one after the other, and stack them."""
    return torch.stack([transform(Image.fromarray(image)) for image in stored.numpy()]).to(device)


def seconds(work: Callable[[], Tensor], device: torch.device) -> float:
    """How long `work` takes, until the device has finished it."""
    start = time.perf_counter()
    work()
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter() - start


def compare(operations: Sequence[AugmentSpec], stored: Tensor, device: torch.device) -> tuple[float, float]:
    """Images/s of both sides, from alternating measurements on uint8 images (B, 3, H, W)."""
    batch, _, _, size = stored.shape
    channels_last = stored.permute(0, 2, 3, 1).contiguous()
    steps = [torchvision_transform(spec, size) for spec in operations]
    pipeline = transforms.Compose([*steps, transforms.ToTensor()])
    ours, theirs = [], []
    for _ in range(WARM_UP + ROUNDS):
        ours.append(seconds(lambda: as_a_batch(operations, stored, device), device))
        theirs.append(seconds(lambda: one_by_one(pipeline, channels_last, device), device))
    return batch / median(ours[WARM_UP:]), batch / median(theirs[WARM_UP:])


def settle_allocator() -> None:
    """Free one large tensor, as every step of training does: glibc then keeps freed memory instead of returning it."""
    torch.ones(4_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128, help="images in a batch")
    parser.add_argument("--size", type=int, default=32, help="pixels a side")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--threads", type=int, default=1, help="threads of torch on the CPU")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settle_allocator()
    stored = torch.randint(0, 256, (options.batch, 3, options.size, options.size), dtype=torch.uint8)
    print(f"batch {options.batch}, {options.size} pixels, {options.device}, threads {options.threads}")
    print(f"{'images/s':34}{'vitreport':>12}{'PIL':>12}{'ratio':>8}")
    for name, operations in PIPELINES.items():
        ours, theirs = compare(operations, stored, options.device)
        print(f"{name:34}{ours:12,.0f}{theirs:12,.0f}{ours / theirs:8.1f}")


if __name__ == "__main__":
    main()
