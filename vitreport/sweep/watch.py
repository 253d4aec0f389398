"""Read the events of trainings from their run folders, for engines whose jobs cannot send them."""

from collections import defaultdict
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from vitreport.records.folders import newest_attempt
from vitreport.records.reader import read_run
from vitreport.training.events import EpochFinished, Event, Started, StepFinished


class Watcher:
    """Follows runs in a directory, as far as their records say."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir
        self._epochs: dict[str, int] = defaultdict(lambda: -1)  # -1: not yet started

    def events(self, run_id: str) -> Iterator[Event]:
        """Yield what has happened to a run since the last call."""
        run = read_run(newest_attempt(self._runs_dir, run_id))
        if run.record is None or run.spec is None:
            return
        train = run.spec.train
        steps = ceil(run.record.data.counts["train"] / train.batch_size)
        if self._epochs[run_id] < 0:
            self._epochs[run_id] = 0
            yield Started(train.epochs, steps, len(run.epochs), run.record.step)
        newest: StepFinished | None = None
        for epoch in run.epochs:
            if epoch.epoch > self._epochs[run_id]:
                self._epochs[run_id] = epoch.epoch
                newest = StepFinished(epoch.epoch, epoch.step, epoch.learning_rate, None)
                yield EpochFinished(epoch, None)
        if newest:  # the steps of a look at once would give a view a wrong speed
            yield newest
