"""What a sweep makes of the ends of its trials, with workers that only pretend."""

import os
import signal
from multiprocessing import Pipe
from pathlib import Path
from typing import Self

import pytest

from tests.spec.composing import composed
from vitreport.errors import FullDiskError, ResourceError, StoppedError, StorageError
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.sweep import run
from vitreport.sweep.engines import worker
from vitreport.sweep.engines.local import Report
from vitreport.sweep.engines.worker import Finished
from vitreport.sweep.plan import Trial
from vitreport.training.events import Event

SPEC = composed(
    {
        "model": {"name": "mlp-mixer", "patch_size": 4, "embed_dim": 8, "num_blocks": 1},
        "data": {"dataset": "digits", "image_size": 8},
    }
).spec


class Pretended:
    """An engine whose worker ends each run as it is told to."""

    has_idle = True

    def __init__(self, *_: object) -> None:
        self.running: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def staff(self, trials: int) -> None: ...

    def stop(self) -> None: ...

    def submit(self, spec: RunSpec) -> bool:
        self.running.append(spec.run_id)
        return True

    def reports(self, seconds: float) -> list[tuple[str, Report]]:
        return [(self.running.pop(), self.end())]

    def end(self) -> Report:
        raise NotImplementedError


class Interrupted(Pretended):
    """Its worker feels SIGINT, as from a terminal, and tells of its end before the sweep has looked."""

    def end(self) -> Report:
        os.kill(os.getpid(), signal.SIGINT)
        return Finished(130, ("stopped by SIGINT",), last=True)


class Full(Pretended):
    """Its worker has no room on the disk."""

    def end(self) -> Report:
        full = FullDiskError("no space left: a file", "any")
        return Finished(6, tuple(full.lines()), last=True, storage=full)


class Unwritable(Pretended):
    """Its worker may not write to the folder of its run."""

    def end(self) -> Report:
        unwritable = StorageError("cannot write runs/x: Permission denied", "any")
        return Finished(6, tuple(unwritable.lines()), last=True, storage=unwritable)


class ReadOnly(Unwritable):
    """The disk of all runs becomes read-only under its worker."""

    def end(self) -> Report:
        if Path("runs").is_dir():
            Path("runs").rmdir()
            Path("runs").touch()
        return super().end()


class Signalled(Pretended):
    """Its worker is stopped by SIGUSR1, and nobody else."""

    def end(self) -> Report:
        return Finished(138, ("stopped by SIGUSR1",), last=False)


class OutOfMemory(Pretended):
    """Its worker has no memory."""

    def end(self) -> Report:
        return Finished(6, ("out of memory; hint: less",), last=True)


class States:
    """An observer that keeps the states that the trials have been in."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.told: list[str] = []

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None:
        self.seen.append(state)
        self.told += [why] if why else []

    def event(self, run_id: str, event: Event) -> None: ...

    def note(self, line: str) -> None: ...

    def progress(self, label: str, done: int, total: int | None) -> None: ...

    def looked(self) -> None: ...


RUNTIME = Runtime("cpu", Path("data"), Path("cache"), Path("runs"), threads=1, compile=False, checkpoint_seconds=30)
TRIALS = [Trial((), SPEC.model_copy(update={"seed": seed})) for seed in range(2)]


def test_a_trial_that_a_signal_to_all_has_ended_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LocalEngine", Interrupted)
    states = States()
    with pytest.raises(StoppedError) as told:
        run.run_sweep(TRIALS[:1], RUNTIME, run.Policy(), argv=(), observer=states)
    assert states.seen == ["queued", "running", "interrupted"]
    assert told.value.message == "stopped by SIGINT; 0 of 1 trial done"


def test_a_full_disk_ends_the_whole_sweep_and_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LocalEngine", Full)
    states = States()
    with pytest.raises(FullDiskError) as told:
        run.run_sweep(TRIALS, RUNTIME, run.Policy(), argv=(), observer=states)
    assert states.seen[2:] == ["running", "running", "failed", "interrupted"]
    assert states.told == []
    assert told.value.lines() == [
        "no space left: a file; 0 of 2 trials done; hint: free some space; the same command resumes the sweep"
    ]


def test_what_is_tried_again_says_so_before_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LocalEngine", OutOfMemory)
    states = States()
    run.run_sweep(TRIALS[:1], RUNTIME, run.Policy(), argv=(), observer=states)
    again = "it is tried again after: out of memory; hint: less"
    assert states.told == [again, again, "out of memory; hint: less"]


def test_a_signal_to_one_worker_alone_is_a_reason_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LocalEngine", Signalled)
    states = States()
    run.run_sweep(TRIALS[:1], RUNTIME, run.Policy(), argv=(), observer=states)
    assert states.seen == ["queued", *["running", "queued"] * 2, "running", "failed"]


def test_a_run_that_cannot_be_written_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LocalEngine", Unwritable)
    states = States()
    run.run_sweep(TRIALS, RUNTIME, run.Policy(), argv=(), observer=states)
    assert states.seen[2:] == ["running", "running", "failed", "failed"]


def test_a_disk_that_becomes_read_only_ends_the_whole_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("runs").mkdir()
    monkeypatch.setattr(run, "LocalEngine", ReadOnly)
    states = States()
    with pytest.raises(StorageError) as told:
        run.run_sweep(TRIALS, RUNTIME, run.Policy(), argv=(), observer=states)
    assert states.seen[2:] == ["running", "running", "failed", "interrupted"]
    hint = "choose another --runs-dir, or make it writable; the same command resumes the sweep"
    assert told.value.lines() == [f"cannot write runs/x: Permission denied; 0 of 2 trials done; hint: {hint}"]


def test_a_runs_folder_that_cannot_be_written_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("runs").touch()
    monkeypatch.setattr(run, "LocalEngine", None)
    with pytest.raises(StorageError, match="cannot write runs: Not a directory; 0 of 2 trials done"):
        run.run_sweep(TRIALS, RUNTIME, run.Policy(), argv=(), observer=States())


def test_a_worker_tells_a_full_disk_from_other_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: object) -> None:
        raise errors.pop()

    full = FullDiskError("no space left: a file", "free some")
    errors = [full, ResourceError("out of memory")]
    monkeypatch.setattr(worker, "_train_unless_done", train)
    here, _ = Pipe()
    assert [worker._train(SPEC, RUNTIME, (), here).storage for _ in range(2)] == [None, full]
