"""Images/s of every architecture, forward and in training: vitreport against plain torch in a notebook.

    python -m benchmarks.models [--device cuda] [--batch-size 16] [--repeats 5] [--models swin tnt] [--precision NAME]

Both sides have the same weights and the same images, already on the device. The notebook has the network as it was
published, eager, in float32, with AdamW as torch builds it and torch's default settings. vitreport has its own
training step and evaluation, optimizer, order of computing, settings and precision. They take turns in one process;
the first turns are a warm-up. Figures are medians over the turns, ratios those of the pairs, with their range. They go
to benchmarks/results/models.json.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import results
from vitreport.spec.compose import compose
from vitreport.spec.data import CHANNELS, DatasetFacts
from vitreport.spec.load import layer_of
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.run import RunSpec
from vitreport.training.device import autocast, device_name, keep_freed_memory, set_up_device
from vitreport.training.loop import TrainingState, train_step
from vitreport.training.optimizers import build_optimizer
from vitreport.training.setup import place_model
from vitreport.training.throughput import STEPS_A_SAMPLE

WARM_UP = 2
NUM_CLASSES = 10
NATIVE: dict[str, dict[str, Any]] = {
    "mlp-mixer": {"data.image_size": 224},
    "timm": {"model.architecture": "vit_tiny_patch16_224", "data.image_size": 224},
}
"""What an architecture needs to have its published size, beside its defaults at 32 x 32 pixels."""

Work = Callable[[], object]


@dataclass(frozen=True)
class Batch:
    """`images` (B, 3, H, W) float32 and `labels` (B,)."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Side:
    """What one of the two does, after its `settings` have been made."""

    settings: Work
    forward: Work
    training: Work


def notebook(network: nn.Module, spec: RunSpec, batch: Batch, device: torch.device) -> Side:
    network.forward = getattr(network, "published_forward", network.forward)
    optimizer = torch.optim.AdamW(network.parameters(), lr=spec.optimizer.learning_rate)
    criterion = nn.CrossEntropyLoss()

    def settings() -> None:
        if device.type == "cuda":
            torch.use_deterministic_algorithms(False)
            torch.backends.cuda.enable_cudnn_sdp(True)
            torch.backends.cudnn.allow_tf32 = True

    def forward() -> None:
        network.eval()
        with torch.no_grad():
            network(batch.images)

    def training() -> None:
        network.train()
        optimizer.zero_grad()
        criterion(network(batch.images), batch.labels).backward()
        optimizer.step()

    return Side(settings, forward, training)


def vitreport(network: nn.Module, spec: RunSpec, batch: Batch, device: torch.device) -> Side:
    state = TrainingState(network, build_optimizer(spec.optimizer, network.parameters()))

    def settings() -> None:
        set_up_device(device, threads=None)

    def forward() -> None:
        network.eval()
        with torch.inference_mode(), autocast(device, spec.train.precision):
            network.forward(batch.images)

    def training() -> None:
        network.train()
        train_step(state, batch.images, batch.labels, spec.train)

    return Side(settings, forward, training)


def benchmark_spec(model: str, batch_size: int, precision: str) -> RunSpec:
    train = {"train.batch_size": batch_size, "train.precision": precision}
    values = {"model.name": model, **train, **NATIVE.get(model, {})}
    facts = DatasetFacts("cifar10", NUM_CLASSES, image_size=32)
    return compose([layer_of(values, "benchmark")], lambda name, size: facts).spec


def random_batch(spec: RunSpec, device: torch.device) -> Batch:
    generator, size = torch.Generator().manual_seed(0), spec.data.image_size
    images = torch.rand(spec.train.batch_size, CHANNELS, size, size, generator=generator)
    labels = torch.randint(NUM_CLASSES, (spec.train.batch_size,), generator=generator)
    return Batch(images.to(device), labels.to(device))


def seconds(work: Work, device: torch.device) -> float:
    """Of one batch; on a GPU of several, so that the next is prepared while one is computed."""
    repeats = STEPS_A_SAMPLE[device.type]
    wait(device)
    begun = time.perf_counter()
    for _ in range(repeats):
        work()
    wait(device)
    return (time.perf_counter() - begun) / repeats


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def in_turns(sides: Mapping[str, Side], kind: str, repeats: int, device: torch.device) -> dict[str, list[float]]:
    """Seconds of each turn, by side."""
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(WARM_UP + repeats):
        for name, side in sides.items():
            side.settings()
            taken = seconds(getattr(side, kind), device)
            if turn >= WARM_UP:
                measured[name].append(taken)
    return measured


def compared(measured: Mapping[str, list[float]], batch_size: int) -> dict[str, float]:
    """Images/s of both sides, and how many times as fast the second is."""
    speeds = {name: round(batch_size / statistics.median(taken), 1) for name, taken in measured.items()}
    ratios = [plain / own for plain, own in zip(*measured.values(), strict=True)]
    found = {"ratio": statistics.median(ratios), "lowest_ratio": min(ratios), "highest_ratio": max(ratios)}
    return speeds | {name: round(value, 2) for name, value in found.items()}


def cells(found: Mapping[str, float]) -> list[str]:
    notebook, own, ratio, lowest, highest = found.values()
    return [f"{notebook:,.1f}", f"{own:,.1f}", f"{ratio:.2f} ({lowest:.2f} to {highest:.2f})"]


def measure(model: str, given: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    spec = benchmark_spec(model, given.batch_size, given.precision)
    network, cost = place_model(spec, device)
    batch = random_batch(spec, device)
    sides = {
        "notebook": notebook(deepcopy(network), spec, batch, device),
        "vitreport": vitreport(network, spec, batch, device),
    }
    label = f"timm/{NATIVE[model]['model.architecture']}" if model == "timm" else model
    speeds = {
        kind: compared(in_turns(sides, kind, given.repeats, device), given.batch_size)
        for kind in ("forward", "training")
    }
    return {"model": label, "pixels": spec.data.image_size, "parameters": cost.parameters, **speeds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--models", nargs="+", choices=list(ARCHITECTURES), default=list(ARCHITECTURES))
    parser.add_argument("--precision", default="float32", help="of vitreport; the notebook stays at float32")
    given = parser.parse_args()

    device = torch.device(given.device)
    keep_freed_memory()
    print(
        f"images/s on {device_name(device)}, {torch.get_num_threads()} threads, batches of {given.batch_size}, ", end=""
    )
    print(f"torch {torch.__version__}, vitreport at {given.precision}, median of {given.repeats}\n")
    speeds = [f"{kind}, {each}" for kind in ("forward", "training") for each in ("notebook", "vitreport", "ratio")]
    columns = ["model", "pixels", "parameters", *speeds]
    print(f"| {' | '.join(columns)} |")
    print(f"|{'|'.join([' --- '] * 2 + [' ---: '] * (len(columns) - 2))}|")
    found = []
    for model in given.models:
        row = measure(model, given, device)
        speeds = [*cells(row["forward"]), *cells(row["training"])]
        size = f"{row['pixels']} x {row['pixels']}", f"{row['parameters'] / 1e6:.1f} M"
        print(f"| {' | '.join([row['model'], *size, *speeds])} |", flush=True)
        found.append(row)
    figures = {"batch_size": given.batch_size, "threads": torch.get_num_threads(), "models": found}
    results.write("models", figures, device.type)


if __name__ == "__main__":
    main()
