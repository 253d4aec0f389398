"""Train trials in jobs of a Slurm cluster, as arrays of jobs.

The jobs are found again by their names, so this process may end at any time: the next one takes them over. It calls
Slurm's commands instead of submitit, which replaces the handler of SIGTERM in its jobs, reads states from sacct only,
and describes its jobs as pickles.
"""

import os
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from vitreport import errors
from vitreport.files import write_atomic
from vitreport.formatting import counted
from vitreport.records.folders import newest_attempt
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import FINISHED_STATES, trial_state
from vitreport.sweep.engines import slurm_commands, slurm_reasons
from vitreport.sweep.engines.engine import Ended, Moved, Report, State
from vitreport.sweep.engines.slurm_commands import ENDED, NoAnswerError, Queue
from vitreport.sweep.engines.slurm_lost import LostRequests
from vitreport.sweep.engines.slurm_queue import PREFIX, WAITING, Submitted, active_jobs, state_of
from vitreport.sweep.engines.submission import FOLDER, read_jobs, write_submission
from vitreport.sweep.watch import Watcher

MAX_SUBMITTED = 1000
"""Slurm's own limit for the size of an array, where the cluster has no other."""
POLL_SECONDS = 15.0
POLLS_BEFORE_LOST = 4
"""With 15 s between them, longer than NFS may show an old state of a folder (60 s)."""


class SlurmEngine:
    """Trains in jobs of Slurm, at most `jobs` at a time. Jobs continue without this process unless `stop` is called."""

    outlives_command = True

    def __init__(
        self,
        jobs: int,
        runtime: Runtime,
        note: Callable[[str], None] = lambda line: None,
        *,
        options: Mapping[str, str | int] = {},
        argv: Sequence[str] = (),
        detach: bool = False,
        seconds_between_looks: float = POLL_SECONDS,
    ) -> None:
        """With `detach`, an array waits for those in the queue unless all of them may run at the same time."""
        self._most_running, self._runtime, self._note = jobs, runtime, note
        self._options, self._argv, self._detach = slurm_commands.batch_options(options), argv, detach
        self._arrays = set[str]()
        self._folder = runtime.runs_dir / FOLDER
        self._poll_seconds = seconds_between_looks
        self._next_poll = 0.0
        self._submitted: dict[str, Submitted] = {}
        self._due: dict[str, RunSpec] = {}
        self._data_dirs: dict[str, Path] = {}
        self._watcher = Watcher(runtime.runs_dir)
        self._complaint = ""
        self._largest_array = MAX_SUBMITTED
        self._lost, self._polls_to_wait = LostRequests(), 0
        self._noted = set(slurm_reasons.ORDINARY)
        self._is_stopping, self._stopped = False, set[str]()
        self._timeout = slurm_commands.TIMEOUT_SECONDS

    def check(self) -> None:
        """Raise ResourceError if Slurm is not installed here."""
        slurm_commands.check_slurm()

    def __enter__(self) -> Self:
        self.check()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the jobs, except those that were asked to stop and have not: end these at once."""
        if not self._is_stopping:
            return
        queue: Queue = {}
        with suppress(errors.ResourceError):
            if self._due or self._lost.names:
                queue = slurm_commands.own_jobs(self._timeout)
                self._find_due(queue)
        ids = self._ids(queue)
        try:
            slurm_commands.kill_jobs(ids, self._timeout)
        except errors.ResourceError as error:
            hint = "see them with `squeue --me`, and cancel them with `scancel JOB`"
            self._note(f"warning: {errors.with_hint(f'{error.message}; jobs may continue', hint)}")
        for name in sorted(self._lost.unseen):
            fault = "Slurm has not confirmed some jobs; they may still appear in the queue"
            self._note(f"warning: {errors.with_hint(fault, f'cancel them with `scancel --name={name}`')}")

    @property
    def running(self) -> list[str]:
        """The ids of the runs that have a job, or will be submitted."""
        return [*self._submitted, *self._due]

    @property
    def has_room(self) -> bool:
        """Whether an array can hold one more."""
        return len(self._submitted) + len(self._due) < MAX_SUBMITTED

    def adopt(self, run_ids: Collection[str]) -> list[str]:
        """Take over jobs of these runs that an earlier process has left. Raises ResourceError without an answer."""
        found = active_jobs(self._folder, slurm_commands.own_jobs(self._timeout))
        adopted = [run_id for run_id in run_ids if run_id in found]
        self._take_over({run_id: found[run_id] for run_id in adopted})
        if adopted:
            self._note(f"found {counted(len(adopted), 'job')} of an earlier command; nothing is submitted twice")
        return adopted

    def submit(self, spec: RunSpec, data_dir: Path | None = None) -> State:
        """Put a spec into the next array."""
        self._due[spec.run_id] = spec
        self._data_dirs[spec.run_id] = data_dir or self._runtime.data_dir
        return "waiting"

    def reports(self, seconds: float) -> list[tuple[str, Report]]:
        """Look at the queue if it is time, submit what is due, and return what has happened.

        Raises ResourceError if Slurm refuses the jobs and none is left. With `detach`, nothing is tried again later:
        raises ResourceError also if Slurm does not answer.
        """
        if time.monotonic() < self._next_poll:
            time.sleep(seconds)
            return []
        reports: list[tuple[str, Report]] = []
        former, self._complaint = self._complaint, ""
        try:
            queue = slurm_commands.own_jobs(self._timeout)
            self._find_due(queue)
            self._cancel_late(queue)
            if self._is_stopping:
                reports += self._stop_jobs(queue)
            for run_id in list(self._submitted):
                reports += [(run_id, report) for report in self._reports_of(run_id, queue)]
            self._note_reasons(queue)
            self._submit_due()
        except NoAnswerError as error:  # the jobs continue
            if self._detach:
                raise
            self._complaint = f"{error.message}; trying again every {self._poll_seconds:g} s"
        if self._complaint not in ("", former):
            self._note(f"warning: {self._complaint}")
        self._next_poll = time.monotonic() + self._poll_seconds
        return reports

    def stop(self) -> None:
        """Take what waits out of the queue, and send SIGTERM to the jobs that run, at the next poll."""
        self._is_stopping, self._next_poll = True, 0.0
        self._poll_seconds = min(1.0, self._poll_seconds)
        self._timeout = slurm_commands.TIMEOUT_AFTER_STOP_SECONDS

    def _stop_jobs(self, queue: Queue) -> list[tuple[str, Report]]:
        ids = [each for each in self._ids(queue) if each not in self._stopped]
        slurm_commands.stop_jobs(ids, self._timeout)
        self._stopped.update(ids)
        never_submitted, self._due = list(self._due), {}
        return [(run_id, Ended()) for run_id in never_submitted]

    def _ids(self, queue: Queue) -> list[str]:
        """Return the ids of all jobs, also of those whose trials were submitted again because no answer came."""
        own = [each.id for each in self._submitted.values()]
        return [*own, *(job.id for job in self._lost.jobs(queue, own))]

    def _reports_of(self, run_id: str, queue: Queue) -> Iterator[Report]:
        submitted = self._submitted[run_id]
        found = queue.get(submitted.place)
        if found is None or found.state in ENDED:
            if ended := self._end_of(run_id, submitted, found.state if found else "gone"):
                del self._submitted[run_id]
                yield ended
            return
        state = state_of(found)
        if state != submitted.state:
            submitted.state = state
            yield Moved(state)
        if state == "running":
            yield from self._watcher.events(run_id)

    def _note_reasons(self, queue: Queue) -> None:
        """Say why trials wait, each reason once: Slurm goes back and forth between some."""
        found = [queue[each.place] for each in self._submitted.values() if each.place in queue]
        reasons = Counter(each.reason for each in found if each.state in WAITING and not self._is_stopping)
        for reason, trials in reasons.items():
            kind = reason.partition(",")[0]  # what follows, such as names of nodes, changes often
            if kind not in self._noted:
                self._noted.add(kind)
                self._note(slurm_reasons.words_for(reason, trials))

    def _end_of(self, run_id: str, submitted: Submitted, state: str) -> Ended | None:
        """Return how a trial has ended; None while its files may still be on their way from another machine."""
        submitted.polls += 1
        is_over = submitted.polls >= POLLS_BEFORE_LOST
        if ended := submitted.job.read_end():
            if ended.reason:
                return ended if ended.is_stop else replace(ended, reason=f"{ended.reason}; log: {submitted.job.log}")
            if is_over or self._has_result(run_id):
                return ended
        elif is_over or self._is_stopping or state not in ("COMPLETED", "FAILED", "gone"):
            fault = f"Slurm job {submitted.id} {ENDED.get(state, 'is no longer in the queue')}"
            return Ended(f"{fault}; log: {submitted.job.log}", is_temporary=True)
        return None

    def _has_result(self, run_id: str) -> bool:
        return trial_state(read_run(newest_attempt(self._runtime.runs_dir, run_id))) in FINISHED_STATES

    def _take_over(self, jobs: Mapping[str, Submitted]) -> None:
        self._submitted |= jobs
        self._arrays |= {each.id.partition("_")[0] for each in jobs.values()}

    def _find_due(self, queue: Queue) -> None:
        """Take over jobs that are in the queue though the request to submit them seemed to have failed."""
        if found := {run_id: job for run_id, job in active_jobs(self._folder, queue).items() if run_id in self._due}:
            self._note(f"found {counted(len(found), 'job')} that Slurm did not confirm; nothing is submitted twice")
            self._take_over(found)
            self._polls_to_wait = 0
            self._due = {run_id: spec for run_id, spec in self._due.items() if run_id not in found}

    def _cancel_late(self, queue: Queue) -> None:
        """Cancel waiting jobs of a request that was not answered, if their trials have been submitted again."""
        late = self._lost.jobs(queue, {each.id for each in self._submitted.values()})
        slurm_commands.kill_jobs([job.id for job in late if job.state in WAITING])

    def _submit_due(self) -> None:
        """Submit what is due: all of it if no jobs are left, else as many as may run beside those, or after those."""
        if self._polls_to_wait:
            self._polls_to_wait -= 1
            return
        while specs := self._next_array():
            try:
                self._submit(specs)
            except NoAnswerError:  # the jobs may have been submitted: a later poll finds them
                raise
            except errors.ResourceError as error:
                if len(specs) > 1 and slurm_reasons.is_about_number(error.message):
                    self._largest_array = len(specs) // 2
                elif self._detach:
                    fault = f"{error.message}; {counted(len(self._due), 'trial')} not submitted"
                    raise errors.ResourceError(fault, error.hint) from error
                elif self._submitted or slurm_reasons.is_about_full_queue(error.message):
                    self._complaint = f"{error.message}; waiting for other jobs to end"
                    return
                else:
                    raise

    def _next_array(self) -> Sequence[RunSpec]:
        left = len(self._submitted)
        room = MAX_SUBMITTED if self._detach or not left else max(0, self._most_running - left)
        return list(self._due.values())[: min(room, self._largest_array)]

    def _submit(self, specs: Sequence[RunSpec]) -> None:
        folder = write_submission(specs, self._runtime, self._argv, self._data_dirs)
        command = [sys.executable, "-m", "vitreport.sweep.engines.job", str(folder.absolute())]
        script, most = folder / "job.sh", min(self._most_running, len(specs))
        write_atomic(script, os.fsencode(f'#!/bin/sh\nexec {shlex.join(command)} "$SLURM_ARRAY_TASK_ID"\n'))
        fits = len(self._submitted) + len(specs) <= self._most_running
        others = sorted(self._arrays) if self._detach and not fits else ()
        name = PREFIX + folder.name
        self._lost.add(name)
        try:
            number = slurm_commands.submit_array(script, name, len(specs), most, self._options, others)
        except errors.ResourceError as error:
            self._polls_to_wait = POLLS_BEFORE_LOST
            if isinstance(error, NoAnswerError):
                raise
            self._find_due(slurm_commands.own_jobs(self._timeout))  # sbatch may fail after Slurm has accepted the jobs
            self._polls_to_wait = 0
            if specs[0].run_id in self._due:
                self._lost.discard(name)
                shutil.rmtree(folder, ignore_errors=True)
                raise
            return
        self._lost.discard(name)
        self._note(f"submitted {counted(len(specs), 'trial')} to Slurm as job {number}, at most {most} at a time")
        jobs = {run_id: Submitted(job, f"{number}_{job.number}") for run_id, job in read_jobs(folder).items()}
        self._take_over(jobs)
        for run_id in jobs:
            del self._due[run_id]
