"""No format shows a bound that cannot be: an accuracy below 0 or above 100%, a loss below 0."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest

from tests.records import spec, write_run, write_seeds
from vitreport.analysis.claims import Claim, judge
from vitreport.analysis.summarize import summarize
from vitreport.intervals import PROPORTION, Range, mean_over_seeds
from vitreport.records.folders import run_folders
from vitreport.report.csv_format import render_csv
from vitreport.report.json_format import render_json
from vitreport.report.latex import render_latex
from vitreport.report.markdown import render_markdown
from vitreport.report.sections import Page, make_page

RUNS = Path("runs")
HALF = re.compile(r"(-?\d+(?:\.\d+)?)\\?% (?:±|\$\\pm\$) (\d+(?:\.\d+)?)")
BOUND = re.compile(r"(-?\d+(?:\.\d+)?)\\?%")
POSSIBLE = {
    **dict.fromkeys(("train", "validation", "test", "accuracy", "recall"), (0, 1)),
    **dict.fromkeys(("gap", "difference", "ends"), (-1, 1)),
    "test_loss": (0, inf),
    "converged": (1, 4),
}
"""What each estimate of the JSON may be; those of findings are one of these."""


def change_losses(folder: Path, losses: Sequence[float]) -> None:
    metrics, result = folder / "metrics.jsonl", json.loads((folder / "result.json").read_text())
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    for line, loss in zip(lines, losses, strict=True):
        line["splits"]["train"]["loss"] = loss
    metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result["selected"]["splits"]["test"]["loss"] = losses[-1]
    (folder / "result.json").write_text(json.dumps(result))


@pytest.fixture
def page() -> Page:
    """Seeds far apart, near 0 and near 1, with a loss that differs as much; the same of other batch sizes."""
    for size, accuracies in ((16, [0.4, 0.58]), (32, [0.02, 0.99]), (64, [0.999, 0.97, 1.0])):
        write_seeds(RUNS, accuracies, train={"batch_size": size, "epochs": 4, "monitor_test": True})
    for seed, losses in enumerate(([3.0, 0.01, 0.01, 0.01], [4.0, 3.9, 3.8, 3.0])):
        folder = write_run(RUNS, spec("swin", seed=seed, train={"epochs": 4}), [0.1, 0.3][seed])
        change_losses(folder, losses)
    return make_page(summarize(run_folders(RUNS)))


def estimates(values: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(values, dict):
        if {"low", "high", "value"} <= set(values):
            yield path, values
        values = list(values.items())
    for key, value in values if values and isinstance(values[0], tuple) else enumerate(values):
        if isinstance(value, dict | list) and value:
            yield from estimates(value, f"{path}.{key}")


def test_no_text_has_a_bound_beyond_0_or_100_percent(page: Page) -> None:
    for text in (render_markdown(page, assets=""), render_latex(page)):
        halves = [(float(value), float(half)) for value, half in HALF.findall(text)]
        assert halves == [(value, half) for value, half in halves if half <= min(value, 100 - value)]
        assert all(0 <= float(bound) <= 100 for bound in BOUND.findall(text))
    assert "49.0% (0.0 to 100.0, n = 2)" in render_markdown(page, assets="")


def test_no_value_for_programs_has_one(page: Page) -> None:
    found = [(path.rpartition(".")[2], each) for path, each in estimates(json.loads(render_json(page)))]
    assert {name for name, each in found if each["low"] is not None} == {*POSSIBLE, "estimate"}
    for name, each in found:
        if each["low"] is not None:
            lowest, highest = POSSIBLE.get(name, (-1, 4))
            assert lowest <= each["low"] <= each["value"] <= each["high"] <= highest, name
    rows = list(csv.DictReader(io.StringIO(render_csv(page))))
    for row in rows:
        for split in ("test", "validation", "train"):
            assert 0 <= float(row.get(f"{split}.low") or 0) <= float(row.get(f"{split}.high") or 1) <= 1
        assert float(row.get("test_loss.low") or 0) >= 0
        assert -1 <= float(row.get("gap.low") or 0) <= float(row.get("gap.high") or 0) <= 1


def test_no_band_of_a_figure_leaves_what_is_possible(page: Page) -> None:
    curves = [curve for group in page.summary.groups for curve in group.curves]
    assert {curve.metric for curve in curves} == {"accuracy", "loss"}
    for curve in curves:
        assert min(curve.low or ()) >= 0
        assert curve.metric == "loss" or max(curve.high or ()) <= 1


def test_the_interval_of_one_more_run_is_cut_too() -> None:
    write_seeds(RUNS, [0.1, 0.2, 0.3])
    summary = summarize(run_folders(RUNS))
    claim = Claim("it reaches that", "so", "a paper", spec().run_id.removesuffix("-s0"), value=0.25)
    (verdict,) = judge([claim], summary.groups, summary.datasets)
    assert "within the 95% prediction interval, 0.00% to 69.69%" in verdict.reason


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.4, 0.58], "49.0% (0.0 to 100.0, n = 2)"),
        ([0.6, 0.61, 0.62], "61.0% (58.5 to 63.5, n = 3)"),
        ([0.98, 0.99, 1.0], "99.0% (96.5 to 100.0, n = 3)"),
        ([0.9996, 0.9997], "100.0% (99.9 to 100.0, n = 2)"),
    ],
)
def test_no_interval_ends_beyond_what_is_possible(values: list[float], expected: str) -> None:
    found = mean_over_seeds(values, PROPORTION)
    assert found
    assert found.in_percent() == expected


def test_epochs_end_with_the_training() -> None:
    found = mean_over_seeds([10.0, 14.0], Range(1, 14))
    assert found
    assert found.in_numbers() == "12.0 (1.0 to 14.0, n = 2)"
    inside = mean_over_seeds([6.0, 7.0, 8.0], Range(1, 14))
    assert inside
    assert inside.in_numbers() == "7.0 (4.5 to 9.5, n = 3)"
