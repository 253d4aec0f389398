"""What of the records a report shows: named runs, groups and sweeps, parts of a study, and no try-outs in a paper."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
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
    return [line.removeprefix("\\caption{") for line in done.stdout.splitlines() if line.startswith("\\caption{")]


def test_the_tables_are_those_of_what_is_named(cli: Cli) -> None:
    """Two sweeps share their baseline: a report of one has no table of half of the other."""
    batches = write_sweep("batches", "batch_size", 128, 64, train=TWELVE)
    write_sweep("epochs", "epochs", 12, 6)
    group = spec("swin", train=TWELVE).run_id.removesuffix("-s0")
    assert len(tables(cli)) == 3
    assert [("batch" in caption, "epochs" in caption) for caption in tables(cli, batches)[1:]] == [(True, False)]
    assert len(tables(cli, group)) == 1
    assert len(tables(cli, spec(train=TWELVE).run_id.removesuffix("-s0"))) == 1
    assert len(tables(cli, "perceiver-io")) == 3
    document = json.loads(cli("report", "--format", "json", batches).stdout)
    assert len(document["ablations"]) == 1
    assert cli("report", "--format", "csv", group).stdout.count("\n") == 2


TRYOUTS: dict[str, Any] = {
    "limit": {"data": {"limit": 500}, "train": TWELVE},
    "epochs": {"train": {"epochs": 1}},
    "both": {"data": {"limit": 500}, "train": {"epochs": 1}},
}


@pytest.mark.parametrize("kind", TRYOUTS)
@pytest.mark.parametrize("seeds", [1, 2])
def test_a_try_out_is_left_out_of_a_paper(cli: Cli, kind: str, seeds: int) -> None:
    paper = cli("report", "--format", "latex").stdout
    tried = write_seeds(RUNS, [0.9] * seeds, **TRYOUTS[kind])[0].name.removesuffix("-s0")
    done = cli("report", "--format", "latex")
    assert done.stdout == paper
    assert done.stderr == (f"left out 1 try-out: {tried}; name runs, groups or sweeps to choose what the tables show\n")
    assert "90.0" in cli("report", "--format", "latex", tried).stdout
    assert tried in cli("report", "--format", "csv").stdout
    assert cli("report", "-o", "paper.tex").exit_code == 0
    assert cli("report", "--check", "paper.tex").exit_code == 0


def test_a_try_out_of_another_architecture_or_a_sweep_is_left_out(cli: Cli) -> None:
    paper = cli("report", "--format", "latex").stdout
    write_run(RUNS, spec("tnt", train=TWELVE), 0.7)
    tried = write_sweep("tried", "batch_size", 128, 64, data={"limit": 500}, train={"epochs": 1})
    assert cli("report", "--format", "latex").stdout == paper
    assert len(tables(cli, tried)) == 2


@pytest.mark.parametrize(("axis", "values"), [("epochs", (12, 6)), ("limit", (500, 1000))])
def test_a_sweep_over_epochs_or_limits_is_no_try_out_for_it(cli: Cli, axis: str, values: tuple[int, ...]) -> None:
    write_sweep("wanted", axis, *values, **({"train": TWELVE} if axis == "limit" else {}))
    done = cli("report", "--format", "latex")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [value for value in values if f"\n{value} & " not in done.stdout] == []


def test_where_there_are_only_single_runs_none_is_a_try_out(cli: Cli) -> None:
    for model, accuracy in (("tnt", 0.5), ("swin", 0.6)):
        write_run(Path("single"), spec(model), accuracy)
    done = cli("report", "--format", "latex", "--runs-dir", "single")
    assert ("50.0" in done.stdout, "60.0" in done.stdout, done.stderr) == (True, True, "")


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
    assert "no such part of the study; hint: did you mean" in told[0]
    done = cli("report", "--only", "swin/cifar10")
    assert (done.exit_code, "--only needs --study" in done.stderr) == (2, True)
