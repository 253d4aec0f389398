"""Seconds for an epoch of Perceiver IO on CIFAR-10: vitreport against the loop of a notebook.

    python -m benchmarks.train_vs_notebook [--data-dir DIR] [--train-images 5000] [--test-images 1000]

An epoch is training, then evaluation on the training and the test images. The notebook has what its users have
today: PIL transforms for each image, a DataLoader, perceiver-pytorch as it is, float32, AdamW, batch 128.
Both sides take turns in one process, on a GPU each under its own settings, and profit from the allocator's setting
alike; the first turn of each is a warm-up. Without CIFAR-10 in --data-dir the images are generated.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from perceiver_pytorch import PerceiverIO
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks import results
from vitreport.data.arrays import ImageArrays, Split
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import describe, open_dataset
from vitreport.spec.compose import compose
from vitreport.spec.data import CHANNELS
from vitreport.spec.load import layer_of, read_preset
from vitreport.spec.run import RunSpec
from vitreport.training.compilation import compile_network
from vitreport.training.device import keep_freed_memory, set_up_device
from vitreport.training.evaluate import evaluation_batch_size
from vitreport.training.events import EpochFinished
from vitreport.training.loop import fit
from vitreport.training.setup import build_network, prepare

BATCH_SIZE = 128
LEARNING_RATE = 3e-4


class NotebookImages(Dataset[tuple[Tensor, int]]):
    """Images in memory that pass PIL one by one, as torchvision's CIFAR10 does it."""

    def __init__(self, split: Split, transform: Callable[[Image.Image], Tensor]) -> None:
        self.pixels: NDArray[np.uint8] = np.ascontiguousarray(split.images.transpose(0, 2, 3, 1))
        self.targets: list[int] = split.labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.targets[index]


def notebook_epochs(arrays: ImageArrays, device: torch.device, workers: int) -> Iterator[None]:
    """One epoch for each `next`."""
    to_tensor = [transforms.ToTensor(), transforms.Normalize(arrays.mean, arrays.std)]
    augment = [transforms.RandomHorizontalFlip(), transforms.ColorJitter(brightness=0.5, hue=0.25)]
    augmented = NotebookImages(arrays.splits["train"], transforms.Compose([*augment, *to_tensor]))
    plain = {name: NotebookImages(split, transforms.Compose(to_tensor)) for name, split in arrays.splits.items()}
    options: dict[str, Any] = {"batch_size": BATCH_SIZE, "num_workers": workers, "persistent_workers": workers > 0}
    training = DataLoader(augmented, shuffle=True, **options)
    evaluations = [DataLoader(images, **options) for images in plain.values()]
    network = PerceiverIO(
        depth=2,
        dim=3072,
        queries_dim=10,
        logits_dim=10,
        num_latents=32,
        latent_dim=64,
        cross_heads=1,
        latent_heads=8,
        cross_dim_head=128,
        latent_dim_head=128,
    ).to(device)
    query = nn.Parameter(torch.randn(1, 1, 10, device=device))
    optimizer = torch.optim.AdamW([*network.parameters(), query], lr=LEARNING_RATE)
    criterion = nn.CrossEntropyLoss()

    def logits(images: Tensor) -> Tensor:
        tokens = images.reshape(len(images), 1, -1)
        answer: Tensor = network(tokens, queries=query.expand(len(images), -1, -1))
        return answer.squeeze(1)

    while True:
        network.train()
        for images, labels in training:
            optimizer.zero_grad()
            loss = criterion(logits(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            for loader in evaluations:
                for images, labels in loader:
                    (logits(images.to(device)).argmax(1).cpu() == labels).sum().item()
        yield


def vitreport_epochs(arrays: ImageArrays, device: torch.device, spec: RunSpec, *, compiled: bool) -> Iterator[None]:
    """One epoch for each `next`, by the program's own loop."""
    setup = prepare(spec, build_network(spec).to(device), arrays)
    if compiled:
        images = torch.zeros(spec.train.batch_size, CHANNELS, spec.data.image_size, spec.data.image_size, device=device)
        evaluated = evaluation_batch_size(device, spec.train, spec.data.image_size)
        compile_network(setup.state.model, images, spec.train.precision, evaluated, Path(tempfile.gettempdir()))
    events = fit(setup.state, setup.batches, setup.splits, spec.train, setup.learning_rate, before_batch=lambda: None)
    for event in events:
        if isinstance(event, EpochFinished):
            yield


def default_settings(device: torch.device) -> None:
    """Undo set_up_device: a notebook has torch's defaults."""
    if device.type == "cuda":
        torch.use_deterministic_algorithms(False)
        torch.backends.cuda.enable_cudnn_sdp(True)
        torch.backends.cudnn.allow_tf32 = True


def settings(name: str, device: torch.device) -> None:
    if name == "notebook":
        default_settings(device)
    else:
        set_up_device(device, threads=None)


def seconds(epochs: Iterator[None], device: torch.device) -> float:
    begun = time.perf_counter()
    next(epochs)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def load(data_dir: Path | None, train_images: int, test_images: int) -> ImageArrays:
    """CIFAR-10 from `data_dir`, or generated images of its shape; the first ones of each split."""
    counts = {"train": train_images, "test": test_images}
    if data_dir is None:
        random = np.random.default_rng(0)
        splits = {
            name: Split(random.integers(0, 256, (n, 3, 32, 32), np.uint8), random.integers(0, 10, n, np.int64))
            for name, n in counts.items()
        }
        grey = (0.5, 0.5, 0.5)
        classes = tuple(map(str, range(10)))
        return ImageArrays(
            splits=splits,
            classes=classes,
            fingerprint="generated",
            canonical=False,
            source="generated",
            mean=grey,
            std=grey,
        )
    found = open_dataset(ImageRequest("cifar10", 32, data_dir, data_dir / ".cache", print))
    random = np.random.default_rng(0)
    splits = {}
    for name, split in found.splits.items():
        chosen = np.sort(random.permutation(len(split.labels))[: counts[name]])
        splits[name] = Split(split.images[chosen], split.labels[chosen])
    return ImageArrays(**{**vars(found), "splits": splits})


def benchmark_spec(epochs: int, precision: str) -> RunSpec:
    changes = layer_of({"train.epochs": epochs, "train.precision": precision}, "benchmark")
    layers = [read_preset("perceiver-io-cifar10"), changes]
    return compose(layers, lambda name, size: describe(name, [Path()], size)).spec


def in_turns(
    arrays: ImageArrays,
    device: torch.device,
    repeats: int,
    workers: int,
    precision: str,
    most_seconds: float = float("inf"),
    *,
    compiled: bool = False,
) -> dict[str, list[float]]:
    """Seconds of each epoch after the first, by side; once `most_seconds` are over, no third turn or later begins."""
    sides = {
        "notebook": notebook_epochs(arrays, device, workers),
        "vitreport": vitreport_epochs(arrays, device, benchmark_spec(repeats + 1, precision), compiled=compiled),
    }
    measured: dict[str, list[float]] = {name: [] for name in sides}
    deadline = time.perf_counter() + most_seconds
    for turn in range(repeats + 1):
        if turn > 1 and time.perf_counter() > deadline:
            break
        for name, epochs in sides.items():
            settings(name, device)
            taken = seconds(epochs, device)
            if turn > 0:
                measured[name].append(taken)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="holds cifar10/ or its archive; else images are generated")
    parser.add_argument("--train-images", type=int, default=5000)
    parser.add_argument("--test-images", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=0, help="of the notebook's DataLoader")
    parser.add_argument("--precision", default="float32", help="of vitreport; the notebook stays at float32")
    parser.add_argument("--compile", action="store_true", help="compile vitreport's network in the first turn")
    given = parser.parse_args()

    device = torch.device(given.device)
    keep_freed_memory()
    arrays = load(given.data_dir, given.train_images, given.test_images)
    measured = in_turns(arrays, device, given.repeats, given.workers, given.precision, compiled=given.compile)

    print(f"{arrays.source}: {given.train_images} + {given.test_images} images, {device}, ", end="")
    way = f"{given.precision}{', compiled' * given.compile}"
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, vitreport at {way}")
    for name, values in measured.items():
        spread = f"{min(values):.2f} to {max(values):.2f}"
        print(f"{name:<10} {statistics.median(values):8.2f} s an epoch (median of {len(values)}, {spread})")
    ratios = [a / b for a, b in zip(*measured.values(), strict=True)]
    print(f"ratio      {statistics.median(ratios):8.2f} (median of the pairs, {min(ratios):.2f} to {max(ratios):.2f})")
    figures = {
        "images": [given.train_images, given.test_images],
        "threads": torch.get_num_threads(),
        "seconds_an_epoch": {name: [round(value, 3) for value in values] for name, values in measured.items()},
        "ratio": round(statistics.median(ratios), 2),
    }
    compiled = "-compiled" if given.compile else ""
    print(results.write(f"train_vs_notebook-{given.precision}{compiled}", figures, device.type))


if __name__ == "__main__":
    main()
