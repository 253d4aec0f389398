"""A section is one function and one line in the list: every format then has it, in its place."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.records import spec, write_run
from tests.report.parsed import parse
from vitreport.analysis.summarize import summarize
from vitreport.report import sections as pages
from vitreport.report.blocks import Block, Paragraph
from vitreport.report.html import render_html
from vitreport.report.json_format import render_json
from vitreport.report.markdown import render_markdown
from vitreport.report.sections import SECTIONS, Page, make_page


def energy(page: Page) -> Iterator[Block]:
    yield Paragraph(f"The energy of {page.summary.runs} run.")


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    """With a section about energy, after the questions."""
    extended = [("Energy", "energy", energy), *SECTIONS]
    monkeypatch.setattr(pages, "SECTIONS", extended)
    return make_page(summarize([write_run(Path("runs"), spec(train={"epochs": 2}), 0.5)]))


def test_a_new_section_is_in_every_format(page: Page) -> None:
    headings = re.findall(r"^## (.*)$", render_markdown(page), re.MULTILINE)
    assert headings[:2] == ["Perceiver IO on CIFAR-10", "Energy"]
    assert "## Energy\n\nThe energy of 1 run.\n\n## " in render_markdown(page)
    root = parse(render_html(page))
    (contents,) = root.all("nav")
    assert [link.text for link in contents.all("a")][1:] == headings
    assert [link.attributes["href"] for link in contents.all("a")][2] == "#energy"
    (found,) = (each for each in root.all("section") if each.attributes["aria-labelledby"] == "energy")
    assert [" ".join(each.text.split()) for each in found.all("h2", "p")] == ["Energy", "The energy of 1 run."]
    listed = json.loads(render_json(page))["contents"]
    assert [each["title"] for each in listed][1:] == headings
    assert listed[2] == {"title": "Energy", "anchor": "energy"}


def test_a_section_that_says_nothing_is_left_out(page: Page) -> None:
    titles = {each["title"] for each in json.loads(render_json(page))["contents"]}
    assert {"Result", "Methods"} < titles
    assert not {"Published and measured", "Runs without a result", "Damaged records"} & titles
