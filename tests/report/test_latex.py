"""The tables for papers: what they hold, what is escaped, and that TeX compiles them with nothing sticking out."""

import re
import shutil
import subprocess
from itertools import product
from pathlib import Path
from string import punctuation

import pytest

import vitreport
from tests.records import spec, write_seeds
from tests.report.rendering import GOLDEN
from vitreport.analysis.claims import Claim
from vitreport.analysis.summarize import summarize
from vitreport.records.folders import run_folders
from vitreport.report.blocks import Table
from vitreport.report.latex import _latex, _latex_table, render_latex
from vitreport.report.sections import Page, make_page

RUNS = Path("runs")
REAL = Path(__file__).parents[2] / "runs"
UNICODE = shutil.which("lualatex") or shutil.which("xelatex")
ENGINE = shutil.which("pdflatex") or UNICODE
DOCUMENT = r"""
\documentclass{article}
\usepackage{array,booktabs,longtable}
\begin{document}
\input{tables}
\end{document}
"""
needs_tex = pytest.mark.skipif(not ENGINE, reason="there is no pdflatex or lualatex")


def captions(text: str) -> list[str]:
    return re.findall(r"^\\caption\[\{(.*?)\}\]", text, re.MULTILINE)


def compiled(text: str, engine: str | None = ENGINE) -> str:
    """The log of TeX, which neither finds a fault nor draws a picture."""
    Path("tables.tex").write_text(text, encoding="utf-8")
    Path("paper.tex").write_text(DOCUMENT, encoding="utf-8")
    command = [str(engine), "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    log = Path("paper.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-3000:]
    return log


def hostile() -> Page:
    """Four datasets whose names are commands of TeX or in other scripts, and sixty claims about one of them."""
    seen = 'a_%&b#{c}~^d"<f>|$x$ Żółć ąðß 猫β—½ «q» 100%_of_everything_in_one_word'
    for dataset in (seen, "*starred", "[2pt]", "\N{CYRILLIC SMALL LETTER YA}"):
        write_seeds(RUNS, [0.5, 0.52], dataset=dataset, train={"epochs": 2})
        write_seeds(RUNS, [0.5, 0.52], model="swin", dataset=dataset, train={"epochs": 2})
    group = spec(dataset="*starred", train={"epochs": 2}).run_id.removesuffix("-s0")
    claims = [Claim(rf"{seen} \input{{x}} {number}", "50%", "a_b", group, value=0.5) for number in range(60)]
    return make_page(summarize(run_folders(RUNS)), claims)


def test_a_study_has_its_comparisons_ablations_and_claims(page: Page) -> None:
    text = render_latex(page)
    assert captions(text) == [
        "Test accuracy of each architecture on each dataset",
        "Test accuracy: Architectures on CIFAR-10",
        r"Test accuracy of Perceiver IO on CIFAR-10 by batch\_size",
        r"Test accuracy of Swin Transformer on CIFAR-10 by learning\_rate",
        "Published and measured",
    ]
    claims = text.partition("Published and measured")[2]
    assert r"Perceiver IO on CIFAR-10 & 56.2\% & 56.3\% (54.8~to~57.9, n~=~3) & undecided" in claims
    assert "there is no run" not in claims


def test_chosen_groups_alone_are_shown() -> None:
    for rate in (0.1, 0.2, 0.3):
        options = {"optimizer": {"learning_rate": rate}, "train": {"epochs": int(10 * rate)}}
        write_seeds(RUNS, [0.5, 0.52], model="swin", **options)
    chosen = [group.id for group in summarize(run_folders(RUNS)).groups if group.fields["train.epochs"] < 3]
    text = render_latex(make_page(vitreport.analyze(RUNS, chosen)))
    assert captions(text)[1] == "Test accuracy: Swin Transformer on CIFAR-10"
    assert re.findall(r"^(\S+ Transformer|learning.*?) &", text, re.MULTILINE) == [
        "Swin Transformer",
        r"learning\_rate 0.2, epochs 2",
    ]


def test_the_caption_says_how_many_seeds_there_are_and_what_the_interval_covers() -> None:
    analysis = vitreport.analyze_study("digits", REAL)
    first, *others = re.findall(r"^\\caption.*", render_latex(make_page(analysis.summary)), re.MULTILINE)
    assert r"95\% confidence intervals (3~seeds each): over seeds and test images." in first
    assert "They account for the choice of seeds and of test images" in first
    assert all("(3~seeds each): over seeds and test images" in each for each in others)


@pytest.mark.parametrize("first", ["[2pt]", "*"])
def test_no_cell_is_an_argument_of_the_line_break_before_it(first: str) -> None:
    rows = _latex_table(Table("", ("value", "n"), (("a", "1"), (first, "2")), "lr"), "").splitlines()
    assert rf"{{}}{first} & 2 \\" in rows


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("50%_a & #1 {b}", r"50\%\_a \& \#1 \{b\}"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("e\N{COMBINING ACUTE ACCENT} ą Ж 猫 β \x1b", "é ą Ж 猫 β ?"),
        ("-1.5 (-2.0 to +3.0, n = 3)", "$-$1.5 ($-$2.0~to~+3.0, n~=~3)"),
        ("--set a-b ---", r"-\/-set a-b -\/-\/-"),
        ("?` !` ,, '' `` ?! a,b", r"?\/` !\/` ,\/, '\/' `\/` ?! a,b"),
        ("<< >>", r"\textless{}\/\textless{} \textgreater{}\/\textgreater{}"),
    ],
)
def test_text_is_escaped(text: str, written: str) -> None:
    assert _latex(text) == written


def test_labels_are_unique() -> None:
    labels = re.findall(r"\\label\{(.*?)\}", render_latex(hostile()))
    assert len(labels) == len(set(labels)) > 5
    assert [label for label in labels if not re.fullmatch("tab:[a-z0-9-]+", label)] == []


@needs_tex
@pytest.mark.parametrize("source", ["fixture", "digits"])
def test_tables_compile_and_nothing_sticks_out(source: str) -> None:
    text = (GOLDEN / "study.tex").read_text(encoding="utf-8")
    if source == "digits":
        text = render_latex(make_page(vitreport.analyze(REAL)))
    log = compiled(text)
    assert "Overfull" not in log
    assert "Float too large" not in log


@pytest.mark.skipif(not UNICODE, reason="there is no lualatex or xelatex")
def test_hostile_names_compile_and_a_long_table_has_several_pages() -> None:
    text = render_latex(hostile())
    assert text.count(r"\begin{longtable}") == 1
    log = compiled(text, UNICODE)
    assert "Float too large" not in log
    assert "[4" in log, "the fourth page"


@needs_tex
def test_signs_compile() -> None:
    compiled("\n\n".join(_latex("".join(pair)) for pair in product(punctuation, repeat=2)))
