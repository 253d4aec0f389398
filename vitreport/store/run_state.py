"""In which state a run is, and whether anything is left to do for it: read from its folder alone."""

from typing import Literal

from vitreport.errors import DivergedError, RecordError
from vitreport.records.folders import has_checkpoint
from vitreport.records.reader import Run
from vitreport.store.lock import is_held

RecordedState = Literal["done", "diverged", "failed", "unfinished", "damaged", "no record"]
BESIDE = "`--force` trains it again in a new folder"


def recorded_state(run: Run) -> RecordedState:
    """Return the state that the record gives, whether a process is at work or not: the same files, the same answer."""
    if run.record is None:
        return "damaged" if (run.folder / "run.json").exists() else "no record"
    if run.record.error and run.record.error.kind == "diverged":
        return "diverged"
    if run.record.status == "done":
        return "done" if run.result else "damaged"
    return "failed" if run.record.status == "failed" else "unfinished"


def state_of(run: Run) -> str:
    """Return the state as a list of runs shows it.

    It is "running" or "interrupted" for an unfinished run, and "damaged" for a finished one of which any file is.
    """
    state = recorded_state(run)
    if state == "unfinished":
        is_running = run.record is not None and run.record.status == "running" and is_held(run.folder)
        return "running" if is_running else "interrupted"
    return "damaged" if state == "done" and run.damage else state


def trial_state(run: Run | None) -> str:
    """Return the state as a sweep sees it, which needs spec and result only.

    It is "new" without a record, and "interrupted" where a lost result can be made again from a checkpoint.
    """
    state = "no record" if run is None else state_of(run)
    if run is None or state == "no record":
        return "new"
    if run.record and run.record.status == "done" and state != "diverged":
        is_left = run.spec is not None and not run.result and has_checkpoint(run.folder)
        return "done" if run.spec and run.result else "interrupted" if is_left else "damaged"
    return state


def needs_training(run: Run | None, *, retry_failed: bool) -> bool:
    """Whether a sweep trains a trial. After a fault inside (not for want of memory or disk) only if told to."""
    state = trial_state(run)
    if state == "failed":
        error = run.record.error if run and run.record else None
        return retry_failed or (error is not None and error.kind == "resources")
    return state not in ("done", "diverged", "damaged")


def is_finished(run: Run) -> bool:
    """Whether nothing is left to do for a run.

    Raises:
        DivergedError: If it has diverged; it would again.
        RecordError: If its spec or its result can be neither read nor made again.
    """
    state = trial_state(run) if run.record else "new"
    if state == "diverged" and run.record and run.record.error:
        raise DivergedError(f"run {run.id} has {run.record.error.message}", f"change the spec, or {BESIDE}")
    if state == "damaged":
        raise RecordError(f"run {run.id} is done, but {'; '.join(map(str, run.damage))}", BESIDE)
    return state == "done"
