"""Sweeps through the Python API, with an engine of the caller's own."""

import json
import os
import re
import subprocess
import sys
from doctest import DocTestParser
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vitreport
from tests.data.makers import write_folder
from tests.records import small_spec, write_run
from tests.sweep.fake_engine import FakeEngine, finish
from tests.test_contracts import ROOT
from vitreport.errors import SpecError
from vitreport.files import write_json
from vitreport.runtime import Runtime
from vitreport.spec.sweep import read_seeds, seeds_option


def test_an_ablation_is_trained_by_an_engine_and_analyzed() -> None:
    engine = FakeEngine(finish)
    summary = vitreport.ablate(small_spec(), {"batch_size": [16, 128]}, seeds=(0, 1), engine=lambda *_: engine)
    assert sorted((spec.train.batch_size, spec.seed) for spec in engine.specs) == [(16, 0), (16, 1), (128, 0), (128, 1)]
    (ablation,) = summary.ablations
    assert len(ablation.levels) == 2
    assert ablation.baseline == 1, "the value of the spec itself"
    (sweep,) = Path("runs/sweeps").glob("*.json")
    assert [value["value"] for value in json.loads(sweep.read_text())["axes"][0]["values"]] == [16, 128]
    again = FakeEngine(finish)
    assert vitreport.ablate(small_spec(), {"batch_size": [16, 128]}, seeds=(0, 1), engine=lambda *_: again) == summary
    assert again.specs == []


def test_a_trial_of_the_api_is_the_run_that_train_would_make() -> None:
    engine = FakeEngine(finish)
    vitreport.ablate(small_spec(), {"lr": [1e-4]}, seeds=[3], engine=lambda *_: engine)
    assert [spec.run_id for spec in engine.specs] == [small_spec(3, optimizer={"learning_rate": 1e-4}).run_id]


@pytest.mark.parametrize(
    "params",
    [{}, {"batchsize": [1]}, {"batch_size": [0]}, {"batch_size": []}, {"batch_size": 16}, {"optimizer": "sgd"}],
    ids=str,
)
def test_what_cannot_be_trained_is_refused(params: Any) -> None:
    with pytest.raises(SpecError):
        vitreport.ablate(small_spec(), params)


@pytest.mark.parametrize("seeds", [(-1,), (2**40,), "a", (0, 0), (), 0, 1.5, (0.5,), range(10**12)], ids=str)
def test_what_are_no_seeds_is_refused(seeds: Any) -> None:
    engine = FakeEngine(finish)
    with pytest.raises(SpecError) as error:
        vitreport.ablate(small_spec(), {"batch_size": [16]}, seeds=seeds, engine=lambda *_: engine)
    assert [problem.field for problem in error.value.problems] == ["--seeds"]
    assert not engine.specs


@pytest.mark.parametrize("seeds", [2, "2", "0,1", "0..1", [0, 1], (0, 1), range(2), np.int64(2)], ids=repr)
def test_seeds_are_given_alike_to_ablations_and_studies(seeds: Any) -> None:
    Path("my.toml").write_text(STUDY)
    engine, study = FakeEngine(finish), FakeEngine(finish)
    vitreport.ablate(small_spec(), {"batch_size": [16]}, seeds=seeds, engine=lambda *_: engine)
    vitreport.run_study("my.toml", seeds=seeds, engine=lambda *_: study, runtime=Runtime(device="cpu", threads=1))
    assert [spec.seed for spec in engine.specs] == [spec.seed for spec in study.specs] == [0, 1]
    assert len(vitreport.analyze_study("my.toml", seeds=seeds).summary.groups[0].runs) == 2


@pytest.mark.parametrize(("seeds", "option"), [(2, "2"), ([5], "5..5"), ((0, 4), "0,4"), ("0..4", "0..4")])
def test_seeds_are_written_as_the_command_takes_them(seeds: Any, option: str) -> None:
    assert seeds_option(seeds) == option
    assert read_seeds(option) == read_seeds(seeds)


def test_seeds_may_be_those_of_numpy() -> None:
    engine = FakeEngine(finish)
    vitreport.ablate(small_spec(), {"batch_size": [16]}, seeds=np.arange(2), engine=lambda *_: engine)
    assert [(type(spec.seed), spec.seed) for spec in engine.specs] == [(int, 0), (int, 1)]


def test_the_analysis_is_that_of_the_ablation_that_was_asked_for() -> None:
    """Its values are among those of another, earlier sweep, which sorts before it."""
    ablate = partial(vitreport.ablate, small_spec(), seeds=(0,), engine=lambda *_: FakeEngine(finish))
    ablate({"batch_size": [16, 128], "lr": [1e-3, 1e-4]})
    ablate({"batch_size": [16, 64, 128]})
    summary = ablate({"batch_size": [128, 16]})
    assert [[level.labels for level in each.levels] for each in summary.ablations] == [[("16",), ("128",)]]
    assert "## perceiver-io on digits by batch_size" in vitreport.render(summary)


def test_a_sweep_is_analyzed_where_all_its_trained_runs_are_there() -> None:
    """Whatever their attempts; half a table would say that the rest was not run."""
    vitreport.ablate(small_spec(), {"batch_size": [16, 128]}, seeds=(0, 1), engine=lambda *_: FakeEngine(finish))
    for folder in [run.folder for run in vitreport.load_runs() if run.id.endswith("-s1")]:
        second = f"{folder.name}-r2"
        record = json.loads((folder / "run.json").read_text()) | {"id": second}
        write_json(folder.rename(folder.with_name(second)) / "run.json", record)
    runs = vitreport.load_runs()
    assert [run.id[-6:] for run in runs if run.id.endswith("-r2")] == ["-s1-r2", "-s1-r2"]
    assert [each.source for each in vitreport.analyze(runs).ablations] == ["sweep"]
    second_attempts = [run for run in runs if run.id.endswith("-r2")]
    assert [each.source for each in vitreport.analyze(second_attempts).ablations] == ["inferred"]


def test_the_examples_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the docstrings, then the page about the Python API; what they would train is on record, or pretended."""
    monkeypatch.setattr("vitreport.sweep.run.LocalEngine", lambda *_: FakeEngine(finish))
    page = (ROOT / "docs/reference/python-api.md").read_text()
    sources = [
        "".join(example.source for example in DocTestParser().get_examples(getattr(vitreport, name).__doc__))
        for name in ("train", "ablate", "analyze", "run_study")
    ]
    assert all(sources)
    spec = small_spec()
    write_run(Path("runs"), spec)
    write_run(Path("runs"), vitreport.read_spec({"model": {"name": "perceiver-io"}, "data": {"dataset": "digits"}}))
    names = {"__name__": "__main__", "vitreport": vitreport, "Path": Path, "spec": spec, "runs": vitreport.load_runs()}
    for source in [*sources, *re.findall(r"```python\n(.*?)```", page, re.DOTALL)]:
        exec(source, names)


SCRIPT = """
import vitreport
from tests.records import small_spec

print("begun", flush=True)
vitreport.ablate(small_spec(), {"batch_size": [16]}, seeds=[0])
"""


STUDY = """
title = "Mixers"
[runs.small]
model = "mlp-mixer"
dataset = "digits"
set = { patch_size = 4, embed_dim = 8, num_blocks = 1 }
"""


def test_a_study_is_trained_and_analyzed() -> None:
    Path("my.toml").write_text(STUDY)
    engine = FakeEngine(finish)
    runtime = Runtime(device="cpu", threads=1)
    analysis = vitreport.run_study("my.toml", seeds="2", runtime=runtime, engine=lambda *_: engine)
    assert analysis.title == "Mixers"
    assert [len(group.runs) for group in analysis.summary.groups] == [2]
    assert [spec.seed for spec in engine.specs] == [0, 1]


@pytest.mark.long
def test_a_script_without_the_guard_is_told_of_it() -> None:
    Path("script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=False, timeout=120, env=environment
    )
    assert done.stdout.count("begun") == 4, "by itself and by its workers"
    fault = "vitreport.errors.ResourceError: 3 workers in a row exited before they began a trial (exit code 1)"
    assert done.stderr.splitlines()[-1].startswith(f"{fault}; hint: a script must train under `if __name__ ==")


def test_an_ablation_of_a_folder_of_images_finds_them() -> None:
    write_folder(Path("elsewhere/own"), size=8)
    engine = FakeEngine(finish)
    spec = {"model": {"name": "perceiver-io", "num_latents": 4}, "data": {"dataset": "elsewhere/own"}}
    vitreport.ablate(spec, {"batch_size": [2]}, seeds=(0,), engine=lambda *_: engine)
    assert engine.data_dirs == [Path("elsewhere").resolve()]
    assert [spec.data.dataset for spec in engine.specs] == ["own"]


def test_an_error_names_every_problem_with_its_hint() -> None:
    with pytest.raises(SpecError) as error:
        vitreport.read_spec({"model": {"name": "swinn"}, "data": {"dataset": "digits"}})
    assert "model" in str(error.value)
    assert "did you mean swin?" in str(error.value)
