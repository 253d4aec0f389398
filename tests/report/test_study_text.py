"""The texts of a study in every format: where they are, and that they can do nothing but be read."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pydantic import TypeAdapter

from tests.records import write_seeds
from tests.report.parsed import Element, parse
from tests.report.test_linter import complaints_of
from vitreport.analysis.summarize import summarize
from vitreport.analysis.summary import Section, Summary
from vitreport.report import blocks
from vitreport.report.blocks import Bullets, Paragraph, Prose, without_empty
from vitreport.report.html import _printed, render_html
from vitreport.report.inject import BEGIN, END, write_document
from vitreport.report.json_format import render_json
from vitreport.report.markdown import render_markdown
from vitreport.report.markdown_text import render_blocks
from vitreport.report.render import render
from vitreport.report.sections import FOLDED, Page, make_page
from vitreport.spec import study_text
from vitreport.spec.study_text import read_prose

TEXT = """We compare *two* things, see [the paper](https://example.org/a?b=1&c="2").\x20\x20
This is a new line.

### Data

| set | accuracy |
|:---|---:|
| a | 97.0% (95.0 to 98.0, n = 3) |

```sh
vitreport train swin  # <b> {x}
n = 3
```

> A quote of several words, and a number: -1.9 (-7.2 to +3.4) pp.

A number in code: `n = 3`.

- one
- two"""
OTHER = TEXT.replace("Data", "Numbers")
HOSTILE = """<script>alert(1)</script>

[a](javascript:alert(1)) <javascript:alert(1)> ![b](https://example.org/b.png "t") <b onclick="x">c</b> <table> `<pre>`

" style="text-align:right" <th style="x">
"""
TAGS = {"p", "h3", "ul", "ol", "li", "pre", "code", "em", "strong", "s", "a", "blockquote", "hr", "br"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td", "div"}
NOT_ALLOWED = {"h1", "h2", "h4", "h5", "h6", "img"}
PIECES = [
    *("a", " ", "\n", "\n\n", "- ", "1. ", "### ", "> ", "```", "~~~", "`", "*", "**", "_", "|", "|---|", "    "),
    *("[a]", "(b)", "(javascript:x)", "[a]: data:x", "<", ">", "<b>", "</b>", "<!--", "-->", "<javascript:x>", "---"),
    *("\\", "&lt;", "&#106;", '"', "![", "===", "##", "<script>", "</main>", "{{", "}}", "+ ", "* * *", "~~"),
    *("{accuracy a}", "<{accuracy a}", "<b {accuracy a}>", "](//x)", "> " * 99, "[" * 99, "onclick=x>", "  \n"),
]


@pytest.fixture
def summary() -> Summary:
    seeds = {"perceiver-io": [0.5, 0.52], "swin": [0.6]}
    written = (write_seeds(Path("runs"), each, model=name, train={"epochs": 2}) for name, each in seeds.items())
    return summarize([folder for folders in written for folder in folders])


@pytest.fixture
def page(summary: Summary) -> Page:
    first, *others = summary.sections
    not_run = Section("Later", "What comes?", ("later",), (), text="The rest is *not run yet*.")
    sections = (replace(first, question="How good?", text=OTHER), not_run, *others)
    return make_page(replace(summary, sections=sections, introduction=TEXT, conclusion="It **works**."))


def section(root: Element, anchor: str) -> Element:
    return next(each for each in root.all("section") if each.attributes["aria-labelledby"] == anchor)


def parts(element: Element) -> Iterator[str]:
    yield from (each.tag for each in element.children if isinstance(each, Element))


def test_texts_are_in_their_places(page: Page) -> None:
    document = render_markdown(page)
    headings = re.findall(r"^## (.*)$", document, re.MULTILINE)
    assert headings[:3] == ["Introduction", page.summary.sections[0].title, "Not run yet"]
    first = document.partition("## Introduction")[0]
    assert page.headline[0] in first
    assert "| architecture |" in first
    assert f"## Introduction\n\n{TEXT}\n\n<!-- -->\n\n## " in document
    assert f"How good?\n\n{OTHER}\n\n<!-- -->\n\n- " in document, "a list of findings is not a part of the author's"
    assert "The rest is" not in document, "all that it speaks of is not run"
    assert "## Not run yet\n\n- “Later”: What comes?\n" in document
    root = parse(render_html(page))
    assert list(parts(section(root, "introduction"))) == ["h2", "p", "h3", "div", "pre", "blockquote", "p", "ul"]


def test_the_generated_conclusion_is_folded_below_that_of_the_author(page: Page) -> None:
    document = render_markdown(page).partition("## Conclusion\n\n")[2]
    assert document.startswith(f"It **works**.\n\n<details>\n<summary>{FOLDED}</summary>\n\n### ")
    without = make_page(replace(page.summary, conclusion=""))
    assert render_markdown(without).partition("## Conclusion\n\n")[2].startswith("### ")
    root = section(parse(render_html(page)), "conclusion")
    assert list(parts(root)) == ["h2", "p", "details"]
    assert root.all("strong")[0].text == "works"


def test_the_methods_and_the_footer_say_what_the_author_wrote(page: Page, summary: Summary) -> None:
    wrote = "The study's author wrote the introduction, the text below the questions and the conclusion; "
    assert f"- {wrote}the numbers in these texts come from the records. Every other number," in render_markdown(page)
    footers = [parse(render_html(each)).all("footer")[0].text for each in (page, make_page(summary))]
    assert footers[0].startswith("Except what the study's author wrote, every number, ")
    assert footers[1].startswith("Every number, ")
    assert "study's author" not in render_markdown(make_page(summary))


def test_markdown_becomes_html_for_all_screens(page: Page) -> None:
    root = section(parse(render_html(page)), "introduction")
    (link,) = root.all("a")
    assert link.attributes == {"href": "https://example.org/a?b=1&c=%222%22"}
    (scroll,) = root.all("div")
    assert {"class": "scroll", "tabindex": "0"}.items() <= scroll.attributes.items()
    assert [(each.tag, each.attributes) for each in root.all("th", "td")] == [
        ("th", {"scope": "col"}),
        ("th", {"scope": "col", "class": "number"}),
        ("td", {}),
        ("td", {"class": "number"}),
    ]
    (code,) = root.all("pre")
    assert (code.attributes, code.text) == ({"tabindex": "0"}, "vitreport train swin  # <b> {x}\nn = 3\n")
    assert root.all("code")[1].text == "n = 3"
    assert "-1.9 (-7.2\xa0to\xa0+3.4)\xa0pp" in root.text


def test_a_hostile_text_adds_no_tag_that_acts(summary: Summary) -> None:
    """A study file with such a text is refused; here it got through."""
    hostile, tame = (
        parse(render_html(make_page(replace(summary, introduction=text)))) for text in (HOSTILE, "tame\n\ntame\n\ntame")
    )
    added = [each for each in section(hostile, "introduction") if each.tag != "p"]
    assert {each.tag for each in added} <= {"section", "h2", "code", "img"}
    assert not [name for each in added for name in each.attributes if name.startswith("on") or name == "style"]
    assert "<script>alert(1)</script>" in section(hostile, "introduction").text
    assert len(hostile.all("script")) == len(tame.all("script"))


@given(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.sampled_from(["not run yet", "unknown", "2", "97.0% (95.0 to 98.0, n = 3)", "-1.9 (-7.2 to +3.4) pp", "1 to 2"]),
)
def test_what_a_study_may_say_stays_in_its_place(text: str, value: str) -> None:
    """A text that is not refused ends where it ends, in Markdown as in HTML; no text links to what runs."""
    pieces, problems = read_prose(TypeAdapter(study_text.Prose).validate_python(text), {"a": [""]})
    block = Prose("".join(piece if isinstance(piece, str) else value for piece in pieces))
    below = (Bullets(("below",)), blocks.Section("Next", "next", (Paragraph("below"),)))
    document = render_blocks([*without_empty([block]), *below], None)
    root = parse(f"<main>{_printed(block)}</main>")
    assert {each.tag for each in root} - {"#root", "main"} <= TAGS | (NOT_ALLOWED if problems else set())
    targets = [each.attributes["href"] for each in root.all("a")]
    assert not [each for each in targets if re.match(r"(javascript|data|vbscript):", each)]
    if not problems:
        assert not [each for each in targets if each.startswith("//")]
        tokens = MarkdownIt("js-default", {"html": True}).parse(document)
        lists = [each for each in tokens if each.type == "bullet_list_open" and each.level == 0]
        assert len(lists) == len([each for each in root.all("ul") if each in root.all("main")[0].children]) + 1
        (heading,) = (each for each in tokens if each.type == "heading_open" and each.tag == "h2")
        assert heading.level == 0


def test_json_has_the_texts(page: Page) -> None:
    found = json.loads(render_json(page))
    assert (found["introduction"], found["conclusion"]) == (TEXT, "It **works**.")
    assert [each["text"] for each in found["sections"]][:2] == [OTHER, "The rest is *not run yet*."]
    assert found["contents"][1] == {"title": "Introduction", "anchor": "introduction"}


def test_a_report_with_texts_in_a_readme_is_clean(page: Page) -> None:
    assert complaints_of(render_markdown(page)) == []
    readme = Path("README.md")
    readme.write_text(f"# A study\n\n{BEGIN}\n{END}\n")
    write_document(readme, render(page, is_part=True), is_part=True)
    assert "\n### Introduction\n" in readme.read_text()
    assert "\n#### Data\n" in readme.read_text()
    assert complaints_of(readme.read_text()) == []
