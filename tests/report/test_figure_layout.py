"""Where the parts of a figure are: no text meets another or leaves the panel, and axes have few round numbers."""

import re

import pytest

from tests.report.drawings import boxes, collisions, panels, texts
from tests.report.drawn import ablation, compared, curves, estimate, figure, figures, grid, level
from vitreport.report.blocks import Figure
from vitreport.report.figures.accuracy import Grid, Row
from vitreport.report.figures.curves import Panel

LONG = tuple(f"timm/vit_base_patch16_clip_224.laion2b_{end}" for end in ("ft_in1k", "ft_in12k", ""))


def varied(values: list[str], accuracies: list[float | None] | None = None, baseline: int | None = 0) -> Figure:
    measured = accuracies or [0.5 + 0.01 * index for index in range(len(values))]
    levels = [
        level(value, accuracy, "done" if accuracy else "not run")
        for value, accuracy in zip(values, measured, strict=True)
    ]
    return figure("ablation", ablation("learning_rate", levels, baseline), "ablation")


def rows(accuracies: dict[str, tuple[float, float]]) -> Figure:
    return figure("rows", [("", [Row(name, estimate(*each)) for name, each in accuracies.items()])])


HARD = {
    "long names": rows(dict.fromkeys(LONG, (0.5, 0.1))),
    "long architectures": figure("rows", [("cifar10", [Row(name, estimate(0.5)) for name in LONG])]),
    "states": figure("rows", [("cifar10", [Row("swin", None, "not finished"), Row("tnt", estimate(0.5))])]),
    "twelve values": varied([f"{mantissa}e-{exponent}" for exponent in (5, 4, 3) for mantissa in (1, 2, 3, 5)]),
    "fifty values": varied([str(value) for value in range(1000, 1050)], baseline=25),
    "wide grid": figure("grid", grid(24, 8, "unfinished"), "grid"),
    "grid of long values": figure(
        "grid", Grid(("first_field_with_a_long_name", "x" * 60), (LONG, LONG), grid(3, 3).cells), "grid"
    ),
    "paired values": rows(
        {f"batch_size {size}, learning_rate 0.0001": (0.5 + size / 1000, 0.1) for size in (16, 32, 64, 128)}
    ),
    "missing values": varied(["16", "32", "64", "128"], [0.5, 0.6, None, None]),
    "equal curves": figure("curves", (Panel("Loss", (*curves("loss").lines, *curves("loss").lines)),)),
    "eight equal curves of long names": figure("curves", (compared([*LONG, *LONG, *LONG[:2]], 0.0, 8),)),
    "curves at the bottom": figure("curves", (compared(LONG, 0.45),)),
}


@pytest.mark.parametrize("name", [*figures(), *HARD])
def test_no_text_meets_another_or_leaves_the_panel(name: str) -> None:
    for panel in panels({**figures(), **HARD}[name]):
        assert collisions(panel) == []


@pytest.mark.parametrize(("accuracies", "digits"), [([0.1, 0.9], {"0"}), ([0.9, 0.905], {"1"}), ([0.9, 0.9001], {"1"})])
def test_shares_on_one_axis_have_the_same_digits(accuracies: list[float], digits: set[str]) -> None:
    (panel,) = panels(varied(["1", "2"], list(accuracies)))
    ticks = [text.partition(".")[2] for text in texts(panel) if re.fullmatch(r"[\d.]+%", text)]
    assert {str(len(tick.removesuffix("%"))) for tick in ticks} == digits


def test_of_many_values_the_ends_and_the_baseline_are_named() -> None:
    values = [f"{mantissa}e-{exponent}" for exponent in (5, 4, 3) for mantissa in (1, 2, 3, 5)]
    (panel,) = panels(varied(values, baseline=5))
    assert {"1e-05", "0.005", "0.0002"} <= set(texts(panel))


def test_what_has_no_accuracy_is_a_cross_whose_states_are_named_once() -> None:
    (panel,) = panels(varied(["16", "32", "64", "128"], [0.5, 0.6, None, None], None))
    assert "cross: not run" in texts(panel)


def test_long_names_that_differ_at_an_end_still_do_when_they_are_cut() -> None:
    (panel,) = panels(rows(dict.fromkeys(LONG, (0.5, 0.1))))
    cut = [text for text in texts(panel) if "…" in text]
    assert max(map(len, cut)) <= 26
    assert len(set(cut)) == len(LONG)


def test_marks_are_whole_and_intervals_end_where_the_axis_does() -> None:
    """At 100% a dot is not cut in half; an interval beyond the axis does not cross the number at its right."""
    (panel,) = panels(rows({"sure": (1.0, 0.0), "wide": (0.97, 0.3)}))
    numbers = [text.left for text in boxes(panel) if text.text in ("100.0%", "97.0%")]
    assert len(numbers) == 2
    for group in panel.iter():
        for child in group:
            if child.get("stroke-linecap") == "round":
                assert child.get("clip-path")
            if child.tag.endswith("use"):
                assert not child.get("clip-path")
                assert float(child.attrib["x"]) + 8 < min(numbers)
