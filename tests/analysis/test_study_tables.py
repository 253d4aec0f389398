"""The tables of a study: published accuracies beside measured ones, and only ablations that were begun."""

from tests.analysis.small_images import measure, page
from vitreport.report.markdown import render_markdown


def test_the_levels_of_an_ablation_are_shown_beside_their_published_accuracies() -> None:
    measure([0.50, 0.501, 0.502], "perceiver-io/learning-rate", 1e-4)
    measure([0.40, 0.401, 0.402], "perceiver-io/learning-rate", 1e-3)
    document = render_markdown(page())
    rows = [line.split(" | ") for line in document.splitlines() if line.startswith(("| 0.0001 |", "| 0.01 |"))]
    assert [row[2] for row in rows[:2]] == ["56.19%", "\N{EN DASH}"]
    assert "Not all published values are comparable" in document


def test_an_ablation_of_which_only_the_baseline_was_run_is_not_run_yet() -> None:
    """The comparison shows this group already."""
    measure([0.5, 0.51, 0.52], "perceiver-io/cifar10")
    document = render_markdown(page())
    assert "### Perceiver IO on CIFAR-10 by query" not in document
    (waiting,) = (line for line in document.splitlines() if line.startswith("- Not run yet:"))
    assert "Perceiver IO on CIFAR-10 by query" in waiting
    measure([0.5, 0.51, 0.52], "perceiver-io/query", "never trained")
    assert "### Perceiver IO on CIFAR-10 by query" in render_markdown(page())


def test_the_only_group_of_an_ablation_is_shown_if_no_comparison_has_it() -> None:
    measure([0.5, 0.51, 0.52], "perceiver-io/learning-rate", 1e-3)
    assert "### Perceiver IO on CIFAR-10 by learning_rate" in render_markdown(page())
