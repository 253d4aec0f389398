"""What a sweep makes of the ends of its trials, with an engine that only pretends to train."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.records import DIVERGED, write_run
from tests.spec.composing import composed
from tests.sweep import fakes
from tests.sweep.fake_engine import FakeEngine, finish
from vitreport.errors import BusyError, FullDiskError, ResourceError, StoppedError, StorageError
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.sweep.check import check_plans
from vitreport.sweep.engines.engine import Ended, Engine, Report, end_after
from vitreport.sweep.engines.local import LocalEngine
from vitreport.sweep.observer import Observer, Policy
from vitreport.sweep.plan import Plan, Trial, read_trials
from vitreport.sweep.run import Sweep

SPEC = composed(
    {
        "model": {"name": "mlp-mixer", "patch_size": 4, "embed_dim": 8, "num_blocks": 1},
        "data": {"dataset": "digits", "image_size": 8},
    }
).spec
TRIALS = [Trial((), SPEC.model_copy(update={"seed": seed})) for seed in range(2)]
PLANS = [Plan("seeds", (), None, tuple(TRIALS))]
FULL = FullDiskError("no space left: a file", "any")
UNWRITABLE = StorageError("cannot write runs/x: Permission denied", "any")


class States(Observer):
    """Keeps the states that the trials have been in, and what was said."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.reasons: list[str] = []
        self.notes: list[str] = []
        self.exit_code = 0

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None:
        self.seen.append(state)
        self.reasons += [why] if why else []

    def note(self, line: str) -> None:
        self.notes.append(line)


def run(engine: Engine, trials: int = 2, policy: Policy = Policy()) -> States:
    states = States()
    runtime = Runtime("cpu", Path("data"), Path("cache"), threads=1)
    try:
        Sweep(TRIALS[:trials], runtime, engine, policy, states, set()).run()
    except (StoppedError, StorageError) as error:
        states.notes += error.lines()
        states.exit_code = error.exit_code
    return states


def failing(end: Ended | StorageError) -> FakeEngine:
    return FakeEngine(lambda spec: end)


def test_what_is_on_record_counts_whatever_an_engine_says() -> None:
    """A toy engine that reports nothing but the end of its jobs."""
    engine = FakeEngine(finish, room=1)
    assert run(engine).seen == ["queued", "queued", "running", "done", "running", "done"]
    again = FakeEngine(finish)
    assert (run(again).seen, again.entered) == (["done", "done"], False)


def test_no_record_is_read_while_the_engine_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(trials: Sequence[Trial], runs_dir: Path) -> dict[str, Run]:
        read.extend(trial.id for trial in trials)
        return read_trials(trials, runs_dir)

    class Slow(FakeEngine):
        polls = 50

        def reports(self, seconds: float) -> list[tuple[str, Report]]:
            self.polls -= 1
            return super().reports(seconds) if self.polls < 0 else []

    monkeypatch.setattr("vitreport.sweep.run.read_trials", counted)
    run(Slow(finish, room=1))
    assert read.count(TRIALS[1].id) < 10


def test_an_end_without_a_result_is_a_failure() -> None:
    assert run(failing(Ended()), trials=1).seen == ["queued", "running", "failed"]


def test_warnings_of_a_trial_name_it() -> None:
    assert f"warning: {TRIALS[0].id}: odd images" in run(FakeEngine(finish), trials=1).notes


def test_a_failure_ends_the_sweep_where_that_is_wanted() -> None:
    engine = FakeEngine(lambda spec: Ended("a bug"), room=1)
    states = run(engine, policy=Policy(fail_fast=True))
    assert (states.seen[2:], states.reasons, engine.stopped) == (["running", "failed"], ["a bug"], True)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_trial_that_a_signal_to_all_has_ended_is_not_tried_again(number: signal.Signals, exit_code: int) -> None:
    """Its worker feels the signal, as from a terminal, and tells of its end before the sweep has looked."""

    def stopped(spec: RunSpec) -> Ended:
        os.kill(os.getpid(), number)
        return Ended(f"stopped by {number.name}", is_temporary=True)

    states = run(FakeEngine(stopped), trials=1)
    assert states.seen == ["queued", "running", "interrupted"]
    assert states.notes[-1].startswith(f"stopped by {number.name}; 0 of 1 trial done; hint: ")
    assert states.exit_code == exit_code


def test_what_diverges_is_a_result() -> None:
    def diverge(spec: RunSpec) -> Ended:
        write_run(Path("runs"), spec, None, error=DIVERGED)
        return Ended("diverged")

    engine = FakeEngine(diverge)
    assert run(engine, trials=1).seen == ["queued", "running", "diverged"]
    assert run(engine, trials=1, policy=Policy(retry_failed=True)).seen == ["diverged"]


def test_a_full_disk_ends_the_whole_sweep_and_is_told_once() -> None:
    states = run(failing(end_after(FULL)))
    assert (states.seen[2:], states.reasons) == (["running", "running"], [])
    assert states.notes[-1] == (
        "no space left: a file; 0 of 2 trials done; hint: "
        "free some space; run the same command again to resume the sweep"
    )


def test_a_temporary_cause_is_tried_again_twice_and_says_so_before_its_reason() -> None:
    states = run(failing(Ended("out of memory; hint: less", is_temporary=True)), trials=1)
    again = [f"trying again (attempt {number} of 3): out of memory; hint: less" for number in (2, 3)]
    assert states.reasons == [*again, "out of memory; hint: less"]
    assert states.seen == ["queued", *["running", "queued"] * 2, "running", "failed"]


def test_a_trial_that_always_kills_its_process_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitreport.sweep.engines.local.train_each", fakes.killed_by_seed_0)
    states = run(LocalEngine(1, Runtime("cpu", threads=1, trials_per_job=2)))
    assert sorted(states.seen) == ["done", "failed", *["queued"] * 6, *["running"] * 6]


def test_a_run_that_another_process_holds_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitreport.sweep.run.SECONDS_BETWEEN_TRIES", 0.01)
    ends = [Ended(is_busy=True)] * 5
    states = run(FakeEngine(lambda spec: ends.pop() if ends else finish(spec)), trials=1)
    assert states.seen.count("in use") == 5, "more often than a trial that fails is tried"
    assert states.seen[-1] == "done"


def test_a_full_disk_does_not_hide_a_signal() -> None:
    def stopped(spec: RunSpec) -> StorageError:
        os.kill(os.getpid(), signal.SIGINT)
        return FULL

    assert run(FakeEngine(stopped)).exit_code == 130


def test_a_run_that_cannot_be_written_fails_alone_and_is_not_tried_again() -> None:
    blocked = TRIALS[0].id
    states = run(FakeEngine(lambda spec: end_after(UNWRITABLE) if spec.run_id == blocked else finish(spec)))
    assert states.seen[2:] == ["running", "running", "done", "failed"]
    assert states.reasons == ["cannot write runs/x: Permission denied; hint: any"]


def test_a_runs_folder_that_becomes_read_only_ends_the_whole_sweep() -> None:
    Path("runs").mkdir()

    def read_only(spec: RunSpec) -> Ended:
        Path("runs").rmdir()
        Path("runs").touch()
        return end_after(UNWRITABLE)

    states = run(FakeEngine(read_only, room=1))
    assert states.seen[2:] == ["running", "failed"]
    hint = "choose another --runs-dir, or make it writable; run the same command again to resume the sweep"
    assert states.notes[-1] == f"cannot write runs: Not a directory; 0 of 2 trials done; hint: {hint}"


def test_a_runs_folder_that_cannot_be_written_is_refused_before_any_work() -> None:
    Path("runs").touch()
    with pytest.raises(StorageError, match="cannot write runs: Not a directory"):
        check_plans(PLANS, Runtime("cpu"), FakeEngine(finish), Policy(), States(), set())


def test_a_device_that_is_not_there_is_refused_before_any_worker_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(ResourceError, match="PyTorch finds no CUDA GPU"), LocalEngine(1, Runtime("cuda")):
        raise AssertionError("the engine has begun")


def test_the_end_of_a_trial_tells_what_caused_it() -> None:
    assert end_after(FULL) == Ended("no space left: a file", is_full=True)
    assert end_after(ResourceError("out of memory")) == Ended("out of memory", is_temporary=True)
    stopped = StoppedError("stopped by SIGUSR1", "run the same command again", signal_number=10)
    assert end_after(stopped) == Ended("stopped by SIGUSR1", is_temporary=True, is_stop=True)
    assert end_after(BusyError("in use")) == Ended("in use", is_busy=True)
    assert end_after(KeyError("x")) == Ended("this is a bug in vitreport: KeyError: 'x'")
