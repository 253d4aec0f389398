"""How well a GPU is used: the published CIFAR-10 experiments on generated images, in less than ten minutes.

    python -m benchmarks.gpu [--device cuda] [--minutes 8] [--presets NAME ...] [--quick] [--output DIR]

For each preset and way of training it: seconds an epoch (its steps at the speed of some, and its evaluations), kernels
of a step and their time by torch.profiler, and the share of the step's wall time in which a kernel runs. For Perceiver
IO also all ways, the loop of a notebook in the same process, several jobs that share the GPU, and several trials in one
process. What was not run, and why, is part of the table and of the JSON.
The file has never been run on a GPU by its authors; `--device cpu --quick` only shows that it works.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median
from unittest.mock import patch

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu_sharing import JOBS, TRIALS, jobs_steps_per_second, run_job, trials_a_minute
from benchmarks.gpu_steps import COMPARED, WARM_UP, WAYS, steps_of, take
from benchmarks.models import wait
from benchmarks.results import FOLDER, write
from benchmarks.train_vs_notebook import in_turns, load
from vitreport.data.arrays import ImageArrays
from vitreport.data.batches import TrainingBatches
from vitreport.errors import VitreportError
from vitreport.models.weights import reason_of
from vitreport.spec.load import preset_names
from vitreport.training.device import choose_device, device_name, is_deterministic
from vitreport.training.evaluate import predict
from vitreport.training.events import Event

MOST_STEPS, PROFILED, SECONDS = 400, 5, 15.0
NOTEBOOK_SECONDS = 60.0  # after which no further turn of the notebook begins
OF_EACH_PRESET = ("kernels", "graph")
HEADS = (
    "preset",
    "way",
    "batch",
    "s/epoch",
    "ms/step",
    "kernels/step",
    "kernel ms/step",
    "busy",
    "floor s/epoch",
    "eval images/s",
)


@dataclass
class Measured:
    """Of one preset; without a GPU there are no kernels."""

    preset: str
    way: str
    batch_size: int
    precision: str
    seconds_an_epoch: float
    seconds_a_step: float
    steps: int
    steps_an_epoch: int
    evaluation_images_per_second: float
    deterministic: bool
    launches_a_step: float | None = None
    kernel_seconds_a_step: float | None = None

    @property
    def busy(self) -> float | None:
        """The share of a step's wall time in which a kernel runs, if one runs at a time."""
        return None if self.kernel_seconds_a_step is None else self.kernel_seconds_a_step / self.seconds_a_step

    @property
    def floor(self) -> float | None:
        """The seconds of an epoch if the GPU never waited in training; evaluation counts in full."""
        waiting = None if self.busy is None else self.seconds_a_step * (1 - self.busy)
        return None if waiting is None else self.seconds_an_epoch - waiting * self.steps_an_epoch

    def cells(self) -> list[str]:
        busy, kernels = self.busy, self.kernel_seconds_a_step
        return [
            self.preset,
            self.way,
            str(self.batch_size),
            f"{self.seconds_an_epoch:.2f}",
            f"{1000 * self.seconds_a_step:.2f}",
            "-" if self.launches_a_step is None else f"{self.launches_a_step:.0f}",
            "-" if kernels is None else f"{1000 * kernels:.2f}",
            "-" if busy is None else f"{busy:.0%}",
            "-" if self.floor is None else f"{self.floor:.2f}",
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
    jobs_steps_per_second: dict[str, float] = field(default_factory=dict)
    trials_a_minute: dict[int, float] = field(default_factory=dict)
    notebook_images: tuple[int, int] | None = None
    notebook_epochs: dict[str, list[float]] = field(default_factory=dict)

    def ratio_to_notebook(self, each: Measured) -> float | None:
        """How many times as fast as the notebook an epoch is, if the notebook's took longer by the images left out."""
        if each.preset != COMPARED or not self.notebook_images or "notebook" not in self.notebook_epochs:
            return None
        scale = self.train_images / self.notebook_images[0]
        return scale * median(self.notebook_epochs["notebook"]) / each.seconds_an_epoch


def measure(preset: str, way: str, arrays: ImageArrays, device: torch.device, *, quick: bool) -> Measured:
    spec, setup, events = steps_of(preset, WAYS[way], arrays, device)
    take(events, 1 if quick else WARM_UP)
    wait(device)
    begun = time.perf_counter()
    steps = take(events, 2 if quick else MOST_STEPS, begun + SECONDS)
    wait(device)
    step = (time.perf_counter() - begun) / steps
    launches, kernels = profiled(events, device)
    split = setup.splits["val" if "val" in setup.splits else "test"]
    twice = [predict(setup.state.model, split, spec.train, compiled=WAYS[way].compile) for _ in range(2)]
    rate = max(turn.images_per_second for turn in twice)  # the first one is a warm-up
    evaluated = (
        "val",
        *(["test"] if spec.train.monitor_test else []),
        *(["train"] if spec.train.monitor_train else []),
    )
    images = sum(len(setup.splits[name]) for name in evaluated if name in setup.splits)
    return Measured(
        preset=preset,
        way=way,
        batch_size=spec.train.batch_size,
        precision=spec.train.precision,
        seconds_an_epoch=step * setup.batches.steps_per_epoch + images / rate,
        seconds_a_step=step,
        steps=steps,
        steps_an_epoch=setup.batches.steps_per_epoch,
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
    # the profiler also shows ranges of Python on the device, such as train_step's "forward"
    events_of_gpu = [each for each in profiler.events() or () if each.device_type.name == "CUDA"]
    found = [each for each in events_of_gpu if not each.is_user_annotation]
    return len(found) / steps, sum(each.time_range.elapsed_us() for each in found) / steps / 1e6


def measure_notebook(device: torch.device, found: Findings, *, quick: bool) -> None:
    found.notebook_images = (130, 40) if quick else (10_000, 2000)
    arrays, repeats = load(None, *found.notebook_images), 1 if quick else 3
    found.notebook_epochs = in_turns(arrays, device, repeats, 0, "float32", NOTEBOOK_SECONDS)


def run(given: argparse.Namespace) -> Findings:
    device, deadline = choose_device(given.device), time.perf_counter() + 60 * given.minutes
    counts = (150, 40) if given.quick else (50_000, 10_000)
    arrays = load(None, *counts)
    found = Findings(device_name(device), torch.__version__, counts[0])
    for name, (work, needs_gpu) in tasks(given, arrays, device, found).items():
        if needs_gpu and device.type != "cuda":
            found.not_run[name] = "no GPU"
        elif time.perf_counter() > deadline:
            found.not_run[name] = "out of time"
        else:
            try:
                work()
            except (VitreportError, RuntimeError) as error:  # what has been measured must not be lost
                found.not_run[name] = reason_of(error)
            if device.type == "cuda":
                torch.cuda.empty_cache()
    return found


def tasks(
    given: argparse.Namespace, arrays: ImageArrays, device: torch.device, found: Findings
) -> dict[str, tuple[Callable[[], None], bool]]:
    """Return what to measure, the most telling first, and whether it needs a GPU."""

    def row(preset: str, way: str) -> None:
        blocks = nullcontext() if WAYS[way].blocks else patch.object(TrainingBatches, "steps_per_block", 1)
        with blocks:
            found.measured.append(measure(preset, way, arrays, device, quick=given.quick))

    def of(preset: str) -> dict[str, tuple[Callable[[], None], bool]]:
        ways = WAYS if preset == COMPARED else OF_EACH_PRESET
        return {f"{preset}, {way}": (partial(row, preset, way), WAYS[way].graph) for way in ways}

    first, *others = given.presets

    def in_jobs(jobs: int) -> None:
        found.jobs_steps_per_second[f"{jobs} with graphs"] = jobs_steps_per_second(jobs, device)

    def in_one_job(trials: int) -> None:
        found.trials_a_minute[trials] = trials_a_minute(trials, arrays, device)

    jobs = {f"{jobs} jobs on the GPU": (partial(in_jobs, jobs), True) for jobs in JOBS}
    jobs |= {f"{trials} trials in one process": (partial(in_one_job, trials), True) for trials in TRIALS}
    notebook = {"notebook": (partial(measure_notebook, device, found, quick=given.quick), False)}
    return of(first) | notebook | dict(chain.from_iterable(of(preset).items() for preset in others)) | jobs


def show(found: Findings) -> None:
    print(f"{found.device}, torch {found.torch}, {found.train_images} generated training images\n")
    for row in (HEADS, ["---"] * len(HEADS), *(each.cells() for each in found.measured)):
        print(f"| {' | '.join(row)} |")
    print()
    for side, taken in found.notebook_epochs.items():
        print(f"{COMPARED} on {found.notebook_images} images, {side}: {median(taken):.2f} s an epoch")
    for each in found.measured:
        if (ratio := found.ratio_to_notebook(each)) is not None:
            print(f"{each.preset}, {each.way}: {ratio:.1f} times as fast as the notebook")
    for jobs, rate in found.jobs_steps_per_second.items():
        print(f"{COMPARED}, jobs at once: {jobs}: {rate:,.0f} steps/s in all")
    for trials, rate in found.trials_a_minute.items():
        ratio = rate / found.trials_a_minute[TRIALS[0]] if TRIALS[0] in found.trials_a_minute else float("nan")
        print(f"{COMPARED}, --trials-per-job {trials}: {rate:.2f} trials a minute (steps only), ratio {ratio:.2f}")
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
    parser.add_argument("--job", type=float, help=argparse.SUPPRESS)  # one of several, which begin to measure then
    given = parser.parse_args(arguments)
    if given.job:
        run_job(choose_device(given.device), given.job)
        return
    found = run(given)
    show(found)
    print(write("gpu", asdict(found), found.device, given.output))


if __name__ == "__main__":
    main()
