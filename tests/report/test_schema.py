"""The published JSON Schema is that of the code, and every report follows it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError

import vitreport
from tests.analysis.designs import design
from tests.records import spec, write_run, write_seeds
from tests.report.schema import PUBLISHED, document_of, report_schema
from vitreport.analysis.summarize import Outline, summarize
from vitreport.records.folders import run_folders
from vitreport.report.json_format import Document, render_json
from vitreport.report.sections import Page, make_page

RUNS = Path("runs")
REAL = Path(__file__).parents[2] / "runs"


def test_the_published_schema_is_that_of_the_code() -> None:
    """`python -m tests.report.refresh` writes it again; a change of keys needs another `schema_version`."""
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == report_schema()


def test_every_part_is_closed_and_described() -> None:
    schema = report_schema()
    for part in (schema, *schema["$defs"].values()):
        assert part["description"]
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])
    assert {"Ablation", "Estimate", "Group", "Pair", "ToSettle", "Verdict"} <= set(schema["$defs"])


def test_a_study_with_damage_failures_and_claims_follows_it(page: Page) -> None:
    document = document_of(render_json(page))
    assert document["damage"]
    assert {each["outcome"] for each in document["verdicts"]} >= {"not run", "undecided"}
    assert {run["state"] for group in document["groups"] for run in group["runs"]} >= {"done", "failed", "diverged"}
    assert any(group["details"] and group["details"]["mistakes"] for group in document["groups"])


@pytest.mark.parametrize(("study", "is_settled"), [("digits", False), ("small-images", True)])
def test_the_recorded_runs_follow_it(study: str, is_settled: bool) -> None:
    analysis = vitreport.analyze_study(study, REAL)
    document = document_of(vitreport.render(make_page(analysis.summary, analysis.claims), "json"))
    assert len(document["ablations"]) > 1
    assert all(each["to_settle"] is None for each in document["ablations"]) is is_settled
    assert len(document["verdicts"]) == len(analysis.claims)


def test_a_sweep_with_missing_levels_and_a_run_without_a_spec_follow_it() -> None:
    (folder,) = write_seeds(RUNS, [0.5])
    (write_run(RUNS, spec("swin"), 0.5) / "spec.json").write_text("{")
    trials = (((value,), spec(train={"batch_size": int(value)}).run_id) for value in ("16", "32"))
    designs = (design(("batch_size",), ((("128",), folder.name), *trials)),)
    document = document_of(render_json(make_page(summarize(run_folders(RUNS), Outline(designs)))))
    assert [level["state"] for level in document["ablations"][0]["levels"]].count("not run") == 2
    assert document["unplaced"]


def test_a_report_of_nothing_follows_it() -> None:
    assert document_of(render_json(make_page(summarize([]))))["groups"] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("pairs"),
        lambda document: document.update(schema_version=Document.schema_version - 1),
        lambda document: document.update(cells=[]),
        lambda document: document["groups"][0].update(state="finished"),
        lambda document: document["groups"][0]["test"].update(value="56.3%"),
        lambda document: document["groups"][0]["test"].pop("n"),
        lambda document: document["ablations"][0].update(to_settle=3),
        lambda document: document["ablations"][0]["levels"][0].update(group={"id": "a"}),
        lambda document: document["verdicts"][0].update(outcome="true"),
    ],
)
def test_a_wrong_document_does_not(page: Page, change: Callable[[dict[str, Any]], Any]) -> None:
    document = document_of(render_json(page))
    change(document)
    with pytest.raises(ValidationError):
        document_of(json.dumps(document))
