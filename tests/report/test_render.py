"""The fixture study as documents: golden files, what GitHub makes of them, and the same bytes everywhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.records import spec, write_seeds
from tests.report.rendering import GOLDEN, GOLDEN_NAMES, documents
from vitreport.analysis.summarize import summarize
from vitreport.records.run import ErrorRecord
from vitreport.report.blocks import PICTURES, Details, Paragraph, Section, Table, table
from vitreport.report.markdown import render_markdown
from vitreport.report.markdown_text import render_blocks
from vitreport.report.sections import Page, make_page

RUNS = Path("runs")
ALLOWED_TAGS = {"picture", "source", "img", "details", "summary"}
CHILD = """
import sys
from pathlib import Path
from tests.report.rendering import documents, page_of
from vitreport.report.html import render_html
runs, few = map(Path, sys.argv[1:])
pages = [*documents(runs).values(), render_html(page_of(few))]
sys.stdout.buffer.write("".join(pages).encode())
"""


@pytest.fixture(scope="module")
def found(study_runs: Path) -> dict[str, str]:
    return documents(study_runs)


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_the_document_is_the_golden_one(found: dict[str, str], name: str) -> None:
    assert found[name] == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_same_records_give_the_same_bytes_everywhere(study_runs: Path) -> None:
    """Another terminal, locale, time zone, hash seed and order of files, records elsewhere, figures drawn anew."""
    copy, few = Path("elsewhere"), Path("few")
    copy.mkdir()
    for folder in sorted(study_runs.iterdir(), reverse=True):
        shutil.copytree(folder, copy / folder.name)
    write_seeds(few, [0.5, 0.52], train={"epochs": 2})
    one = {"TZ": "UTC", "LC_ALL": "C", "COLUMNS": "40", "NO_COLOR": "1", "PYTHONHASHSEED": "1"}
    other = {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "COLUMNS": "200", "FORCE_COLOR": "1", "PYTHONHASHSEED": "2"}
    assert rendered_by_a_child(study_runs, few, one) == rendered_by_a_child(copy, few, other)


def rendered_by_a_child(runs_dir: Path, few: Path, environment: dict[str, str]) -> bytes:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", CHILD, *(str(path.resolve()) for path in (runs_dir, few))]
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(command, cwd=root, env=inherited | environment, capture_output=True, timeout=120, check=True)
    return done.stdout


def test_it_is_markdown_that_github_renders(page: Page) -> None:
    """Tables of equal rows, images beside it with their alternative text, folds that close, no other raw HTML."""
    text = render_markdown(page, assets="study/")
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    raw = "".join(token.content for token in tokens if token.type == "html_block")
    assert set(re.findall(r"</?([a-z]+)", raw)) <= ALLOWED_TAGS
    assert raw.count("<details>") == raw.count("</details>") > 3
    drawn = [figure for figure in page.figures if figure.kind not in PICTURES]
    assert raw.count("<picture>") == raw.count("</picture>") == sum(len(each.files) // 2 for each in drawn)
    assert len(drawn) == len(page.figures) - len(PICTURES)
    assert [token.content for token in tokens if token.type == "html_inline"] == []
    assert "data:" not in raw
    images = re.findall(r'<img alt="([^"]*)" src="(study/[a-z0-9.-]+\.(?:svg|png))">', raw)
    assert len({source for _, source in images}) == len(images) == raw.count("<picture>") + len(PICTURES)
    assert len(re.findall(r"</picture>\n<picture>", raw)) > 3, "panels that a browser puts side by side"
    assert [alt for alt, _ in images if not re.search(r"\d", alt)] == []
    headings = [token.map for token in tokens if token.type == "heading_open"]
    assert len(headings) > 10
    assert sum(token.type == "table_open" for token in tokens) > 10


def test_the_lines_are_those_that_a_linter_wants(page: Page) -> None:
    """No blanks at ends, no two empty lines, one heading of the first level, blank lines around headings and fences."""
    text = render_markdown(page, assets="study/")
    lines = text.splitlines()
    assert [line for line in lines if line != line.rstrip() or "\t" in line] == []
    assert "\n\n\n" not in text
    assert text.endswith("\n")
    assert sum(line.startswith("# ") for line in lines) == 1
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).splitlines()
    for index, line in enumerate(outside):
        if line.startswith("#") and index:
            assert (outside[index - 1], outside[index + 1]) == ("", ""), line
        if line.startswith("|") and index and not outside[index - 1].startswith("|"):
            assert outside[index - 1] == "", line


def test_the_first_screen_is_short_and_answers(page: Page) -> None:
    screen = render_markdown(page).split("\n## ")[0]
    assert len(screen.splitlines()) < 30
    assert "The highest test accuracy is that of MLP-Mixer, 61.0% (60.0 to 62.0, single run)" in screen
    assert "not run" in screen
    assert "15 runs, 1 to 3 seeds per setting, " in screen


def test_without_figures_there_are_no_images(page: Page) -> None:
    assert "<picture>" not in render_markdown(page)


def test_foreign_names_are_literal_text() -> None:
    """A class, a device, an error and a dataset that hold markup and what a terminal obeys."""
    hostile = "<script>|[x](javascript:1)\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}`"
    own = spec(dataset="<b>|x", train={"epochs": 2})
    changes = {"device": hostile, "error": ErrorRecord(kind="internal", message=hostile)}
    write_seeds(Path("hostile"), [0.5, 0.6], dataset="<b>|x", train={"epochs": 2}, changes=changes)
    shown = make_page(summarize(sorted(Path("hostile").iterdir())), title=hostile)
    text = render_markdown(shown, assets="a/")
    html = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    assert own.data.dataset == "<b>|x"
    assert "<script" not in html
    assert "href" not in html.replace('href="#damaged-records"', "")
    assert not {"\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(text)
    assert "&lt;script&gt;|[x](javascript:1)" in html


def test_the_json_holds_all_that_is_said(page: Page, found: dict[str, str]) -> None:
    document = json.loads(found["study.json"])
    assert document["schema_version"] == 10
    assert document["headline"] == list(page.headline)
    assert len(document["architectures"]) == 4
    assert [finding["rule"] for finding in document["findings"]] == [finding.rule for finding in page.findings]


def test_no_cell_of_the_csv_is_a_formula() -> None:
    write_seeds(RUNS, [0.5], dataset="=cmd()", changes={"device": "@SUM(1)"})
    text = documents(RUNS)["study.csv"]
    assert "'=cmd()" in text
    assert "'@SUM(1)" in text


@pytest.mark.parametrize(
    ("count", "note"), [(100, "Note."), (101, "Note. Rows not shown: 1. The JSON report contains all rows.")]
)
def test_it_is_said_which_rows_are_left_out(count: int, note: str) -> None:
    assert table("Values", ("n",), [("1",)] * count, note="Note.").note == note


def test_captions_and_titles_are_escaped_once() -> None:
    content = Section("a & b", "a", (Details("c", (Paragraph("f"), Table("d & e", ("n",), (("1",),), "l"))),))
    text = render_blocks([content], None)
    assert "## a &amp; b\n" in text
    assert "\nd &amp; e:\n" in text
