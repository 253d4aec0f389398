"""What a session writes while it runs: the record, the epochs, the checkpoints."""

import statistics
import time
from pathlib import Path

from vitreport.files import append_line, write_atomic, write_json
from vitreport.privacy import Places
from vitreport.records.measurement import EpochRecord
from vitreport.records.reader import Damage, read_epochs, read_run_file
from vitreport.records.run import RunRecord
from vitreport.store.checkpoint import save_checkpoint
from vitreport.store.lock import Hold
from vitreport.store.provenance import now
from vitreport.training.state import TrainingState

CHECKPOINT_WORK_RATIO = 20  # time between checkpoints over the time that one takes: at most 5% of a run
HEARTBEAT_SECONDS = 10


class RunWriter:
    """Write one run folder while its lock is held. `saved_step` is that of the checkpoint restored, or 0.

    Errors name folders as they are seen from `places`. Every method raises BusyError where the lock is no longer held:
    another process may write to the folder.
    """

    def __init__(
        self,
        folder: Path,
        record: RunRecord,
        checkpoint_seconds: float,
        saved_step: int,
        places: Places,
        hold: Hold,
    ) -> None:
        self.folder = folder
        self.places = places
        self.record = record
        self.check_hold = hold.check
        self._checkpoint_seconds = checkpoint_seconds
        self._saved_step = saved_step
        self._seconds_before = record.seconds
        self._opened = self._last_write = self._last_checkpoint = time.monotonic()
        self._checkpoint_cost = 0.0

    def update(self, **changes: object) -> None:
        """Write run.json with these fields changed, a fresh heartbeat and the seconds so far."""
        self.check_hold()
        self._last_write = time.monotonic()
        seconds = round(self._seconds_before + self._last_write - self._opened, 3)
        self.record = self.record.model_copy(update={"heartbeat": now(), "seconds": seconds, **changes})
        write_json(self.folder / "run.json", self.record.stored())

    def heartbeat(self, step: int) -> None:
        if time.monotonic() - self._last_write >= HEARTBEAT_SECONDS:
            self.update(step=step)

    def add_epoch(self, epoch: EpochRecord) -> None:
        self.check_hold()
        append_line(self.folder / "metrics.jsonl", _line(epoch))

    def cut_epochs(self, last: int, most: int) -> list[Damage]:
        """Drop a torn last line and the epochs after `last`, which will be trained again; what else cannot be read."""
        path, damage = self.folder / "metrics.jsonl", list[Damage]()
        if path.exists():
            content = read_run_file(path)
            if torn := len(content) - content.rfind(b"\n") - 1:
                write_atomic(path, content[:-torn])
            images = self.record.data.counts
            kept = [epoch for epoch in read_epochs(path, most, images, damage) if epoch.epoch <= last]
            write_atomic(path, "".join(_line(epoch) + "\n" for epoch in kept).encode())
        return damage

    def median_speed(self, most_epochs: int) -> float:
        """Return the median images/s of the epochs in metrics.jsonl, also of those before a resume; 0 without any."""
        epochs = read_epochs(self.folder / "metrics.jsonl", most_epochs, self.record.data.counts, [])
        return statistics.median([epoch.images_per_second for epoch in epochs] or [0.0])

    def checkpoint_if_due(self, state: TrainingState) -> None:
        """Save the state after the interval, or later where saving is slow; an interval of 0 saves every step."""
        interval = self._checkpoint_seconds and max(
            self._checkpoint_seconds, CHECKPOINT_WORK_RATIO * self._checkpoint_cost
        )
        if time.monotonic() - self._last_checkpoint >= interval:
            self.checkpoint(state)

    def checkpoint(self, state: TrainingState) -> None:
        """Save the state, unless it has diverged or a sound checkpoint of its step is there.

        A file is never written twice: the same command comes to the same bits from before and after the
        evaluation of an epoch, and a crash between a new digest and its file would cost the old file.
        """
        if state.step == self._saved_step or not state.is_finite():
            return
        self.check_hold()
        begun = time.monotonic()
        save_checkpoint(self.folder / "checkpoints", state)
        self._saved_step = state.step
        self._last_checkpoint = time.monotonic()
        self._checkpoint_cost = self._last_checkpoint - begun
        self.update(step=state.step)


def _line(epoch: EpochRecord) -> str:
    return epoch.model_dump_json(exclude_computed_fields=True)
