"""Train one trial, or several that take turns, in a process of the local engine."""

import gc
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import torch

from vitreport.errors import BusyError, DivergedError, ResourceError
from vitreport.runtime import TRIALS_PER_JOB, Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.signals import StopSignals, stop_signals
from vitreport.store.train import train_in_turns
from vitreport.sweep.engines.engine import Ended, end_after
from vitreport.training.compilation import has_compiled
from vitreport.training.cuda_graphs import has_failed_to_record
from vitreport.training.device import MEMORY_HINT, choose_device, forget_peak_memory
from vitreport.training.events import Event, Listener, StepFinished
from vitreport.training.streams import Lane

SECONDS_BETWEEN_STEPS = 0.25


class _Trial(NamedTuple):
    run_id: str
    turns: Generator[None, None, Path]


class TrialWorker:
    """Trains the specs that come through a connection, each in a lane; sends (run id, report, must restart).

    A process must restart if a trial has failed, which may have damaged it, or if it has compiled code or could not
    record a graph.
    """

    def __init__(self, connection: Connection, runtime: Runtime, argv: Sequence[str]) -> None:
        self._connection, self._runtime, self._argv = connection, runtime, argv
        self._device = choose_device(runtime.device)
        device = self._device if runtime.trials_per_job > 1 else torch.device("cpu")  # one trial needs no stream
        self._free = [Lane(device) for _ in range(runtime.trials_per_job)]
        self._trials: dict[Lane, _Trial] = {}
        self._is_broken = False

    def train(self, spec: RunSpec, data_dir: Path) -> bool:
        """Train a spec, and others that arrive before all have ended.

        Return False after a signal, or after an error that leaves the GPU unusable for this process.
        """
        try:
            with stop_signals() as stop:
                self._begin(spec, data_dir, stop)
                while self._trials and not self._is_broken:
                    while self._free and stop.requested is None and self._connection.poll():
                        spec, data_dir = self._connection.recv()
                        self._begin(spec, data_dir, stop)
                    self._advance_each()
            return stop.requested is None and not self._is_broken
        finally:
            for lane, trial in self._trials.items():
                lane.call(trial.turns.close)

    def _begin(self, spec: RunSpec, data_dir: Path, stop: StopSignals) -> None:
        if not self._trials:
            forget_peak_memory(self._device)
        listener = _Forward(self._connection, spec.run_id)
        own_runtime = replace(self._runtime, data_dir=data_dir)
        turns = train_in_turns(spec, own_runtime, stop, force=False, argv=self._argv, listener=listener)
        self._trials[self._free.pop()] = _Trial(spec.run_id, turns)

    def _advance_each(self) -> None:
        for lane, (run_id, turns) in list(self._trials.items()):
            ended: Ended | None = None
            must_restart = False
            try:
                lane.call(next, turns)
            except StopIteration:
                ended = Ended()
            except Exception as error:
                if isinstance(error, ResourceError) and error.hint == MEMORY_HINT and self._runtime.trials_per_job > 1:
                    error.hint += f", or a smaller {TRIALS_PER_JOB.flag}"
                ended, must_restart = end_after(error), not isinstance(error, BusyError | DivergedError)
                self._is_broken = isinstance(error, torch.AcceleratorError)
            if ended:
                self._free.append(lane)
                del self._trials[lane]
                gc.collect()  # not above, where the error keeps the memory of its trial
                self._connection.send((run_id, ended, must_restart or has_compiled() or has_failed_to_record()))
            if self._is_broken:
                return


class _Forward(Listener):
    def __init__(self, connection: Connection, run_id: str) -> None:
        self._connection, self._run_id, self._last_step = connection, run_id, 0.0

    def event(self, event: Event) -> None:
        if isinstance(event, StepFinished):
            if time.monotonic() - self._last_step < SECONDS_BETWEEN_STEPS:
                return
            self._last_step = time.monotonic()
        self._connection.send((self._run_id, event, False))

    def note(self, line: str) -> None:
        if line.startswith("warning: "):
            self._connection.send((self._run_id, line, False))
