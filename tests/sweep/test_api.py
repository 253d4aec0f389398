"""Sweeps through the Python API, with an engine of the caller's own."""

import json
from pathlib import Path

import pytest

import vitreport
from tests.records import small_spec
from tests.sweep.fake_engine import FakeEngine, finish
from vitreport.errors import SpecError
from vitreport.runtime import Runtime

STUDY = """
title = "Mixers"
[runs.small]
model = "mlp-mixer"
dataset = "digits"
set = { patch_size = 4, embed_dim = 8, num_blocks = 1 }
"""


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


@pytest.mark.parametrize("params", [{}, {"batchsize": [1]}, {"batch_size": [0]}])
def test_what_cannot_be_trained_is_refused(params: dict[str, list[int]]) -> None:
    with pytest.raises(SpecError):
        vitreport.ablate(small_spec(), params)


def test_a_study_is_trained_and_analyzed() -> None:
    Path("my.toml").write_text(STUDY)
    engine = FakeEngine(finish)
    runtime = Runtime(device="cpu", threads=1)
    analysis = vitreport.run_study("my.toml", seeds="2", runtime=runtime, engine=lambda *_: engine)
    assert analysis.title == "Mixers"
    assert [len(group.runs) for group in analysis.summary.groups] == [2]
    assert [spec.seed for spec in engine.specs] == [0, 1]
