"""How many jobs the engine for Slurm submits together, with a Slurm that only pretends to train."""

from pathlib import Path

import pytest

from tests.records import small_spec
from tests.sweep.fake_slurm import FakeSlurm
from tests.sweep.test_slurm import RUNTIME, SPECS, look, submit, sweep
from vitreport.errors import ResourceError
from vitreport.sweep.engines.slurm import SlurmEngine


@pytest.fixture
def engine(slurm: FakeSlurm, notes: list[str]) -> SlurmEngine:
    return SlurmEngine(2, RUNTIME, notes.append, seconds_between_looks=0)


def test_what_is_tried_again_never_adds_to_the_jobs_that_may_run(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    submit(engine, 3)
    engine.submit(SPECS[3])
    look(engine)
    assert len(slurm.arrays) == 1, "three jobs are left, of which two may run"
    look(engine)
    assert slurm.arrays[1:] == [(1, 1, [])]


def test_an_array_is_no_larger_than_slurm_takes(
    engine: SlurmEngine, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitreport.sweep.engines.slurm.MAX_SUBMITTED", 2)
    engine.submit(SPECS[0])
    assert engine.has_room
    engine.submit(SPECS[1])
    assert not engine.has_room


def test_a_cluster_may_take_smaller_arrays_only(engine: SlurmEngine, slurm: FakeSlurm) -> None:
    slurm.largest_array = 1
    assert sweep(engine).seen.count("done") == 4
    assert [count for count, *_ in slurm.arrays] == [1] * 4


@pytest.mark.parametrize(("jobs", "sizes"), [(16, [5, 5, 5, 1]), (4, [5])])
def test_smaller_arrays_fill_the_jobs_that_may_run(
    jobs: int, sizes: list[int], slurm: FakeSlurm, notes: list[str]
) -> None:
    slurm.largest_array, slurm.is_idle = 5, True
    engine = SlurmEngine(jobs, RUNTIME, notes.append, seconds_between_looks=0)
    for seed in range(20):
        engine.submit(small_spec(seed))
    look(engine, 2)
    assert [count for count, *_ in slurm.arrays] == sizes
    assert not [note for note in notes if "warning" in note]


def test_a_full_queue_of_the_cluster_has_room_later(
    engine: SlurmEngine, slurm: FakeSlurm, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise ResourceError("Slurm refused the jobs: Resource temporarily unavailable")

    with monkeypatch.context() as full:
        full.setattr("vitreport.sweep.engines.slurm_commands.submit_array", refuse)
        submit(engine, 2)
        look(engine, 3)
    assert notes == ["warning: Slurm refused the jobs: Resource temporarily unavailable; waiting for other jobs to end"]
    assert not list(Path("runs/.slurm").glob("*/"))
    look(engine)
    assert [count for count, *_ in slurm.arrays] == [1, 1]
