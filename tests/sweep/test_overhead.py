"""What a sweep costs in addition to its trainings is proportional to the number of its trials."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.records import small_spec, write_run
from tests.sweep.fake_engine import FakeEngine, finish
from vitreport.records import folders
from vitreport.records.folders import newest_attempt
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.sweep.observer import Observer, Policy
from vitreport.sweep.plan import Trial
from vitreport.sweep.run import Sweep


def counted_calls(trials: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often a sweep of so many trials computes the hash of a spec, and looks into a folder."""
    calls = Counter[str]()
    look, group_hash = folders._is_run, vars(RunSpec)["group_hash"].fget

    def counting(name: str, function: Any, *arguments: Any) -> Any:
        calls[name] += 1
        return function(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(folders, "_is_run", partial(counting, "looks", look))
        patch.setattr(RunSpec, "group_hash", property(lambda spec: counting("hashes", group_hash, spec)))
        runtime = Runtime("cpu", Path("data"), Path("cache"), threads=1, runs_dir=Path("runs"))
        found = [Trial((), small_spec(seed)) for seed in range(1000, 1000 + trials)]
        Sweep(found, runtime, FakeEngine(finish), Policy(), Observer(), set()).run()
    return calls


def test_hashes_and_looks_into_folders_grow_with_the_trials_not_with_their_square(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = counted_calls(10, monkeypatch)
    for path in Path("runs").iterdir():
        path.rename(Path(path.name))
    many = counted_calls(40, monkeypatch)
    assert few.keys() == {"looks", "hashes"}
    assert all(many[name] <= 5 * few[name] for name in few), (few, many)


def test_the_newest_attempt_of_a_run_is_not_that_of_another_seed_which_begins_alike() -> None:
    runs = [write_run(Path("runs"), small_spec(seed)) for seed in (1, 10)]
    runs[1].rename(f"{runs[1]}-r2")
    assert newest_attempt(Path("runs"), runs[0].name) == runs[0]
    assert newest_attempt(Path("runs"), runs[1].name).name == f"{runs[1].name}-r2"
