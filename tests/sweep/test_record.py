"""The file of a sweep."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.records import small_spec
from vitreport.errors import RecordError
from vitreport.files import write_json
from vitreport.lease import leased
from vitreport.records.folders import SWEEPS as FOLDER
from vitreport.records.reader import MAX_OTHER_BYTES, Damage, read_sweeps
from vitreport.records.run import SweepRecord
from vitreport.records.upgrade import parse
from vitreport.spec.sweep import field_axis
from vitreport.store.run_state import LOCK_NAME
from vitreport.sweep.plan import TIMEOUT_SECONDS, Plan, Trial, write_sweep


def plan(*seeds: int) -> Plan:
    trials = tuple(Trial(("128",), small_spec(seed)) for seed in seeds)
    return Plan("batch sizes", (field_axis("batch_size", [128]),), None, trials)


def seeds_on_record(runs_dir: Path) -> list[str]:
    (sweep,), _ = read_sweeps(runs_dir)
    return sorted(trial.run.rpartition("-")[2] for trial in sweep.trials)


def test_trials_that_another_process_writes_meanwhile_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_read, undisturbed = threading.Event(), leased
    file = write_sweep(tmp_path, plan(0))
    (other,), _ = read_sweeps(tmp_path)
    trials = (*other.trials, other.trials[0].model_copy(update={"run": plan(2).trials[0].id}))

    def watched(path: Path, name: str, **how: Any) -> AbstractContextManager[object]:
        has_read.set()
        return undisturbed(path, name, **how)

    monkeypatch.setattr("vitreport.sweep.plan.leased", watched)
    with ThreadPoolExecutor() as pool:
        with FileLock(file.parent / LOCK_NAME):
            written = pool.submit(write_sweep, tmp_path, plan(1))
            assert has_read.wait(TIMEOUT_SECONDS)
            write_json(file, other.model_copy(update={"trials": trials}).model_dump(mode="json"))
        assert written.result() == file
    assert seeds_on_record(tmp_path) == ["s0", "s1", "s2"]


def test_what_is_on_record_is_not_written_again(tmp_path: Path) -> None:
    file = write_sweep(tmp_path, plan(0, 1))
    before = file.stat().st_mtime_ns
    assert write_sweep(tmp_path, plan(1)) == file
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize(("field", "value"), [("baseline", ["128", "64"]), ("trials", [{"values": [], "run": "a-s0"}])])
def test_a_trial_has_one_value_of_each_axis(field: str, value: object, tmp_path: Path) -> None:
    file = write_sweep(tmp_path, plan(0))
    write_json(file, json.loads(file.read_text()) | {field: value})
    sweeps, damage = read_sweeps(tmp_path)
    assert sweeps == []
    assert "does not have one value of each axis" in damage[0].reason


@pytest.mark.parametrize("name", [FOLDER, f"{FOLDER}/small.json", f"{FOLDER}/{LOCK_NAME}"])
def test_a_sweep_is_not_written_through_a_link(tmp_path: Path, name: str) -> None:
    runs, outside = tmp_path / "runs", tmp_path / "outside"
    path = write_sweep(runs, plan(0))
    (runs / FOLDER / LOCK_NAME).touch()
    place = runs / name.replace("small.json", path.name)
    place.rename(outside)
    place.symlink_to(outside)
    before = path.read_bytes()
    with pytest.raises(RecordError, match="is a link, which is not followed"):
        write_sweep(runs, plan(0, 1))
    assert path.read_bytes() == before
    assert outside.exists()


def test_a_linked_folder_of_sweeps_is_damage(tmp_path: Path) -> None:
    write_sweep(tmp_path / "elsewhere", plan(0))
    (tmp_path / FOLDER).symlink_to(tmp_path / "elsewhere" / FOLDER)
    linked = Damage(f"{FOLDER}/*.json", "their directory is a link, which is not followed")
    assert read_sweeps(tmp_path) == ([], [linked])


def test_a_sweep_too_large_to_be_read_is_not_written_over(tmp_path: Path) -> None:
    path = write_sweep(tmp_path, plan(0))
    os.truncate(path, MAX_OTHER_BYTES + 1)
    with pytest.raises(RecordError, match="is larger than 16 MiB"):
        write_sweep(tmp_path, plan(0, 1))
    assert path.stat().st_size == MAX_OTHER_BYTES + 1


@pytest.mark.parametrize("content", ['{"schema_version": 99, "more": 1}', '{"schema_version": 2'])
def test_a_sweep_that_cannot_be_read_is_not_written_over(tmp_path: Path, content: str) -> None:
    path = write_sweep(tmp_path, plan(0))
    path.write_text(content)
    with pytest.raises(RecordError, match=r"written by a newer vitreport|Invalid JSON"):
        write_sweep(tmp_path, plan(0, 1))
    assert path.read_text() == content


SCHEMA_1 = """{"schema_version": 1, "id": "mine-01234567", "name": "mine",
 "axes": [{"name": "batch_size", "values": ["16", "32"]},
          {"name": "patch_size, model", "values": ["4, timm/resnet10t"]},
          {"name": "rate", "values": ["slow", "1e-3"]}],
 "baseline": ["16", "4, timm/resnet10t", "slow"],
 "cells": [{"values": ["32", "4, timm/resnet10t", "1e-3"], "run": "swin-digits-01234567-s0"}]}"""


@pytest.mark.parametrize("content", [SCHEMA_1, SCHEMA_1.replace('"schema_version": 1, ', "")])
def test_labels_of_schema_1_become_typed_values(content: str) -> None:
    sweep = parse(SweepRecord, content.encode())
    sizes, pairs, rates = sweep.axes
    assert [(value.value, value.fields) for value in sizes.values] == [
        (16, {"train.batch_size": 16}),
        (32, {"train.batch_size": 32}),
    ]
    named = {"model.patch_size": 4, "model.name": "timm", "model.architecture": "resnet10t"}
    assert [(value.value, value.fields) for value in pairs.values] == [([4, "timm/resnet10t"], named)]
    assert [(value.value, value.fields) for value in rates.values] == [("slow", {}), ("1e-3", {})], "variants"
    assert [trial.run for trial in sweep.trials] == ["swin-digits-01234567-s0"]
    assert parse(SweepRecord, sweep.model_dump_json().encode()) == sweep


def test_committed_sweeps_are_read() -> None:
    runs = Path(__file__).parents[2] / "runs"
    sweeps, damage = read_sweeps(runs)
    assert (len(sweeps), damage) == (len(list((runs / FOLDER).glob("*.json"))), [])
    assert all(value.fields for sweep in sweeps for axis in sweep.axes for value in axis.values)


def test_values_on_record_name_no_folder(tmp_path: Path) -> None:
    weights = {"init": "/home/alice/w.bin", "more": ["/home/alice/x.bin"]}
    axis = field_axis("model.arguments", [weights])
    trial = Trial(tuple(value.label for value in axis.values), small_spec())
    file = write_sweep(tmp_path, Plan("weights", (axis,), None, (trial,)))
    assert "w.bin" in file.read_text()
    assert "alice" not in file.read_text()
