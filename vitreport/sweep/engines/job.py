"""Train one trial in a job of a cluster: `python -m vitreport.sweep.engines.job FOLDER NUMBER`."""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vitreport import errors
from vitreport.runtime import limit_spinning
from vitreport.store.signals import StopSignal, handle_until_exit
from vitreport.sweep.engines.engine import Ended, end_after
from vitreport.sweep.engines.submission import Job, read_trial
from vitreport.training.events import EpochFinished, Event, Listener, StepFinished

STOPPED = "stopped at its time limit or by Slurm"
TOO_EARLY = Ended(
    f"{STOPPED} before its first step; hint: if its time limit is short, increase the engine option time",
    is_temporary=True,
)


class _Print(Listener):
    """Writes the log of a job."""

    has_trained = False

    def event(self, event: Event) -> None:
        self.has_trained |= isinstance(event, StepFinished)
        if isinstance(event, EpochFinished):
            _print(f"epoch {event.record.epoch} done, step {event.record.step}")

    def note(self, line: str) -> None:
        _print(line)


def _print(line: str) -> None:
    """Write a line to the log; a disk without room for it must not end the training."""
    with suppress(OSError):
        print(line, flush=True)


def train_job(job: Job) -> int:
    """Train the trial of a job, say how it has ended, and return the exit code that `vitreport train` would have."""
    spec, runtime, argv = read_trial(job)
    job.begin()
    if threads := runtime.threads or int(os.environ.get("SLURM_CPUS_PER_TASK") or 0):
        os.environ["OMP_NUM_THREADS"] = str(threads)
    ended, code, listener = Ended(), 0, _Print()
    try:
        from vitreport.store.train import train_run  # imports torch

        train_run(spec, replace(runtime, threads=threads or None), force=False, argv=argv, listener=listener)
    except Exception as error:
        ended, code = end_after(error), getattr(error, "exit_code", 1)
        if ended.is_stop:
            ended = replace(ended, reason=STOPPED) if listener.has_trained else TOO_EARLY
        if code == 1:
            sys.excepthook(type(error), error, error.__traceback__)
        _print(ended.reason)
    with suppress(errors.StorageError):
        job.write_end(ended)
    return code


def main(arguments: Sequence[str]) -> int:
    """Train the trial with this folder and number."""
    limit_spinning()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a node may have another locale
    stop = handle_until_exit()
    job = Job(Path(arguments[0]), int(arguments[1]))
    try:
        code = train_job(job)
    except StopSignal as signal:  # before the training began
        code = 128 + signal.signal_number
        with suppress(errors.StorageError):
            job.write_end(TOO_EARLY)
    stop.ignore()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
