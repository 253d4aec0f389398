"""Figures as files: what stands in them, and the same bytes everywhere."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.records import spec, write_run
from tests.report.drawings import SVG, panels, texts, tips
from tests.report.drawn import (
    HOSTILE,
    ablation,
    cells,
    curve,
    curves,
    figure,
    figures,
    learning_rates,
    level,
)
from tests.report.study import write_study
from vitreport.analysis import group_details, groups, summary
from vitreport.analysis.references import subject_of
from vitreport.analysis.summarize import summarize
from vitreport.report import tables
from vitreport.report.figures import accuracy
from vitreport.report.figures import curves as drawn_curves
from vitreport.report.figures.accuracy import ablation_figure
from vitreport.report.figures.assets import Assets
from vitreport.report.figures.colors import DARK, LIGHT, LOOKS
from vitreport.report.figures.curves import Line, Panel
from vitreport.report.figures.draw import draw
from vitreport.report.sections import make_page
from vitreport.spec.sweep import ValueSpec

ROOT = Path(__file__).parents[2]
CHILD = """
import hashlib
from tests.report.drawn import figures
from vitreport.report.figures.draw import draw
for figure in list(figures().values())[::2]:
    print(figure.name, hashlib.sha256("".join(draw(figure)).encode()).hexdigest())
"""


@pytest.mark.parametrize("name", figures())
def test_a_figure_is_a_small_file_in_light_and_dark(name: str) -> None:
    drawn = figures()[name]
    with Assets(Path("assets"), Path("report.md")).published([drawn]):
        light, dark = (Path(f"assets/{name}-{theme}.svg").read_bytes() for theme in ("light", "dark"))
    for content, values in ((light, LIGHT), (dark, DARK)):
        root = ElementTree.fromstring(content)
        assert root.get("aria-label") == drawn.alt
        assert set(re.findall(r"#[0-9a-f]{6}\b", content.decode())) <= set(values.values())
        assert len(content) < 500_000
    assert light != dark
    assert not re.search(rb"var\(|style|<metadata|<script|nan|inf|\son\w+=", light)


def test_ids_are_unique_on_a_page_and_are_all_used() -> None:
    """Several figures are in one page: no id may occur twice, and every reference must be met."""
    content = "".join(panel for each in figures().values() for panel in draw(each))
    ids = re.findall(r' id="([^"]*)"', content)
    assert len(set(ids)) == len(ids)
    assert set(ids) == set(re.findall(r'(?:href="|url\()#([^")]*)', content))


def test_the_overview_has_a_panel_for_each_data_set_with_every_number() -> None:
    first, second, third = panels(figure("rows", cells()))
    assert {"cifar10", "tnt", "62.0%", "71.0%", "83.0%", "88.4%", "86.1%"} <= set(texts(first))
    assert "stl10" in texts(second)
    assert {"diverged", "not run", "\N{EN DASH}"} <= set(texts(third))
    assert len(tips(first)) == 5
    assert "perceiver-io: 62.0% (60.8 to 63.2, n = 3)" in tips(first)
    assert "tnt: 86.1% (84.9 to 87.3, single run)" in tips(first)


def test_the_overview_has_the_names_and_the_rows_of_the_table(tmp_path: Path) -> None:
    write_study(tmp_path)
    write_run(tmp_path, spec("mlp-mixer", train={"epochs": 4}), 0.3, images="8b" * 32)
    found = summarize(sorted(tmp_path.iterdir()))
    figure = make_page(found).figures[0]
    table = tables.overview(found)
    drawn = panels(figure)
    assert len(drawn) == len(table.columns) - 1
    for title, panel in zip(table.columns[1:], drawn, strict=True):
        assert title in texts(panel)
        assert [tip.partition(": ")[0] for tip in tips(panel)] == [row[0] for row in table.rows]
    assert "Swin Transformer: failed" in tips(drawn[0])
    assert "failed" in figure.alt


def test_curves_are_labelled_with_their_last_values_and_look_different() -> None:
    (panel,) = panels(figure("curves", (curves(),)))
    assert {"train 93.3%", "validation 83.4%", "test 82.7%"} <= set(texts(panel))
    assert "epoch 1: train 11.9%, validation 10.6%, test 10.5%" in tips(panel)
    lines = [line for line in panel.iter(f"{SVG}path") if line.get("stroke-width") == "2"]
    assert len({(line.get("stroke"), line.get("stroke-dasharray")) for line in lines}) == 3


def test_the_caption_names_the_lines_that_were_measured_among_running_means() -> None:
    measured = curve("train", "loss", 0.2)
    lines = (Line("a", LOOKS[0], measured), Line("b", LOOKS[1], replace(measured, is_running=True)))
    mixed, all_measured = (
        drawn_curves._figure("x", "x", [Panel("Training loss", chosen)], "").caption for chosen in (lines, lines[:1])
    )
    assert mixed.endswith("without augmentation and dropout (here a).")
    assert all_measured.endswith("without augmentation and dropout.")


def test_losses_far_above_the_last_ones_are_cut_off() -> None:
    """One loss of a network about to diverge would press all others into a flat line."""
    usual = replace(curve("train", "loss", 1.0, epochs=3), mean=(2.3, 1.5, 1.2), low=None, high=None)
    jumping = replace(usual, mean=(2.3, 17500.0, 1.4))
    for lines, cut in (((usual, jumping), 6.9), ((usual,), None)):
        panel = Panel("Training loss", tuple(map(Line, "ab", LOOKS, lines)))
        assert panel.cut == (cut and pytest.approx(cut))
        caption = drawn_curves._figure("x", "x", [panel], "").caption
        assert ("Losses above 6.9 are cut off." in caption) == bool(cut)
        (drawn,) = panels(figure("curves", (panel,)))
        assert "15000" not in texts(drawn)
        assert any("17500" in tip or "1.75e+04" in tip for tip in tips(drawn)) == bool(cut)


def test_a_single_epoch_is_one_whole_number_on_its_axis() -> None:
    single = replace(curve("train", "loss", 2.3026), epochs=(1,), mean=(2.3026,), low=None, high=None)
    (panel,) = panels(figure("curves", (Panel("Loss", (Line("train", LOOKS[0], single),)),)))
    assert {"1", "epoch", "Loss (nats)", "train 2.303"} <= set(texts(panel))
    assert not {"0.8", "0.6", "1.2", "1.4"} & set(texts(panel))


def test_a_single_run_has_no_band() -> None:
    banded, bare = (panels(figure("curves", (curves(n=n),)))[0] for n in (3, 1))
    assert len([path for path in banded.iter() if path.get("fill-opacity") == "0.18"]) == 3
    assert [path for path in bare.iter() if path.get("fill-opacity")] == []


def test_very_many_epochs_stay_small() -> None:
    long = replace(curve("val", "accuracy", 0.9, epochs=3000), low=None, high=None)
    (panel,) = panels(figure("curves", (Panel("Accuracy", (Line("validation", LOOKS[0], long),)),)))
    assert 30 <= len(tips(panel)) <= 60


def test_learning_rates_have_a_logarithmic_axis_with_every_level() -> None:
    (panel,) = panels(figure("ablation", learning_rates()))
    assert [text for text in texts(panel) if "e-" in text] == ["1e-05"]
    assert {"0.0003", "0.1"} <= set(texts(panel))
    assert "cross: diverged; ring: baseline" in texts(panel)
    assert "optimizer.learning_rate (logarithmic)" in texts(panel)
    assert "optimizer.learning_rate = 0.1: diverged" in tips(panel)
    assert len(tips(panel)) == 6


@pytest.mark.parametrize(
    ("values", "scale"), [(("16", "128"), " (logarithmic)"), (("0.0", "0.3"), ""), (("2", "4"), "")]
)
def test_a_narrow_range_or_one_with_zero_is_linear(values: tuple[str, str], scale: str) -> None:
    drawn = ablation("x", [level(value, 0.5 + index / 10) for index, value in enumerate(values)], None)
    (panel,) = panels(figure("ablation", drawn))
    assert f"x{scale}" in texts(panel)


@pytest.mark.parametrize(
    ("axes", "rows"), [(("a", "b"), {"(true, true)", "(nan, nan)", "ring: baseline"}), (("a",), {"nan", "true"})]
)
def test_values_without_an_order_are_rows(axes: tuple[str, ...], rows: set[str]) -> None:
    levels = [replace(level(value, 0.5), values=level(value, 0.5).values * len(axes)) for value in ("true", "nan")]
    drawn = replace(ablation("x", levels, 0), axes=axes)
    (panel,) = panels(figure("ablation", drawn))
    assert rows <= set(texts(panel))


def test_a_grid_has_each_accuracy_in_its_cell_and_a_frame_around_the_baseline() -> None:
    (panel,) = panels(figures()["grid"])
    assert {"learning_rate", "weight_decay", "0.01", "90.0", "87.0", "78.0", "diverged"} <= set(texts(panel))
    assert tips(panel)[:2] == ["lr 0, wd 0: 90.0% (88.8 to 91.2, n = 3)", "lr 0, wd 1: 90.0% (88.8 to 91.2, n = 3)"]
    assert (len(tips(panel)), tips(panel)[-1]) == (12, "last: diverged")
    assert "weight_decayframe: baseline" in "".join(texts(panel))


def test_the_colors_of_a_grid_are_read_in_light_and_dark() -> None:
    """The color of a cell is as strong as its accuracy is high, and never so strong that ink cannot be read on it.

    A cell without a result has no color.
    """
    content = draw(figures()["grid"])[0]
    strengths = [float(each) for each in re.findall(r'fill="var\(--blue\)" fill-opacity="([\d.]+)"', content)]
    strengths += [float(each) for each in re.findall(r'fill-opacity="([\d.]+)" fill="var\(--blue\)"', content)]
    assert (len(strengths), max(strengths)) == (11, 0.55)
    assert min(strengths) < 0.1


@pytest.mark.parametrize("columns", [8, 9])
def test_a_very_wide_grid_is_drawn_in_rows(columns: int) -> None:
    base, levels = ablation("x", [level(str(value), 0.5) for value in range(columns)], None), []
    for value in ("1", "2"):
        first = ValueSpec(label=value, value=int(value), fields={"y": int(value)})
        levels += [replace(each, values=(first, each.values[0])) for each in base.levels]
    (found,) = ablation_figure(replace(base, axes=("y", "x"), levels=tuple(levels)))
    assert found.kind == ("grid" if columns == 8 else "ablation")
    assert "without color" not in found.caption
    (lacking,) = ablation_figure(replace(base, axes=("y", "x"), levels=(*levels[:-1], replace(levels[-1], group=None))))
    explained = "Cells without color have no result; the table says why."
    assert (explained in lacking.caption) == (columns == 8)


def test_fifty_rows_are_all_named() -> None:
    (panel,) = panels(figures()["many-rows"])
    assert {f"class {index}" for index in range(50)} <= set(texts(panel))


def test_the_confusion_matrix_has_a_cell_for_each_pair() -> None:
    (panel,) = panels(figures()["confusion"])
    assert len(tips(panel)) == 100
    assert "airplane classified as automobile: 17 of 1,085 (1.6%)" in tips(panel)


@pytest.mark.parametrize("kind", ["rows", "curves", "ablation", "grid", "confusion"])
def test_foreign_names_are_literal_text(kind: str) -> None:
    found = next(each for each in figures().values() if each.kind == kind)
    foreign = repr(found.data)
    for name in ("perceiver-io", "optimizer.learning_rate", "learning_rate", "airplane"):
        foreign = foreign.replace(repr(name), repr(HOSTILE))
    data = eval(
        foreign, {**vars(summary), **vars(groups), **vars(group_details), **vars(accuracy), **vars(drawn_curves)}
    )
    content = "".join(draw(replace(found, data=data)))
    ElementTree.fromstring(f"<page>{content}</page>")
    assert "<script" not in content
    assert not {"\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(content)
    assert "&lt;script&gt;" in content


def test_the_same_data_gives_the_same_bytes_everywhere(tmp_path: Path) -> None:
    (tmp_path / "rc").write_text("font.size: 30\nsvg.fonttype: path\naxes.grid: False\n")
    one = {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1", "MPLBACKEND": "svg"}
    other = {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2", "MATPLOTLIBRC": str(tmp_path / "rc")}
    first, second = (
        subprocess.run(
            [sys.executable, "-W", "error", "-c", CHILD],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for environment in (one, other)
    )
    assert first == second
    assert len(first.splitlines()) == 5


def test_of_very_many_values_some_are_drawn_and_that_is_said() -> None:
    many = ablation("x", [level(str(value), 0.5) for value in range(1000)], 333)
    (found,) = ablation_figure(many)
    labels = [row.label for row in found.data[1]]
    assert (labels[0], labels[-1], len(labels)) == ("0", "999", 52)
    assert [row.label for row in found.data[1] if row.is_baseline] == ["333"]
    assert found.caption == "52 of 1,000 values are drawn."
    assert len(found.alt) < 2500
    (few,) = ablation_figure(learning_rates())
    assert len(few.data[1]) == len(learning_rates().levels)


@pytest.mark.parametrize("axis", ["model", "model, learning_rate"])
def test_architectures_as_levels_differ_in_more_than_their_name(axis: str) -> None:
    """Each has a preset of its own, so not all else is equal, and the title names none of them."""
    architectures = ablation(axis, [level("swin", 0.6), level("timm/resnet10t", 0.5)], None)
    title = subject_of(architectures)
    (found,) = ablation_figure(architectures)
    assert title == f"CIFAR-10 by {axis}"
    assert found.alt.startswith(f"Test accuracy of {title}: ")
