"""Texts are filled with the numbers of the tables, and say what is not there."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.records import DIVERGED, write_run
from vitreport.analysis.comparisons import difference_of
from vitreport.analysis.selection import Analysis, analyze_study
from vitreport.data.sources import facts_in
from vitreport.formatting import Estimate
from vitreport.report import tables
from vitreport.report.markdown import render_markdown
from vitreport.report.sections import make_page
from vitreport.spec.run import RunSpec
from vitreport.spec.study_text import QUANTITIES
from vitreport.sweep.study_plan import StudyPlan, StudyRequest, plan_study

RUNS = Path("runs")
SMALL = 'model = "mlp-mixer"\ndataset = "digits"\nset = { image_size = 8, patch_size = 4, embed_dim = 8, epochs = 2'


PARTS = f"""
[runs.net]
{SMALL}, batch_size = 20 }}
[runs.wide]
{SMALL.replace("embed_dim = 8", "embed_dim = 16")}, batch_size = 20 }}
[ablations.batch]
{SMALL} }}
params.batch_size = [10, 20, 40]
baseline = 20
[[sections]]
title = "Everything"
runs = ["net", "wide"]
ablations = ["batch"]
"""


def study(text: str, only: Sequence[str] = (), parts: str = PARTS) -> StudyPlan:
    """Two runs and an ablation by batch size, whose baseline is the first run."""
    texts = f"title = 'Mixers'\nintroduction = '''{text}'''\nconclusion = '''{text}'''"
    Path("my.toml").write_text(f"{texts}\n{parts}text = '''{text}'''")
    return plan_study(StudyRequest("my.toml", only), facts_in(None))


def specs(name: str, at: str = "") -> list[RunSpec]:
    return [trial.spec for trial in study("").plans[name].trials if at in ("", *trial.values)]


def finish(name: str, at: str = "", accuracies: Sequence[float | None] = (0.8, 0.82, 0.81), **options: Any) -> None:
    for spec, accuracy in zip(specs(name, at), accuracies, strict=False):
        changes: dict[str, Any] = options | ({"error": DIVERGED} if accuracy is None else {})
        write_run(RUNS, spec, accuracy, **changes)


def analyzed(text: str, only: Sequence[str] = ()) -> Analysis:
    return analyze_study(study(text, only), RUNS, every_seed=True)


def filled(text: str, only: Sequence[str] = ()) -> str:
    return analyzed(text, only).summary.introduction


@pytest.mark.parametrize("name", QUANTITIES)
def test_what_is_not_run_is_said_to_be_so(name: str) -> None:
    both = " wide" if QUANTITIES[name].operands > 1 else ""
    assert filled(f"A {{{name} net{both}}} b, {{{name} batch at 10{both}}}.") == "A not run yet b, not run yet."
    finish("wide")
    assert filled(f"{{{name} net{both}}}") == "not run yet"


def test_a_conclusion_without_any_number_is_left_out() -> None:
    text = "A {accuracy net}, B {accuracy wide}."
    assert analyzed(text).summary.conclusion == ""
    finish("wide")
    assert analyzed(text).summary.conclusion.startswith("A not run yet, B ")
    assert analyzed("No number.").summary.conclusion == "No number."


def test_numbers_are_those_of_the_tables() -> None:
    finish("net", train_accuracy=0.9)
    finish("wide", accuracies=(0.7, 0.71, 0.69))
    finish("batch", "10", (0.6, 0.62, 0.61))
    text = "{accuracy net} | {train accuracy net} | {gap net} | {difference wide net} | {accuracy batch at 10}"
    found = analyzed(f"{text} | {{difference batch at 10 net}} | {{parameters net}} | {{time net}} | {{seeds wide}}")
    accuracy, train, gap, difference, level, of_level, parameters, time, seeds = found.summary.introduction.split(" | ")
    document = render_markdown(make_page(found.summary))
    for number in (accuracy, train, level):
        assert f" {number.replace(', n = 3', '')} |" in document
    for number in (gap, difference, of_level):
        assert re.fullmatch(r"[+-][\d.]+ \([+-][\d.]+ to [+-][\d.]+\) pp", number)
        assert f" {number.removesuffix(' pp')} |" in document
    assert f" {parameters} |" in document
    assert f" {time} |" in document
    assert seeds == "3"


def test_a_difference_from_a_baseline_has_the_interval_of_its_table() -> None:
    """It is wider than that of two runs: the intervals of the table hold together. A run is in no such table."""
    finish("net")
    for at, accuracies in (("10", (0.6, 0.62, 0.61)), ("40", (0.7, 0.75, 0.73))):
        finish("batch", at, accuracies)
    pairs = ("batch at 10 batch at 20", "batch at 20 batch at 10", "net batch at 10", "batch at 10 batch at 40")
    shown, turned, run, others = filled("|".join(f"{{difference {pair}}}" for pair in pairs)).split("|")
    (ablation,) = analyzed("").summary.ablations
    ten, twenty, forty = (level.group for level in ablation.levels)
    assert ten
    assert twenty
    assert forty
    assert shown == f"{tables.ablation(ablation).rows[0][-1]} pp"
    assert shown != f"{_points(difference_of(ten, twenty))} pp"
    assert turned == f"{_points(difference_of(twenty, ten, comparisons=2))} pp"
    assert run == f"{_points(difference_of(twenty, ten))} pp"
    assert others == f"{_points(difference_of(ten, forty))} pp"


def test_a_difference_is_that_of_the_ablation_that_it_names() -> None:
    """Another one with the same pair, which comes first, has more levels, so wider intervals."""
    again = PARTS.partition("[ablations.batch]")[2].partition("[[")[0].replace("10, 20, 40", "10, 20")
    for at, accuracies in (("10", (0.6, 0.62, 0.61)), ("20", (0.5, 0.55, 0.51)), ("40", (0.7, 0.75, 0.73))):
        finish("batch", at, accuracies)
    text = "{difference batch at 10 batch at 20}|{difference few at 10 few at 20}|{difference batch at 10 few at 20}"
    parts = PARTS.replace('["batch"]', '["batch", "few"]').replace("[[", f"[ablations.few]{again}[[", 1)
    summary = analyze_study(study(text, parts=parts), RUNS, every_seed=True).summary
    many, few = (f"{tables.ablation(each).rows[0][-1]} pp" for each in summary.ablations)
    assert many != few
    assert summary.introduction.split("|") == [many, few, few]


def test_two_names_of_one_group_have_no_difference() -> None:
    finish("net")
    assert filled("{difference net batch at 20}") == "unknown (both are the same group)"


def _points(found: Estimate | None) -> str:
    assert found
    return found.in_signed_pp()


def test_epochs_and_best_epochs() -> None:
    finish("net")
    assert filled("{epochs net} {best epoch net}") == "2 2"


def test_a_number_begins_no_list() -> None:
    """A list that begins with 1 would end the paragraph."""
    finish("net", accuracies=(0.8,))
    assert filled("We used\n{seeds net}. And\n> {seeds net}) {seeds net}. c") == "We used\n1\\. And\n> 1\\) 1. c"


def test_a_difference_without_an_interval_says_why() -> None:
    finish("net")
    finish("wide", accuracies=(0.7,))
    assert filled("{difference wide net}") == "unknown (one seed gives no estimate of the variation between seeds)"
    assert "single run" in filled("{accuracy wide}")


def test_a_diverged_seed_is_counted_and_a_diverged_run_has_no_number() -> None:
    finish("net", accuracies=(0.8, None, 0.81))
    finish("wide", accuracies=(None, None, None))
    text = filled("{accuracy net} | {accuracy wide} | {difference net wide} | {parameters wide} | {best epoch wide}")
    net, wide, difference, parameters, best = text.split(" | ")
    assert net.endswith(", n = 2); 1 of 3 seeds diverged")
    assert (wide, difference, best) == ("3 of 3 seeds diverged",) * 3
    assert parameters.replace(",", "").isdigit()


def test_a_part_that_was_not_asked_for_is_not_in_the_report() -> None:
    finish("net")
    finish("wide")
    text = "{seeds net} | {accuracy wide} | {difference wide net} | {accuracy batch at 10}"
    assert filled(text).startswith("3 | ")
    (section,) = analyzed(text, ["net"]).summary.sections
    assert section.text == "3 | not in this report | not in this report | not in this report"


def test_a_report_of_some_parts_has_no_conclusion_about_all() -> None:
    summary = analyzed("{accuracy net}", ["net", "wide"]).summary
    assert (summary.introduction, summary.conclusion) == ("", "")
