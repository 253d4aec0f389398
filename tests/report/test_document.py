"""The JSON of a report as a program reads it that plots from it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.designs import design
from tests.records import spec, write_seeds
from tests.report.study import write_study
from vitreport.analysis.summarize import Outline, summarize
from vitreport.records.folders import run_folders
from vitreport.records.run import SweepRecord
from vitreport.report.json_format import render_json
from vitreport.report.sections import make_page

RUNS = Path("runs")
ESTIMATE = {"value", "low", "high", "method", "n"}


def document(*designs: SweepRecord) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(render_json(make_page(summarize(run_folders(RUNS), Outline(designs)))))
    return found


def objects(values: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(values, dict):
        yield path, values
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        if isinstance(value, dict | list):
            yield from objects(value, f"{path}.{key}")


@pytest.fixture
def study() -> dict[str, Any]:
    write_study(RUNS)
    return document()


def test_a_curve_over_a_setting_can_be_drawn_without_reading_text(study: dict[str, Any]) -> None:
    (ablation,) = (each for each in study["ablations"] if each["axes"] == ["batch_size"])
    assert ablation["qualifier"] == ""
    points = [
        (level["values"][0]["fields"]["train.batch_size"], level["accuracy"]["value"]) for level in ablation["levels"]
    ]
    assert [size for size, _ in points] == [32, 64, 128]
    groups = {group["id"]: group for group in study["groups"]}
    assert [(groups[level["group"]]["fields"]["train.batch_size"]) for level in ablation["levels"]] == [32, 64, 128]
    assert [groups[level["group"]]["test"]["value"] for level in ablation["levels"]] == [value for _, value in points]


def test_every_id_is_that_of_something(study: dict[str, Any]) -> None:
    known = {name: {each["id"] for each in study[name]} for name in ("groups", "datasets")}
    architectures = {each["name"] for each in study["architectures"]}
    assert len(known["groups"]) == len(study["groups"]) > 5
    for path, values in objects(study):
        assert values.get("group") in {None, *known["groups"]}, path
        assert values.get("dataset") in {None, "", *known["datasets"]}, path
        assert values.get("architecture") in {None, "", *architectures}, path
    assert {each["architecture"] for each in study["groups"]} == architectures


def test_every_estimate_says_what_its_interval_rests_on(study: dict[str, Any]) -> None:
    estimates = [values for _, values in objects(study) if "low" in values and "value" in values]
    assert len(estimates) > 20
    for each in estimates:
        assert set(each) >= ESTIMATE
        assert (each["low"] is None) == (each["high"] is None) == (each["method"] in ("none", "equal"))


def test_no_object_is_a_list_of_pairs(study: dict[str, Any]) -> None:
    assert study["datasets"][0]["counts"]["train"] > 0
    assert sum(study["provenance"]["devices"].values()) == study["runs"]


def test_values_that_were_not_run_have_their_types_and_variants_their_names() -> None:
    """The fields of several values side by side stand alone."""
    (folder,) = write_seeds(RUNS, [0.5])
    cells = ((("16, 0.01", "both"), folder.name), (("32, 0.1", "none"), spec(train={"batch_size": 32}).run_id))
    swept = design(("batch_size, learning_rate", "regularization"), cells)
    (ablation,) = document(swept)["ablations"]
    values = [level["values"] for level in ablation["levels"]]
    assert [first["fields"] for first, _ in values] == [
        {"train.batch_size": 16, "optimizer.learning_rate": 0.01},
        {"train.batch_size": 32, "optimizer.learning_rate": 0.1},
    ]
    assert [second["label"] for _, second in values] == ["both", "none"]
