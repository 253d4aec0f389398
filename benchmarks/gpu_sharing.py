"""Measure trainings that share a GPU for `benchmarks.gpu`: in several processes, or taking turns in one process."""

import subprocess
import sys
import time
from collections.abc import Iterator

import torch

from benchmarks.gpu_steps import COMPARED, WARM_UP, WAYS, spec_of, steps_of, take
from benchmarks.models import wait
from benchmarks.train_vs_notebook import load
from vitreport.data.arrays import ImageArrays
from vitreport.training.events import Event
from vitreport.training.setup import split_indices
from vitreport.training.streams import Lane

JOBS, TRIALS = (1, 4), (1, 4, 8)
SECONDS, START_SECONDS = 8.0, 30.0


def jobs_steps_per_second(jobs: int, device: torch.device) -> float:
    """Train in several processes at once, all during the same seconds."""
    begin = time.time() + START_SECONDS
    job = [sys.executable, "-m", "benchmarks.gpu", f"--device={device}", f"--job={begin}"]
    processes = [subprocess.Popen(job, stdout=subprocess.PIPE, text=True) for _ in range(jobs)]
    told = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError("a job failed")
    return sum(map(float, told))


def run_job(device: torch.device, begin: float) -> None:
    """Print the steps/s of one job."""
    events = begun(load(None, 5000, 10), device)
    take(events, WARM_UP)
    time.sleep(max(0.0, begin - time.time()))
    start = time.perf_counter()
    steps = take(events, sys.maxsize, start + SECONDS)
    wait(device)
    print(steps / (time.perf_counter() - start))


def trials_a_minute(trials: int, arrays: ImageArrays, device: torch.device) -> float:
    """Train in one process, as with `--trials-per-job`; only the steps of a trial count, not its evaluations."""
    trainings = [(lane, lane.call(begun, arrays, device)) for lane in (Lane(device) for _ in range(trials))]
    for lane, events in trainings:
        lane.call(take, events, WARM_UP)
    wait(device)
    start, steps = time.perf_counter(), 0
    while time.perf_counter() < start + SECONDS:
        steps += sum(lane.call(take, events, 1) for lane, events in trainings)
    wait(device)
    seconds, spec = time.perf_counter() - start, spec_of(COMPARED, {})
    images = len(split_indices(spec, arrays)[0])
    needed = spec.train.epochs * -(-images // spec.train.batch_size)
    return 60 / seconds * steps / needed


def begun(arrays: ImageArrays, device: torch.device) -> Iterator[Event]:
    """Begin a training, with a graph if there is a GPU."""
    return steps_of(COMPARED, WAYS["graph" if device.type == "cuda" else "kernels"], arrays, device)[2]
