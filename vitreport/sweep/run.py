"""Train what is missing of sweeps, in one queue. Whether a trial is done is read from its record, not from reports."""

import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from vitreport import errors
from vitreport.files import check_writable
from vitreport.formatting import counted
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.store.run_state import FINISHED_STATES, is_locked, needs_training, trial_state
from vitreport.store.signals import StopSignal, StopSignals, stop_signals
from vitreport.sweep.check import check_plans, missing_trials
from vitreport.sweep.engines.engine import Ended, Engine, MakeEngine, Moved, Report
from vitreport.sweep.engines.local import LocalEngine
from vitreport.sweep.observer import Observer, Policy
from vitreport.sweep.plan import Plan, Trial, read_trials, write_sweep

ATTEMPTS = 3
POLL_SECONDS = 0.2
SECONDS_BETWEEN_TRIES = 1.0
RESUMES = "run the same command again to resume the sweep"
COLLECTS = "run the same command again to collect the results"


def run_plans(
    plans: Sequence[Plan],
    runtime: Runtime,
    engine: MakeEngine | None = None,
    *,
    policy: Policy = Policy(),
    observer: Observer | None = None,
    unusable: dict[str, errors.VitreportError] | None = None,
) -> dict[str, Run]:
    """Check all sweeps and put them on record, then train what is missing; return the records of the trials.

    `engine` makes what trains (default: one process on this machine at a time). A sweep without usable images is left
    out, and the error added to `unusable` under its name; without `unusable` it is raised before anything is trained.
    Raises also as `check_plans` and `Sweep.run`.
    """
    watching, said = observer or Observer(), set[tuple[str, str]]()
    trainer = (engine or partial(LocalEngine, 1))(runtime, watching.note)
    found = check_plans(plans, runtime, trainer, policy, watching, said)
    if found and unusable is None:
        raise next(iter(found.values()))
    unusable = {} if unusable is None else unusable
    unusable |= found
    if unusable:
        watching.note(f"warning: {errors.left_out_error(unusable).message}")
    plans = [plan for plan in plans if plan.name not in unusable]
    trials = {trial.id: trial for plan in plans for trial in plan.trials}
    sweep = Sweep([*trials.values()], runtime, trainer, policy, watching, said)
    missing = {trial.id for trial in sweep.queue}
    for plan in plans:
        if plan.baseline_warning and any(trial.id in missing for trial in plan.trials):
            about = f"{plan.name}: " if len(plans) > 1 else ""
            watching.note(f"warning: {about}{plan.baseline_warning}")
        if plan.axes:
            write_sweep(runtime.runs_dir, plan)
    watching.begin(plans)
    sweep.run()
    return sweep.runs


@dataclass
class Sweep:
    """Trials and their progress; `said` contains the lines that were shown, by dataset."""

    trials: Sequence[Trial]
    runtime: Runtime
    engine: Engine
    policy: Policy
    observer: Observer
    said: set[tuple[str, str]]
    attempts: Counter[str] = field(default_factory=Counter)
    not_before: dict[str, float] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    is_ending: bool = False
    ended: Sequence[Trial] = ()

    def __post_init__(self) -> None:
        self.runs = read_trials(self.trials, self.runtime.runs_dir)
        self.queue = missing_trials(self.trials, self.runs, retry_failed=self.policy.retry_failed)

    def run(self) -> None:
        """Train the trials in the queue. Raises StoppedError after a signal, ResourceError if none can continue."""
        try:
            with stop_signals() as stop:
                self._run(stop)
        except StopSignal as stopped:
            fault, hint = f"stopped by {stopped}; {self._progress()}", RESUMES
            if self._leaves_jobs(stopped) and self.steps:
                fault, hint = f"{fault}; the jobs continue", COLLECTS
            elif self.engine.outlives_command and self.ended:
                saved = sum(step_of(run) > 0 for run in read_trials(self.ended, self.runtime.runs_dir).values())
                fault += f"; {counted(len(self.ended), 'job')} cancelled, {counted(saved, 'run')} saved"
            raise errors.StoppedError(fault, hint, signal_number=stopped.signal_number) from stopped
        except errors.StorageError as error:
            is_full = isinstance(error, errors.FullDiskError)
            remedy = "free some space" if is_full else "choose another --runs-dir, or make it writable"
            raise type(error)(f"{error.message}; {self._progress()}", f"{remedy}; {RESUMES}") from error

    def _progress(self) -> str:
        done = sum(trial_state(run) in FINISHED_STATES for run in self.runs.values())
        return f"{done} of {counted(len(self.trials), 'trial')} done"

    def _run(self, stop: StopSignals) -> None:
        states = {trial.id: trial_state(self.runs.get(trial.id)) for trial in self.trials}
        for run_id, state in (states | {trial.id: "queued" for trial in self.queue}).items():
            self.observer.moved(run_id, state, self.runs.get(run_id))
        if {*FINISHED_STATES} & {*states.values()}:
            self.observer.note(f"{self._progress()} already")
        if self.queue:
            stop.graceful = True
            try:
                with self.engine:
                    try:
                        self._train(stop)
                    except (StopSignal, errors.FullDiskError) as error:
                        # a signal may come before `_heed` has seen the first
                        if not (self.is_ending or self._leaves_jobs(error)):
                            self._end()
                        raise
            except errors.StorageError:
                stop.check()  # a full disk must not hide the signal
                raise

    def _train(self, stop: StopSignals) -> None:
        by_id = {trial.id: trial for trial in self.trials}
        self._adopt()
        while self.engine.running or (self.queue and not self.is_ending):
            self._heed(stop)
            self._submit_due()
            for run_id, report in self.engine.reports(POLL_SECONDS):
                self._heed(stop)
                self._receive(by_id[run_id], report)
            for run_id in self.steps.keys() - set(self.engine.running):
                self._settle(by_id[run_id], Ended("the engine lost track of it", is_temporary=True))
            if self.policy.detach and stop.requested is None:
                self._note_left()
                break
        stop.check()

    def _note_left(self) -> None:
        if self.queue:
            fault = f"{counted(len(self.queue), 'trial')} not submitted"
            hint = "run the same command again when jobs have ended"
            self.observer.note(f"warning: {errors.with_hint(fault, hint)}")

    def _adopt(self) -> None:
        """Wait for the jobs that an earlier process has left, instead of submitting their trials again."""
        adopted = set(self.engine.adopt([trial.id for trial in self.queue]))
        self.queue = [trial for trial in self.queue if trial.id not in adopted]
        for run_id in adopted:
            self._moved(run_id, "waiting")

    def _moved(self, run_id: str, state: str) -> None:
        """Show the state of a trial that now has a job, and remember how far it was."""
        run = self.runs.get(run_id)
        self.steps[run_id] = step_of(run)
        self.observer.moved(run_id, state, run)

    def _heed(self, stop: StopSignals) -> None:
        """End the sweep after a signal. It reaches the workers too, so how they end then is no reason to try again."""
        if stop.requested is None or self.is_ending:
            return
        if self._leaves_jobs(StopSignal(stop.requested)):
            stop.check()
        self.observer.note("stopping after the current steps are saved; press Ctrl-C again to stop at once")
        self._end()

    def _leaves_jobs(self, error: BaseException) -> bool:
        """Return whether jobs continue after this error: nobody asks for their end by closing a terminal."""
        is_hangup = isinstance(error, StopSignal) and error.signal_number == signal.SIGHUP
        return is_hangup and self.engine.outlives_command and not self.is_ending

    def _end(self) -> None:
        """Save what is running and start nothing more."""
        self.is_ending = True
        self.ended = [trial for trial in self.trials if trial.id in self.engine.running]
        self.engine.stop()

    def _submit_due(self) -> None:
        now = time.monotonic()
        for trial in list(self.queue):
            if self.is_ending or not self.engine.has_room:
                return
            if self.not_before.get(trial.id, 0) > now:
                continue
            run = self._read(trial)
            if not needs_training(run, retry_failed=self.policy.retry_failed):  # another process has trained it
                self.queue.remove(trial)
                self.observer.moved(trial.id, trial_state(run), run)
            elif run and is_locked(run.folder):
                self._wait_for(trial)
            else:
                check_writable(self.runtime.runs_dir)
                state = self.engine.submit(trial.spec, trial.data_dir)
                self.queue.remove(trial)
                self._moved(trial.id, state)

    def _wait_for(self, trial: Trial) -> None:
        self.not_before[trial.id] = time.monotonic() + SECONDS_BETWEEN_TRIES
        self.observer.moved(trial.id, "in use", None, "another process is training it")

    def _receive(self, trial: Trial, report: Report) -> None:
        if isinstance(report, Ended):
            self._settle(trial, report)
        elif isinstance(report, Moved):
            self.observer.moved(trial.id, report.state, self.runs.get(trial.id))
        elif not isinstance(report, str):
            self.observer.event(trial.id, report)
        elif (trial.spec.data.dataset, report) not in self.said:
            self.said.add((trial.spec.data.dataset, report))
            self.observer.note(report.replace("warning: ", f"warning: {trial.id}: ", 1))

    def _settle(self, trial: Trial, end: Ended) -> None:
        """Decide by the record whether the trial is done; without a result, by why it ended whether to try it again.

        An end after progress, such as a time limit, does not count as an attempt. Raises FullDiskError if the disk has
        no room.
        """
        if end.is_full:
            raise errors.FullDiskError(end.reason, "free some space")
        run = self._read(trial)
        state, why = trial_state(run), ""
        has_progressed = step_of(run) > self.steps.pop(trial.id)
        if end.is_attempt and not (end.is_busy or has_progressed):
            self.attempts[trial.id] += 1
        if end.is_busy and state not in FINISHED_STATES:
            self.queue.append(trial)
            self._wait_for(trial)
            return
        if state in FINISHED_STATES:
            pass
        elif self.is_ending:
            state = "interrupted"
        elif end.is_temporary and self.attempts[trial.id] < ATTEMPTS:
            self.queue.append(trial)
            state = "queued"
            if end.is_stop and has_progressed and run:
                epochs = f"{len(run.epochs)} of {counted(trial.spec.train.epochs, 'epoch')}"
                self.observer.note(f"{trial.id}: {end.reason} after {epochs}; it continues in a new job")
            else:
                attempt = "" if has_progressed else f" (attempt {self.attempts[trial.id] + 1} of {ATTEMPTS})"
                why = f"trying again{attempt}: {end.reason}"
        else:
            state, why = "failed", end.reason
            if self.policy.fail_fast:
                self._end()
        self.observer.moved(trial.id, state, run, why)

    def _read(self, trial: Trial) -> Run | None:
        self.runs |= read_trials([trial], self.runtime.runs_dir)
        return self.runs.get(trial.id)


def step_of(run: Run | None) -> int:
    """Return the step of the newest checkpoint on record; 0 without any."""
    return (run.record.step or 0) if run and run.record else 0
