"""Train what is missing of a sweep. Whether a trial is done is read from its record, never from what a worker says."""

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from vitreport.data.remarks import remarks
from vitreport.errors import (
    BusyError,
    DatasetError,
    FullDiskError,
    ImagesError,
    ResourceError,
    StoppedError,
    StorageError,
)
from vitreport.files import refuse_unwritable
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.store.lock import is_held
from vitreport.store.signals import StopSignal, StopSignals, stop_signals
from vitreport.store.state import needs_training, trial_state
from vitreport.sweep.engines.local import Died, LocalEngine, Report
from vitreport.sweep.engines.worker import Finished, Told
from vitreport.sweep.images import images_of, open_images
from vitreport.sweep.plan import Trial
from vitreport.sweep.trials import RESULTS, done_already, done_so_far, read_trials
from vitreport.training.events import Event

ATTEMPTS = 3
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_TRIES = 1.0
SIGNALLED = 128  # plus the number of the signal: the exit code after it
RESUMES = "the same command resumes the sweep"
Warnings = set[tuple[str, str]]
"""What was said of images: the data set, and the line."""


class Observer(Protocol):
    """Who wants to know: of a trial its new state and its events, a line for the user, a progress, and each look."""

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None: ...

    def event(self, run_id: str, event: Event) -> None: ...

    def note(self, line: str) -> None: ...

    def progress(self, label: str, done: int, total: int | None) -> None: ...

    def looked(self) -> None: ...


@dataclass(frozen=True)
class Policy:
    """`retry_failed` tries again what failed by a fault inside; `fail_fast` stops at the first trial that fails."""

    jobs: int = 1
    retry_failed: bool = False
    fail_fast: bool = False


def run_sweep(
    trials: Sequence[Trial],
    runtime: Runtime,
    policy: Policy,
    *,
    argv: Sequence[str],
    observer: Observer,
    told: Warnings | None = None,
) -> dict[str, Run]:
    """Train the trials that are missing; afterwards the records of all, by the id of their specs.

    What there is to say of images is said once, unless it stands in `told` from an earlier sweep.

    Raises StoppedError after a signal, StorageError where nothing more can be written, and what the images or the
    machine raise before anything runs; a trial that fails for its own reasons costs no other trial anything.
    """
    told = set() if told is None else told
    try:
        with stop_signals() as stop:
            runs = read_trials(trials, runtime.runs_dir)
            missing = [
                trial for trial in trials if needs_training(runs.get(trial.id), retry_failed=policy.retry_failed)
            ]
            for trial in trials:
                run = runs.get(trial.id)
                observer.moved(trial.id, "queued" if trial in missing else trial_state(run), run)
            if line := done_already([trial_state(runs.get(trial.id)) for trial in trials]):
                observer.note(line)
            _check(trials, runs, missing, runtime, observer, told)
            stop.graceful = True
            if missing:
                with LocalEngine(policy.jobs, runtime, argv, observer.note) as engine:
                    _Sweep(missing, runtime, policy, engine, observer, told).run(stop)
    except StopSignal as signal:
        fault = f"stopped by {signal}; {done_so_far(trials, runtime.runs_dir)}"
        raise StoppedError(fault, RESUMES, signal_number=signal.signal_number) from signal
    except StorageError as error:
        fault = f"{error.message}; {done_so_far(trials, runtime.runs_dir)}"
        unwritable = not isinstance(error, FullDiskError)
        remedy = "choose another --runs-dir, or make it writable" if unwritable else "free some space"
        raise type(error)(fault, f"{remedy}; {RESUMES}") from error
    return read_trials(trials, runtime.runs_dir)


def _check(
    trials: Sequence[Trial],
    runs: Mapping[str, Run],
    missing: Sequence[Trial],
    runtime: Runtime,
    observer: Observer,
    told: Warnings,
) -> None:
    """Decode each data set once for all workers, and see whether every trial can be trained on it and recorded.

    Raises StorageError where no run can be written, SpecError where a trial cannot be trained, ImagesError where there
    are no images, or others than a record has seen.
    """
    if not missing:
        return
    refuse_unwritable(runtime.runs_dir)
    from vitreport.sweep.check import Networks, check_images

    Networks().check(trial.spec for trial in missing)
    for dataset, image_size, intensity_range in dict.fromkeys(map(images_of, missing)):
        own = [trial for trial in trials if images_of(trial) == (dataset, image_size, intensity_range)]

        note = partial(_note_once, told, observer, dataset)
        try:
            images = open_images(own, runs, runtime, note, observer.progress)
        except (DatasetError, ResourceError) as error:
            raise ImagesError({dataset: error}) from error
        check_images([trial.spec for trial in own if trial in missing], images)
        for line in remarks(dataset, images):
            note(line)


def _note_once(told: Warnings, observer: Observer, dataset: str, line: str) -> None:
    if (dataset, line) not in told:
        told.add((dataset, line))
        observer.note(line.replace("warning: ", f"warning: {dataset}: ", 1))


class _Sweep:
    """The trials that wait, and what becomes of those that run."""

    def __init__(
        self,
        trials: Sequence[Trial],
        runtime: Runtime,
        policy: Policy,
        engine: LocalEngine,
        observer: Observer,
        told: Warnings,
    ) -> None:
        self._queue = deque(trials)
        self._trials = {trial.id: trial for trial in trials}
        self._runtime, self._policy, self._engine, self._observer = runtime, policy, engine, observer
        self._told = told
        self._attempts: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._ending = False
        self._storage: StorageError | None = None

    def run(self, stop: StopSignals) -> None:
        """Raises StopBetweenSteps after a signal, StorageError where nothing more can be written."""
        while self._queue or self._engine.running:
            self._heed(stop)
            if self._ending and not self._engine.running:
                break
            self._hand_out()
            for run_id, report in self._engine.reports(SECONDS_BETWEEN_LOOKS):
                self._heed(stop)
                self._take(run_id, report)
            self._observer.looked()
        stop.check()
        if self._storage:
            raise self._storage

    def _heed(self, stop: StopSignals) -> None:
        """A signal from the terminal reaches the workers as well: what they say of it is no reason to try again."""
        if stop.requested is not None and not self._ending:
            self._observer.note("stopping after the current steps are saved; press Ctrl-C again to stop at once")
            self._end()

    def _end(self) -> None:
        """Save what is under way and begin nothing more."""
        self._ending = True
        self._engine.stop()

    def _hand_out(self) -> None:
        if self._ending:
            return
        now = time.monotonic()
        due = [trial for trial in self._queue if self._not_before.get(trial.id, 0) <= now]
        self._engine.staff(len(due))
        for trial in due:
            if not self._engine.has_idle:
                return
            run = self._read(trial.id)
            if not needs_training(run, retry_failed=self._policy.retry_failed):  # another process has trained it
                self._queue.remove(trial)
                self._observer.moved(trial.id, trial_state(run), run)
            elif run and is_held(run.folder):
                self._wait_for(trial)
            elif self._engine.submit(trial.spec):
                self._queue.remove(trial)
                self._observer.moved(trial.id, "running", run)

    def _wait_for(self, trial: Trial) -> None:
        self._not_before[trial.id] = time.monotonic() + SECONDS_BETWEEN_TRIES
        self._observer.moved(trial.id, "in use", None, "another process trains it")

    def _take(self, run_id: str, report: Report) -> None:
        match report:
            case Told(event=str(line)) if (self._trials[run_id].spec.data.dataset, line) in self._told:
                pass
            case Told(event=str(line)):
                self._observer.note(line.replace("warning: ", f"warning: {run_id}: ", 1))
            case Told(event=event) if not isinstance(event, str):
                self._observer.event(run_id, event)
            case Died() | Finished():
                self._settle(self._trials[run_id], report)

    def _settle(self, trial: Trial, end: Died | Finished) -> None:
        """What the record says counts; without a result there, why it ended decides whether it is tried again."""
        run = self._read(trial.id)
        state = trial_state(run)
        self._attempts[trial.id] += 1
        if state in RESULTS:
            self._observer.moved(trial.id, state, run)
        elif isinstance(end, Finished) and end.exit_code == BusyError.exit_code:
            self._attempts[trial.id] -= 1
            self._queue.append(trial)
            self._wait_for(trial)
        elif self._ending:
            self._observer.moved(trial.id, "interrupted", run)
        elif isinstance(end, Finished) and end.storage and self._concerns_all(end.storage):
            self._observer.moved(trial.id, "failed", run)
            self._storage = end.storage
            self._end()
        elif _is_from_outside(end) and self._attempts[trial.id] < ATTEMPTS:
            self._queue.append(trial)
            self._observer.moved(trial.id, "queued", run, f"it is tried again after: {_reason(end)}")
        else:
            self._observer.moved(trial.id, "failed", run, _reason(end))
            if self._policy.fail_fast:
                self._end()

    def _concerns_all(self, error: StorageError) -> bool:
        """Whether no other trial could be recorded either: its disk is full, or the folder of all runs is read-only."""
        try:
            refuse_unwritable(self._runtime.runs_dir)
        except StorageError:
            return True
        return isinstance(error, FullDiskError)

    def _read(self, run_id: str) -> Run | None:
        return read_trials([self._trials[run_id]], self._runtime.runs_dir).get(run_id)


def _is_from_outside(end: Died | Finished) -> bool:
    """Whether a signal ended it, or a lack of memory or of a device. A place that can't be written stays so."""
    if isinstance(end, Died) or end.exit_code > SIGNALLED:
        return True
    return end.exit_code == ResourceError.exit_code and not end.storage


def _reason(end: Died | Finished) -> str:
    if isinstance(end, Finished):
        return "; ".join(end.lines)
    cause = f"signal {-end.exit_code}" if end.exit_code < 0 else f"exit code {end.exit_code}"
    return f"its worker was ended by {cause}{' (out of memory?)' if end.exit_code == -9 else ''}"
