"""Train what is missing of a sweep. Whether a trial is done is read from its record, never from what an engine says."""

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from vitreport.errors import FullDiskError, StoppedError, StorageError
from vitreport.files import refuse_unwritable
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.store.lock import is_held
from vitreport.store.run_state import needs_training, trial_state
from vitreport.store.signals import StopSignal, StopSignals, stop_signals
from vitreport.sweep.engines.engine import Ended, Engine, Update
from vitreport.sweep.plan import Trial
from vitreport.sweep.trials import RESULTS, count_done, describe_done, read_trials
from vitreport.training.events import Event

ATTEMPTS = 3
SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_TRIES = 1.0
RESUMES = "the same command resumes the sweep"
Remarks = set[tuple[str, str]]
"""What was already said of images: the dataset, and the line."""


class Observer:
    """Receives what happens in a sweep; a subclass overrides what it needs."""

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None:
        """Receive the new state of a trial, with its record; `why` says what went wrong."""

    def event(self, run_id: str, event: Event) -> None:
        """Receive an event of a training; of the steps only some, and none from an engine that reports none."""

    def note(self, line: str) -> None:
        """Receive a line for the user; it begins with "warning: " if it is one."""

    def progress(self, label: str, done: int, total: int | None) -> None:
        """Receive how far the preparation of the images is; `total` is None where it is not known."""


@dataclass(frozen=True)
class Policy:
    """What happens after a failure.

    Attributes:
        retry_failed: Also train the runs on record that failed with an error; diverged runs are never retried.
        fail_fast: Stop at the first trial that fails.
    """

    retry_failed: bool = False
    fail_fast: bool = False


PATIENT = Policy()


def missing_trials(trials: Sequence[Trial], runs: Mapping[str, Run], policy: Policy) -> list[Trial]:
    """Return the trials that are to be trained."""
    return [trial for trial in trials if needs_training(runs.get(trial.id), retry_failed=policy.retry_failed)]


def run_sweep(
    trials: Sequence[Trial],
    runtime: Runtime,
    engine: Engine,
    *,
    policy: Policy = PATIENT,
    observer: Observer | None = None,
    said: Remarks | None = None,
) -> dict[str, Run]:
    """Train the trials that are missing; a trial that fails for its own reasons costs no other trial anything.

    Args:
        trials: The trials of the sweep.
        runtime: Where the images are and the runs are recorded.
        engine: What trains; it is entered only if there is something to train.
        policy: What happens after a failure.
        observer: Receives what happens.
        said: What was already said of images in another sweep; it is said once.

    Returns:
        The records of all trials, by the id of their specs.

    Raises:
        StoppedError: After a signal.
        StorageError: Nothing more can be written.
        ImagesError, SpecError: A trial cannot be trained; nothing was.
    """
    observer, said = observer or Observer(), set() if said is None else said
    try:
        with stop_signals() as stop:
            runs = read_trials(trials, runtime.runs_dir)
            missing = missing_trials(trials, runs, policy)
            for trial in trials:
                run = runs.get(trial.id)
                observer.moved(trial.id, "queued" if trial in missing else trial_state(run), run)
            if line := describe_done([trial_state(runs.get(trial.id)) for trial in trials]):
                observer.note(line)
            if missing:
                _check(trials, missing, runs, runtime, observer, said)
                stop.graceful = True
                with engine:
                    _Sweep(missing, runtime, policy, engine, observer, said).run(stop)
    except StopSignal as signal:
        fault = f"stopped by {signal}; {count_done(trials, runtime.runs_dir)}"
        raise StoppedError(fault, RESUMES, signal_number=signal.signal_number) from signal
    except StorageError as error:
        fault = f"{error.message}; {count_done(trials, runtime.runs_dir)}"
        is_full = isinstance(error, FullDiskError)
        remedy = "free some space" if is_full else "choose another --runs-dir, or make it writable"
        raise type(error)(fault, f"{remedy}; {RESUMES}") from error
    return read_trials(trials, runtime.runs_dir)


def _check(
    trials: Sequence[Trial],
    missing: Sequence[Trial],
    runs: Mapping[str, Run],
    runtime: Runtime,
    observer: Observer,
    said: Remarks,
) -> None:
    refuse_unwritable(runtime.runs_dir)
    from vitreport.sweep.checks import Networks, check_images  # with torch, which a finished sweep does not need

    def note(dataset: str, line: str) -> None:
        if (dataset, line) not in said:
            said.add((dataset, line))
            observer.note(line.replace("warning: ", f"warning: {dataset}: ", 1))

    Networks().check(trial.spec for trial in missing)
    check_images(trials, missing, runs, runtime, note, observer.progress)


class _Sweep:
    """The trials that wait, and what becomes of those that run."""

    def __init__(
        self,
        trials: Sequence[Trial],
        runtime: Runtime,
        policy: Policy,
        engine: Engine,
        observer: Observer,
        said: Remarks,
    ) -> None:
        self._queue = deque(trials)
        self._trials = {trial.id: trial for trial in trials}
        self._runtime, self._policy, self._engine, self._observer = runtime, policy, engine, observer
        self._said = said
        self._attempts: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}
        self._ending = False
        self._storage: StorageError | None = None

    def run(self, stop: StopSignals) -> None:
        """Raise StopSignal after a signal, StorageError where nothing more can be written."""
        while self._queue or self._engine.running:
            self._heed(stop)
            if self._ending and not self._engine.running:
                break
            self._submit_due()
            for run_id, report in self._engine.reports(SECONDS_BETWEEN_LOOKS):
                self._heed(stop)
                match report:
                    case Update():
                        self._pass_on(run_id, report.event)
                    case Ended():
                        self._settle(self._trials[run_id], report)
                    case _:
                        assert_never(report)
        stop.check()
        if self._storage:
            raise self._storage

    def _heed(self, stop: StopSignals) -> None:
        """A signal from the terminal reaches the workers as well: what they say of it is no reason to try again."""
        if stop.requested is not None and not self._ending:
            self._observer.note("stopping after the current steps are saved; press Ctrl-C again to stop at once")
            self._end()

    def _end(self) -> None:
        """Save what is running and start nothing more."""
        self._ending = True
        self._engine.stop()

    def _submit_due(self) -> None:
        if self._ending:
            return
        now = time.monotonic()
        due = [trial for trial in self._queue if self._not_before.get(trial.id, 0) <= now]
        self._engine.prepare(len(due))
        for trial in due:
            if not self._engine.has_room:
                return
            run = self._read(trial)
            if not needs_training(run, retry_failed=self._policy.retry_failed):  # another process has trained it
                self._queue.remove(trial)
                self._observer.moved(trial.id, trial_state(run), run)
            elif run and is_held(run.folder):
                self._wait_for(trial)
            elif self._engine.submit(trial.spec):
                self._queue.remove(trial)
                self._observer.moved(trial.id, "running", run)
            else:
                return

    def _wait_for(self, trial: Trial) -> None:
        self._not_before[trial.id] = time.monotonic() + SECONDS_BETWEEN_TRIES
        self._observer.moved(trial.id, "in use", None, "another process trains it")

    def _pass_on(self, run_id: str, event: Event | str) -> None:
        if not isinstance(event, str):
            self._observer.event(run_id, event)
        elif (self._trials[run_id].spec.data.dataset, event) not in self._said:
            self._observer.note(event.replace("warning: ", f"warning: {run_id}: ", 1))

    def _settle(self, trial: Trial, end: Ended) -> None:
        """What the record says counts; without a result there, why it ended decides whether it is tried again."""
        run = self._read(trial)
        state = trial_state(run)
        if state in RESULTS:
            self._observer.moved(trial.id, state, run)
        elif end.is_busy:
            self._queue.append(trial)
            self._wait_for(trial)
        elif self._ending:
            self._observer.moved(trial.id, "interrupted", run)
        elif end.storage and self._concerns_all(end.storage):
            self._observer.moved(trial.id, "failed", run)
            self._storage = end.storage
            self._end()
        else:
            self._attempts[trial.id] += 1
            if end.is_temporary and self._attempts[trial.id] < ATTEMPTS:
                self._queue.append(trial)
                self._observer.moved(trial.id, "queued", run, f"it is tried again after: {end.reason}")
                return
            self._observer.moved(trial.id, "failed", run, end.reason)
            if self._policy.fail_fast:
                self._end()

    def _concerns_all(self, error: StorageError) -> bool:
        """Whether no other trial could be recorded either: its disk is full, or the folder of all runs is read-only."""
        try:
            refuse_unwritable(self._runtime.runs_dir)
        except StorageError:
            return True
        return isinstance(error, FullDiskError)

    def _read(self, trial: Trial) -> Run | None:
        return read_trials([trial], self._runtime.runs_dir).get(trial.id)
