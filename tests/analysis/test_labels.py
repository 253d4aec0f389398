"""Ablations of one architecture and dataset that vary the same stand under headings of their own."""

from pathlib import Path

import pytest

from tests.analysis.designs import design
from tests.records import spec, write_run, write_seeds
from vitreport.analysis.references import subject_of
from vitreport.analysis.summarize import Outline, summarize
from vitreport.analysis.summary import Summary
from vitreport.records.folders import run_folders
from vitreport.report.latex import render_latex
from vitreport.report.markdown import render_markdown
from vitreport.report.sections import make_page

RUNS = Path("runs")
Cells = tuple[tuple[tuple[str, ...], str], ...]


def subjects(summary: Summary) -> list[str]:
    return [subject_of(ablation) for ablation in summary.ablations]


def cells(*sizes: int, epochs: int = 4) -> Cells:
    """A sweep over batch sizes, with its runs."""
    found = []
    for size in sizes:
        own = spec(train={"batch_size": size, "epochs": epochs})
        if not (RUNS / own.run_id).exists():
            write_run(RUNS, own, 0.5)
        found.append(((str(size),), own.run_id))
    return tuple(found)


def swept(*sweeps: Cells) -> Summary:
    designs = [
        design(("batch_size",), each, each[0][0], identifier=f"mine-{number:08x}") for number, each in enumerate(sweeps)
    ]
    return summarize(run_folders(RUNS), Outline(tuple(designs)))


def test_a_grid_that_nobody_planned_says_how_its_lines_differ_from_the_representative() -> None:
    for size in (16, 32):
        for rate in (0.001, 0.01):
            write_seeds(RUNS, [0.5, 0.51], train={"batch_size": size}, optimizer={"learning_rate": rate})
    summary = summarize(run_folders(RUNS))
    assert sorted(subjects(summary)) == [
        "Perceiver IO on CIFAR-10 by batch_size",
        "Perceiver IO on CIFAR-10 by batch_size, at learning_rate 0.001",
        "Perceiver IO on CIFAR-10 by learning_rate",
        "Perceiver IO on CIFAR-10 by learning_rate, at batch_size 32",
    ]
    page = make_page(summary)
    assert len({ablation.name for ablation in summary.ablations}) == 4
    assert len({figure.title for figure in page.figures if figure.kind == "ablation"}) == 4
    for document in (render_markdown(page, assets="a/"), render_latex(page)):
        told = document.replace("\\", "")
        assert [subject for subject in subjects(summary) if subject not in told] == []
    names = {ablation.name for ablation in summary.ablations}
    assert names <= {finding.place for finding in page.findings}


def test_one_alone_holds_nothing_worth_telling() -> None:
    cells(16, 32)
    assert subjects(summarize(run_folders(RUNS))) == ["Perceiver IO on CIFAR-10 by batch_size"]


@pytest.mark.parametrize(("sizes", "epochs"), [((16, 32), 6), ((16, 64), 4)])
def test_two_sweeps_of_one_name_are_told_apart(sizes: tuple[int, ...], epochs: int) -> None:
    """By their ids."""
    expected = ["sweep 00000000", "sweep 00000001"]
    summary = swept(cells(16, 32), cells(*sizes, epochs=epochs))
    of_sweeps = [ablation for ablation in summary.ablations if ablation.source == "sweep"]
    assert [ablation.qualifier for ablation in of_sweeps] == expected
    assert [ablation.name for ablation in of_sweeps] == [f"mine, {each}" for each in expected]
    assert len(set(subjects(summary))) == len(summary.ablations)
