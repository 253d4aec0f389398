"""Levels of several fields: sorted by number, field by field, and listed as (16, 2)."""

import json
from pathlib import Path

import pytest

from tests.analysis.designs import design
from tests.records import spec, write_run, write_seeds
from tests.report.drawings import panels, texts
from tests.spec.composing import composed
from vitreport.analysis.summarize import Outline, summarize
from vitreport.records.folders import run_folders
from vitreport.report import tables
from vitreport.report.json_format import render_json
from vitreport.report.markdown import render_markdown
from vitreport.report.sections import Page, make_page
from vitreport.spec.sweep import describe_level, format_level

RUNS = Path("runs")
AXIS = "batch_size, epochs"
WRITTEN = [(16, 2), (16, 4), (2, 2), (4, 2), (8, 1), (8, 2)]
ORDERED = [(2, 2), (4, 2), (8, 1), (8, 2), (16, 2), (16, 4)]


def page(*, axes: tuple[str, ...], run: int) -> Page:
    """Of a sweep over pairs, of which the first `run` were run, two seeds each."""
    cells = []
    for number, (size, epochs) in enumerate(WRITTEN):
        train = {"batch_size": size, "epochs": epochs}
        if number < run:
            write_seeds(RUNS, [0.5 + number / 100, 0.51 + number / 100], train=train)
        label = (f"{size}, {epochs}",) if len(axes) == 1 else (str(size), str(epochs))
        cells += [(label, spec(seed=seed, train=train).run_id) for seed in (0, 1)]
    return make_page(summarize(run_folders(RUNS), Outline(sweeps=(design(axes, cells, cells[0][0]),))))


@pytest.mark.parametrize("axes", [(AXIS,), tuple(AXIS.split(", "))], ids=["side by side", "grid"])
def test_a_table_is_sorted_by_number_field_by_field(axes: tuple[str, ...]) -> None:
    (ablation,) = page(axes=axes, run=6).summary.ablations
    rows = [row[: len(axes)] for row in tables.ablation(ablation).rows]
    expected = [
        (f"batch_size {size}, epochs {epochs}",) if len(axes) == 1 else (str(size), str(epochs))
        for size, epochs in ORDERED
    ]
    assert rows == expected
    assert ablation.levels[ablation.baseline or 0].labels in ((("16, 2"),), ("16", "2"))


def test_pairs_are_named_in_the_table_in_sentences_and_in_the_figure() -> None:
    shown = page(axes=(AXIS,), run=4)
    text = render_markdown(shown, assets="")
    assert "No difference from batch_size 16, epochs 2 is shown for (2, 2), " in text
    assert "| batch_size 2, epochs 2 | 52.5% " in text
    (figure,) = [each for each in shown.figures if each.kind == "ablation"]
    assert "batch_size 2, epochs 2 52.5%" in figure.alt
    (panel,) = panels(figure)
    assert {"batch_size 2, epochs 2", "batch_size 16, epochs 4"} <= set(texts(panel))


def test_a_grid_has_a_heat_map_and_its_combinations_in_brackets() -> None:
    shown = page(axes=("batch_size", "epochs"), run=6)
    (ablation,) = shown.summary.ablations
    assert not ablation.is_grid  # six of the eight combinations
    assert " is shown for (2, 2), " in render_markdown(shown)


def test_what_has_not_been_run_has_its_values() -> None:
    shown = page(axes=(AXIS,), run=4)
    (ablation,) = shown.summary.ablations
    assert [level.shown for level in ablation.levels if level.group is None] == ["(8, 1)", "(8, 2)"]
    assert "| batch_size 8, epochs 1 | not run |" in render_markdown(shown)
    (written,) = json.loads(render_json(shown))["ablations"]
    assert [each["values"][0]["fields"] for each in written["levels"]][:2] == [
        {"train.batch_size": 2, "train.epochs": 2},
        {"train.batch_size": 4, "train.epochs": 2},
    ]


def test_lists_are_sorted_by_number_too() -> None:
    """Found among the runs, and of a sweep."""
    cells = []
    for heads in ([16, 2], [2, 2], [2, 16]):
        model = {"name": "swin", "depths": [2, 2], "num_heads": heads}
        own = composed({"model": model, "data": {"dataset": "cifar10"}}).spec
        cells.append(((json.dumps(heads),), write_run(RUNS, own, 0.5).name))
    swept = design(("num_heads",), cells)
    for outline in (Outline(), Outline(sweeps=(swept,))):
        (ablation,) = summarize(run_folders(RUNS), outline).ablations
        assert [level.labels for level in ablation.levels] == [("[2, 2]",), ("[2, 16]",), ("[16, 2]",)]


def test_a_level_in_words() -> None:
    assert [format_level(each) for each in (["16"], ["16, 2"], ["16", "adam"], ["[2, 2, 8, 2]"])] == [
        "16",
        "(16, 2)",
        "(16, adam)",
        "[2, 2, 8, 2]",
    ]
    assert describe_level(["batch_size", AXIS], ["16", "16, 2"]) == "batch_size 16, batch_size 16, epochs 2"
    assert describe_level(["model, depths"], ["swin, [2, 2]"]) == "model, depths (swin, [2, 2])"
    assert describe_level(["depths, lr"], ["[2, 2], 0.1"]) == "depths [2, 2], lr 0.1"
