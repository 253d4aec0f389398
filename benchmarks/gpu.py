"""How well a GPU is used: the published CIFAR-10 experiments on generated images, in less than ten minutes.

    python -m benchmarks.gpu [--device cuda] [--minutes 9] [--presets NAME ...] [--quick] [--output DIR]

For each preset: seconds an epoch (its steps at the speed of some, and its evaluations), launches and kernel time of a
step by torch.profiler, and the share of the step's wall time in which a kernel runs. For Perceiver IO also the loop of
a notebook, in the same process. What was not run, and why, is part of the table and of the JSON.
The file has never been run on a GPU by its authors; `--device cpu --quick` only shows that it works.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.models import wait
from benchmarks.results import FOLDER, write
from benchmarks.train_vs_notebook import in_turns, load
from vitreport.data.arrays import ImageArrays
from vitreport.data.sources import describe
from vitreport.errors import VitreportError
from vitreport.models.weights import reason_of
from vitreport.spec.compose import compose
from vitreport.spec.load import preset_names, read_preset
from vitreport.training.device import choose_device, device_name, is_deterministic, set_up_device
from vitreport.training.evaluate import predict
from vitreport.training.events import Event, StepFinished
from vitreport.training.loop import fit
from vitreport.training.setup import place_model, prepare

WARM_UP, MOST_STEPS, PROFILED, SECONDS = 10, 200, 5, 20.0
COMPARED = "perceiver-io-cifar10"
HEADS = ("preset", "batch", "s/epoch", "ms/step", "launches/step", "kernel ms/step", "busy", "eval images/s")


@dataclass
class Measured:
    """Of one preset; without a GPU there are neither launches nor kernels."""

    preset: str
    batch_size: int
    precision: str
    seconds_an_epoch: float
    seconds_a_step: float
    steps: int
    evaluation_images_per_second: float
    deterministic: bool
    launches_a_step: float | None = None
    kernel_seconds_a_step: float | None = None

    @property
    def busy(self) -> float | None:
        """The share of a step's wall time in which a kernel runs, if one runs at a time."""
        return None if self.kernel_seconds_a_step is None else self.kernel_seconds_a_step / self.seconds_a_step

    def cells(self) -> list[str]:
        busy, kernels = self.busy, self.kernel_seconds_a_step
        return [
            self.preset,
            str(self.batch_size),
            f"{self.seconds_an_epoch:.2f}",
            f"{1000 * self.seconds_a_step:.2f}",
            "-" if self.launches_a_step is None else f"{self.launches_a_step:.0f}",
            "-" if kernels is None else f"{1000 * kernels:.2f}",
            "-" if busy is None else f"{busy:.0%}",
            f"{self.evaluation_images_per_second:,.0f}",
        ]


@dataclass
class Findings:
    """What is written as JSON."""

    device: str
    torch: str
    train_images: int
    measured: list[Measured] = field(default_factory=list)
    not_run: dict[str, str] = field(default_factory=dict)
    notebook_images: tuple[int, int] | None = None
    notebook_epochs: dict[str, list[float]] = field(default_factory=dict)


def take(events: Iterator[Event], steps: int, deadline: float = float("inf")) -> int:
    """Take steps until there are so many or time is up; return their number."""
    done = 0
    while done < steps and (not done or time.perf_counter() < deadline):
        done += isinstance(next(events), StepFinished)
    return done


def measure(preset: str, arrays: ImageArrays, device: torch.device, *, quick: bool) -> Measured:
    spec = compose([read_preset(preset)], lambda name, size: describe(name, [Path()], size)).spec
    set_up_device(device, threads=None)
    model, _ = place_model(spec, device)
    setup = prepare(spec, model, arrays)
    train = spec.train.model_copy(update={"selection": "last"})  # an epoch may end between the steps
    events = fit(setup.state, setup.batches, {}, train, setup.learning_rate, before_batch=lambda: None)
    take(events, 1 if quick else WARM_UP)
    wait(device)
    begun = time.perf_counter()
    steps = take(events, 2 if quick else MOST_STEPS, begun + SECONDS)
    wait(device)
    step = (time.perf_counter() - begun) / steps
    launches, kernels = profiled(events, device)
    split = setup.splits["val" if "val" in setup.splits else "test"]
    turns = [predict(model, split, spec.train, before_batch=lambda: None).images_per_second for _ in range(2)]
    rate = max(turns)  # the first one is a warm-up
    evaluated = (
        "val",
        *(["test"] if spec.train.monitor_test else []),
        *(["train"] if spec.train.monitor_train else []),
    )
    images = sum(len(setup.splits[name]) for name in evaluated if name in setup.splits)
    return Measured(
        preset=preset,
        batch_size=spec.train.batch_size,
        precision=spec.train.precision,
        seconds_an_epoch=step * setup.batches.steps_per_epoch + images / rate,
        seconds_a_step=step,
        steps=steps,
        evaluation_images_per_second=rate,
        deterministic=is_deterministic(device),
        launches_a_step=launches,
        kernel_seconds_a_step=kernels,
    )


def profiled(events: Iterator[Event], device: torch.device) -> tuple[float | None, float | None]:
    """Launches and kernel seconds of a step; copies and fills count, as they are launched, too."""
    if device.type != "cuda":
        return None, None
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        steps = take(events, PROFILED)
        wait(device)
    names = {"forward", "backward", "optimizer"}  # ranges of train_step, which the profiler also shows on the device
    found = [each for each in profiler.events() or () if each.device_type.name == "CUDA" and each.name not in names]
    return len(found) / steps, sum(each.time_range.elapsed_us() for each in found) / steps / 1e6


def run(given: argparse.Namespace) -> Findings:
    device = choose_device(given.device)
    counts = (150, 40) if given.quick else (50_000, 10_000)
    arrays, deadline = load(None, *counts), time.perf_counter() + 60 * given.minutes
    found = Findings(device_name(device), torch.__version__, counts[0])
    for preset in given.presets:
        if time.perf_counter() > deadline:
            found.not_run[preset] = "out of time"
            continue
        try:
            found.measured.append(measure(preset, arrays, device, quick=given.quick))
        except (VitreportError, RuntimeError) as error:  # what has been measured must not be lost
            found.not_run[preset] = reason_of(error)
        if device.type == "cuda":
            torch.cuda.empty_cache()
    if device.type != "cuda":
        found.not_run["launches and kernel time"] = "no GPU"
    if time.perf_counter() > deadline:
        found.not_run["notebook"] = "out of time"
    else:
        found.notebook_images = (130, 40) if given.quick else (10_000, 2000)
        fewer = load(None, *found.notebook_images)
        found.notebook_epochs = in_turns(fewer, device, 1 if given.quick else 3, 0, "float32")
    return found


def show(found: Findings) -> None:
    print(f"{found.device}, torch {found.torch}, {found.train_images} generated training images\n")
    for row in (HEADS, ["---"] * len(HEADS), *(each.cells() for each in found.measured)):
        print(f"| {' | '.join(row)} |")
    print()
    for side, taken in found.notebook_epochs.items():
        print(f"{COMPARED} on {found.notebook_images} images, {side}: {median(taken):.2f} s an epoch")
    for name, reason in found.not_run.items():
        print(f"not run: {name}: {reason}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    published = sorted(name for name in preset_names() if "-cifar10" in name and not name.endswith("-strong"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which nothing more begins")
    parser.add_argument("--presets", nargs="+", default=[COMPARED, *(name for name in published if name != COMPARED)])
    parser.add_argument("--quick", action="store_true", help="two steps on few images: a test of this file")
    parser.add_argument("--output", type=Path, default=FOLDER)
    given = parser.parse_args(arguments)
    found = run(given)
    show(found)
    print(write("gpu", asdict(found), found.device, given.output))


if __name__ == "__main__":
    main()
