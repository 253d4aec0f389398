"""What is read from the folder of a run that is being trained elsewhere."""

from pathlib import Path

from tests.records import small_spec, write_run
from vitreport.sweep.watch import Watcher
from vitreport.training.events import EpochFinished, Started, StepFinished


def test_each_epoch_is_reported_once_and_one_step_for_all_of_a_look() -> None:
    """More steps at the same moment would give a progress bar a wrong speed."""
    watcher, spec = Watcher(Path("runs")), small_spec(0)
    assert [*watcher.events(spec.run_id)] == []
    write_run(Path("runs"), spec)
    started, *epochs, step = watcher.events(spec.run_id)
    assert isinstance(started, Started)
    assert [each.record.epoch for each in epochs if isinstance(each, EpochFinished)] == [1, 2]
    assert isinstance(step, StepFinished)
    assert step.epoch == 2
    assert [*watcher.events(spec.run_id)] == []
