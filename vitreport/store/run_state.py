"""The state of a run, whether anything is left to do for it, and its lock: from its folder alone, without torch."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from vitreport.data.registry import ImageRequest
from vitreport.data.sources import open_without_download
from vitreport.errors import DatasetError, DivergedError, RecordError
from vitreport.lease import is_leased, leased
from vitreport.records.folders import check_no_links_in, has_checkpoint, newest_attempt
from vitreport.records.reader import Run, read_run
from vitreport.records.run import RunRecord
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.training.events import Listener

RecordedState = Literal["done", "diverged", "failed", "unfinished", "damaged", "no record"]
FINISHED_STATES = ("done", "diverged")
"""The states of a trial in which nothing is left to do."""
FORCE_HINT = "use `--force` to train it again in a new directory"
LOCK_NAME = ".lock"
TIMEOUT_SECONDS = 0.5  # longer than `is_locked` holds the lock for its look


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
    """Return the state as a list of runs shows it: an unfinished run is "running" or "interrupted"."""
    state = recorded_state(run)
    if state == "unfinished":
        is_running = run.record is not None and run.record.status == "running" and is_locked(run.folder)
        return "running" if is_running else "interrupted"
    return "damaged" if state == "done" and run.damage else state


def up_to_now(run: Run) -> Run:
    """Return a run whose time includes, while it is "running", what has passed since its record was written."""
    if run.record is None or state_of(run) != "running":
        return run
    since = max(0.0, time.time() - (run.folder / "run.json").stat().st_mtime)
    return replace(run, record=run.record.model_copy(update={"seconds": run.record.seconds + since}))


def trial_state(run: Run | None) -> str:
    """Return the state as a sweep sees it: a lost result that can be made again from a checkpoint is "interrupted"."""
    state = state_of(run) if run else "no record"
    if run is None or state == "no record":
        return "new"
    if run.record and run.record.status == "done" and state != "diverged":
        can_resume = run.spec is not None and not run.result and has_checkpoint(run.folder)
        return "done" if run.spec and run.result else "interrupted" if can_resume else "damaged"
    return state


def needs_training(run: Run | None, *, retry_failed: bool) -> bool:
    """Return whether a sweep trains a trial; one that failed for another cause than memory or disk only on request."""
    state = trial_state(run)
    if state == "failed" and run and run.record:
        return retry_failed or (run.record.error is not None and run.record.error.kind == "resources")
    return state not in (*FINISHED_STATES, "damaged")


def is_finished(run: Run) -> bool:
    """Return whether nothing is left to do. Raises DivergedError or RecordError for what training cannot change."""
    state = trial_state(run) if run.record else "new"
    if state == "diverged" and run.record and run.record.error:
        raise DivergedError(f"run {run.id} has {run.record.error.message}", f"change the spec, or {FORCE_HINT}")
    if state == "damaged":
        raise RecordError(f"run {run.id} is done, but {'; '.join(map(str, run.damage))}", FORCE_HINT)
    return state == "done"


def finished_run(spec: RunSpec, runtime: Runtime, listener: Listener) -> Run | None:
    """Return the finished run of a spec, if it is. Raises as `is_finished`, DatasetError if it had other images."""
    folder = newest_attempt(runtime.runs_dir, spec.run_id)
    check_no_links_in(folder)
    run = read_run(folder)
    if run.record is None or not is_finished(run):
        return None
    if images := open_without_download(ImageRequest.of(spec.data, runtime, listener.note, listener.progress)):
        check_same_images(run.record, images.fingerprint, FORCE_HINT)
    return run


def check_same_images(record: RunRecord, present: str, hint: str) -> None:
    """Raise DatasetError if a run was trained on other images than those with this fingerprint."""
    known = record.data.fingerprint
    if known != present:
        raise DatasetError(f"run {record.id} was trained on other images: {known[:12]}, now {present[:12]}", hint)


def now() -> str:
    """Return UTC in ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def lock_run(
    folder: Path, note: Callable[[str], None] = lambda line: None
) -> AbstractContextManager[Callable[[], None]]:
    """Hold the run until this process ends, however it ends. Raises BusyError if another process holds it.

    The result raises BusyError if another process has taken over the run. `note` is that of `leased`.
    """
    return leased(folder / LOCK_NAME, f"run {folder.name}", timeout=TIMEOUT_SECONDS, note=note)


def is_locked(folder: Path) -> bool:
    """Return whether a living process writes to the run."""
    return is_leased(folder / LOCK_NAME)
