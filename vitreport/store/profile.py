"""Find out where training time goes: run a few steps under torch's profiler, and write a trace."""

import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile, record_function

from vitreport.files import write_atomic
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.checkpoint import save_checkpoint
from vitreport.store.session import Session
from vitreport.training.device import bfloat16_instructions, compile_errors, memory_errors
from vitreport.training.evaluate import evaluation_batch_size, predict
from vitreport.training.events import Listener
from vitreport.training.loop import train_step
from vitreport.training.optimizers import set_learning_rate

WARM_UP, STEPS = 3, 20
IN_A_STEP = ("data", "forward", "backward", "optimizer")
MICROSECONDS = 1e-6
HINTS = {
    "data": (0.2, "use fewer or cheaper operations in data.augment"),
    "evaluation": (0.5, "leave out train.monitor_train and train.monitor_test, or hold out fewer images"),
    "checkpoint": (0.1, "save checkpoints less often, for example with --checkpoint-seconds 300"),
    "waiting": (0.3, "use a larger batch size; with a GPU, also try --cuda-graphs"),
}
"""What to change if a part takes more than this share of an epoch."""
COMPUTING = "most of the time is spent computing: try --compile on or a smaller model"
COMPUTING_WITH_BFLOAT16 = COMPUTING.replace("try ", "try --precision bfloat16, ")


@dataclass(frozen=True)
class Profile:
    """The seconds of each part in an epoch of `steps`. `waiting` is the rest; a GPU is idle during this time."""

    seconds: dict[str, float]
    steps: int
    device: str

    @property
    def shares(self) -> dict[str, float]:
        """The share of each part in the epoch."""
        whole = sum(self.seconds.values())
        return {name: seconds / whole for name, seconds in self.seconds.items()}

    @property
    def hint(self) -> str:
        """What to change first."""
        excess = {name: self.shares[name] - most for name, (most, _) in HINTS.items()}
        largest = max(excess, key=lambda name: excess[name])
        if excess[largest] > 0:
            return HINTS[largest][1]
        return COMPUTING if self.device == "cpu" and not bfloat16_instructions() else COMPUTING_WITH_BFLOAT16


def profile_run(spec: RunSpec, runtime: Runtime, trace: Path, listener: Listener) -> Profile:
    """Train a few steps, evaluate a few batches and save once, under torch's profiler. No run is recorded.

    `trace` becomes a file for chrome://tracing and https://ui.perfetto.dev. On a GPU, this has not been measured.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's own log, on stderr
    with tempfile.TemporaryDirectory() as folder:
        work = _Work(spec, runtime, Path(folder), listener)
        on_gpu = work.session.device.type == "cuda"
        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
        # One thread: a part is charged for the kernels that its own thread starts.
        with compile_errors(), memory_errors("while profiling"), torch.autograd.set_multithreading_enabled(False):
            work.train(WARM_UP)
            work.evaluate()
            with profile(activities=kinds) as profiler:
                elapsed = work.train(STEPS)
                work.evaluate()
                work.save()
        written = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(written))
        write_atomic(trace, written.read_bytes())
    return work.whole_epoch(seconds_of(profiler.key_averages(), on_gpu=on_gpu), elapsed)


def seconds_of(ranges: Iterable[Any], *, on_gpu: bool) -> dict[str, float]:
    """Return the seconds that a device computed in each range of torch's profiler, by its name."""
    return {
        each.key: (each.device_time_total if on_gpu else each.cpu_time_total) * MICROSECONDS
        for each in ranges
        if each.device_type == DeviceType.CPU  # the same range on a GPU is another event, with the gaps in between
    }


class _Work:
    """Does some of the work of an epoch, and counts how much."""

    def __init__(self, spec: RunSpec, runtime: Runtime, folder: Path, listener: Listener) -> None:
        self.session, self.folder = Session(spec, runtime, folder, (), listener), folder
        self.session.compile()
        self.setup, self.splits = self.session.setup, list(self.session.monitored.values())
        set_learning_rate(self.setup.state.optimizer, self.setup.learning_rate(0))
        evaluated = STEPS * evaluation_batch_size(self.session.device, spec.train, spec.data.image_size)
        self.samples = [split.first(evaluated) for split in self.splits]
        self.batches = chain.from_iterable(map(self.setup.batches.epoch, range(WARM_UP + STEPS)))

    def train(self, steps: int) -> float:
        """Return the seconds that the steps took."""
        begun, spec, state = time.perf_counter(), self.session.spec, self.setup.state
        state.model.train()
        for _ in range(steps):
            with record_function("data"):
                images, targets = next(self.batches)
            train_step(state, images, targets, spec.train)
        if self.session.device.type == "cuda":
            torch.cuda.synchronize(self.session.device)
        return time.perf_counter() - begun

    def evaluate(self) -> None:
        model, train = self.setup.state.model, self.session.spec.train
        for sample in self.samples:
            with record_function("evaluation"):
                predict(model, sample, train, compiled=True)

    def save(self) -> None:
        with record_function("checkpoint"):
            save_checkpoint(self.folder, self.setup.state)

    def whole_epoch(self, taken: Mapping[str, float], elapsed: float) -> Profile:
        """Scale the seconds of the parts and of all steps to an epoch."""
        steps, between_saves = self.setup.batches.steps_per_epoch, self.session.runtime.checkpoint_seconds
        seconds = {name: taken[name] * steps / STEPS for name in IN_A_STEP}
        waiting = max(0.0, elapsed * steps / STEPS - sum(seconds.values()))
        part = sum(map(len, self.splits)) / max(1, sum(map(len, self.samples)))
        seconds["evaluation"] = taken.get("evaluation", 0.0) * part
        saves = (sum(seconds.values()) + waiting) / between_saves if between_saves else steps
        seconds |= {"checkpoint": taken["checkpoint"] * saves, "waiting": waiting}
        return Profile(seconds, steps, str(self.session.device))
