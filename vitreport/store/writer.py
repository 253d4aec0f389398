"""What is written into a run folder while a run is trained: the record, the epochs, the checkpoints."""

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vitreport.errors import DivergedError, FullDiskError, LostProcessError, ResourceError, VitreportError
from vitreport.files import append_line, write_atomic, write_json
from vitreport.privacy import Places
from vitreport.records.measurement import EpochRecord
from vitreport.records.reader import Damage, parse_epochs, read_run_file
from vitreport.records.run import ErrorKind, ErrorRecord, RunRecord
from vitreport.records.schema import recordable
from vitreport.store.checkpoint import checkpoints, save_checkpoint
from vitreport.store.run_state import now
from vitreport.store.signals import StopSignal
from vitreport.training.loop import TrainingState

CHECKPOINT_WORK_RATIO = 20  # time between checkpoints over the time that one takes: at most 5% of a run


@dataclass
class RunWriter:
    """Writes one run folder, from the checkpoint of `saved_step` on; 0 without any.

    Methods raise BusyError if the folder's lock was lost: another process may write to it.
    """

    folder: Path
    record: RunRecord
    checkpoint_seconds: float
    saved_step: int
    check_lock: Callable[[], None]

    def __post_init__(self) -> None:
        self._seconds_before, self._checkpoint_cost = self.record.seconds, 0.0
        self._opened = self._last_checkpoint = time.monotonic()

    def correct(self, name: str, value: str) -> None:
        """Record what an entry of the fingerprint has turned out to be, in that of the last start."""
        if self.record.resumed and self.saved_step:
            *others, last = self.record.resumed
            changed = {**last.changed, name: (self.record.newest(name), value)}
            self.update(resumed=(*others, last.model_copy(update={"changed": changed})))
        else:
            self.update(fingerprint={**self.record.fingerprint, name: value})

    def update(self, **changes: object) -> None:
        """Write run.json with these fields changed, a fresh heartbeat and the seconds so far."""
        self.check_lock()
        seconds = round(self._seconds_before + time.monotonic() - self._opened, 3)
        self.record = self.record.model_copy(update={"heartbeat": now(), "seconds": seconds, **changes})
        write_json(self.folder / "run.json", self.record.stored())

    def add_epoch(self, epoch: EpochRecord) -> None:
        """Append an epoch to metrics.jsonl."""
        self.check_lock()
        append_line(self.folder / "metrics.jsonl", _line(epoch))

    def cut_epochs(self, last: int, max_epochs: int) -> list[Damage]:
        """Drop a torn last line and the epochs after `last`, which are trained again; return what cannot be read."""
        path, damage = self.folder / "metrics.jsonl", list[Damage]()
        if path.exists():
            content = read_run_file(path)
            whole = content[: content.rfind(b"\n") + 1]
            epochs = parse_epochs(whole, max_epochs, self.record.data.counts, damage)
            kept = [_line(epoch) + "\n" for epoch in epochs if epoch.epoch <= last]
            write_atomic(path, "".join(kept).encode())
        return damage

    def save_if_due(self, state: TrainingState) -> None:
        """Save the state after the interval, or later where saving is slow; an interval of 0 saves every step."""
        interval = max(self.checkpoint_seconds, CHECKPOINT_WORK_RATIO * self._checkpoint_cost)
        if not self.checkpoint_seconds or time.monotonic() - self._last_checkpoint >= interval:
            self.save(state)

    def save(self, state: TrainingState) -> None:
        """Save the state, unless it has diverged or a sound checkpoint of its step exists.

        A file is never written twice: the same command computes the same bits before and after the evaluation of an
        epoch, and a crash between a new digest and its file would cost the old file.
        """
        if state.step == self.saved_step or not state.is_finite():
            return
        self.check_lock()
        started = time.monotonic()
        save_checkpoint(self.folder / "checkpoints", state)
        self.saved_step = state.step
        self._last_checkpoint = time.monotonic()
        self._checkpoint_cost = self._last_checkpoint - started
        self.update(step=state.step)

    def record_failure(self, error: BaseException, command: str) -> None:
        """Record what ended the run before it was done; `command` resumes it."""
        match error:
            case StopSignal() | GeneratorExit() | LostProcessError():
                with suppress(ResourceError):  # a full disk must not hide the signal
                    self.update(status="interrupted")
            case DivergedError():
                self._fail("diverged", error.message)
            case ResourceError():
                self._fail("resources", error.message)
            case Exception() if not isinstance(error, VitreportError):
                crash = Places.here().message(traceback.format_exc())
                with suppress(ResourceError):
                    write_atomic(self.folder / "crash.txt", crash.encode(errors="replace"))
                self._fail("internal", f"{type(error).__name__}: {error}")
        if isinstance(error, FullDiskError):
            step = max(checkpoints(self.folder / "checkpoints"), default=0)  # a failed call may have written the file
            effect = f"to resume at step {step}" if step else "to start again (there is no checkpoint)"
            error.hint = f"free some space, then run {command} {effect}"

    def _fail(self, kind: ErrorKind, message: str) -> None:
        shown = recordable(Places.here().message(message))
        with suppress(ResourceError):  # a full disk must not hide the error
            self.update(status="failed", finished=now(), error=ErrorRecord(kind=kind, message=shown))


def _line(epoch: EpochRecord) -> str:
    return epoch.model_dump_json(exclude_computed_fields=True)
