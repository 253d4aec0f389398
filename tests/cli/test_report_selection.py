"""What of the records a report shows: named runs, groups and sweeps, parts of a study."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.cli.refusals import refused
from tests.records import spec, write_run, write_seeds
from vitreport.files import write_json
from vitreport.spec.run import RunSpec

RUNS = Path("runs")
TWELVE = {"epochs": 12}


@pytest.fixture(autouse=True)
def runs() -> None:
    write_seeds(RUNS, [0.5, 0.52], train=TWELVE)
    write_seeds(RUNS, [0.6, 0.62], model="swin", train=TWELVE)


def sweep(name: str, *specs: RunSpec, axis: str = "batch_size") -> str:
    section, field = ("data", "limit") if axis == "limit" else ("train", axis)
    values = [str(getattr(getattr(each, section), field)) for each in specs]
    record = {
        "schema_version": 1,
        "id": f"{name}-00000000",
        "name": name,
        "axes": [{"name": axis, "values": values}],
        "baseline": values[:1],
        "cells": [
            {"values": [value], "run": each.model_copy(update={"seed": seed}).run_id}
            for each, value in zip(specs, values, strict=True)
            for seed in (0, 1)
        ],
    }
    (RUNS / "sweeps").mkdir(exist_ok=True)
    write_json(RUNS / "sweeps" / f"{name}-00000000.json", record)
    return f"{name}-00000000"


def write_sweep(name: str, axis: str, *values: int, **sections: Any) -> str:
    """A sweep of two seeds from the first value on, which may be trained already."""
    section = "data" if axis == "limit" else "train"
    specs = []
    for value in values:
        own = {**sections, section: {**sections.get(section, {}), axis: value}}
        specs.append(spec(**own))
        if not (RUNS / specs[-1].run_id).exists():
            write_seeds(RUNS, [0.4, 0.41], **own)
    return sweep(name, *specs, axis=axis)


def tables(cli: Cli, *arguments: str) -> list[str]:
    """The captions of the tables for a paper."""
    done = cli("report", "--format", "latex", *arguments)
    assert done.exit_code == 0, done.stderr
    return [line.removeprefix("\\caption[") for line in done.stdout.splitlines() if line.startswith("\\caption[")]


def test_the_tables_are_those_of_what_is_named(cli: Cli) -> None:
    """Two sweeps share their baseline: a report of one has no table of half of the other."""
    batches = write_sweep("batches", "batch_size", 128, 64, train=TWELVE)
    write_sweep("epochs", "epochs", 12, 6)
    group = spec("swin", train=TWELVE).run_id.removesuffix("-s0")
    assert len(tables(cli)) == 4
    assert [("batch" in caption, "epochs" in caption) for caption in tables(cli, batches)[1:]] == [(True, False)]
    assert len(tables(cli, group)) == 1
    assert len(tables(cli, spec(train=TWELVE).run_id.removesuffix("-s0"))) == 1
    assert len(tables(cli, "perceiver-io")) == 3
    document = json.loads(cli("report", "--format", "json", batches).stdout)
    assert len(document["ablations"]) == 1
    assert cli("report", "--format", "csv", group).stdout.count("\n") == 2


def test_a_run_is_named_without_its_neighbors(cli: Cli) -> None:
    """Seed 1 does not mean seed 10, nor a group, nor a seed that was never trained."""
    write_seeds(RUNS, [0.5] * 11, train={"epochs": 3})
    first = spec(seed=1, train={"epochs": 3}).run_id
    write_run(RUNS, spec(seed=1, train={"epochs": 3}), 0.7, suffix="-r2")
    (found,) = json.loads(cli("report", "--format", "json", first).stdout)["groups"]
    assert [run["id"] for run in found["runs"]] == [f"{first}-r2"]
    refused(cli("report", first.replace("-s1", "-s11")), 2, "no run, group or sweep")


def test_a_sweep_is_known_after_its_runs_are_deleted(cli: Cli) -> None:
    name = sweep("gone", spec(train={"batch_size": 7}), spec(train={"batch_size": 9}))
    refused(cli("report", name), 2, f"no runs of {name} in runs")
    refused(cli("plot", name, "-o", "a.svg"), 2, f"nothing to draw: no run of {name} in runs")


def test_parts_of_a_study_can_be_chosen(cli: Cli) -> None:
    part = "perceiver-io/batch-size"
    chosen = ("report", "--study", "small-images", "--only", part, "--no-assets")
    done = cli(*chosen)
    assert (done.exit_code, "swin" in done.stdout.lower()) == (0, False)
    assert f"vitreport study run small-images --only {part}" in done.stdout
    document = json.loads(cli(*chosen[:-1], "--format", "json").stdout)
    assert [each["name"] for each in document["ablations"]] == [f"small-images/{part}"]
    assert len(document["sections"]) == 1
    both = cli(*chosen, "--only", "swin/cifar10")
    assert (both.exit_code, "swin" in both.stdout.lower()) == (0, True)
    assert len(tables(cli, *chosen[1:-1])) == 2


def test_a_part_that_is_not_of_the_study(cli: Cli) -> None:
    wrong = ("--only", "perceiver-io/batch")
    told = [
        cli(*words, *wrong).stderr
        for words in (("report", "--study", "small-images"), ("study", "run", "small-images"))
    ]
    assert told[0] == told[1]
    assert "no such run or ablation in the study; hint: did you mean" in told[0]
    done = cli("report", "--only", "swin/cifar10")
    assert (done.exit_code, "--only, --set and --seeds need --study" in done.stderr) == (2, True)
