"""The page as its file: structure, safety and the same bytes everywhere. A browser is asked in test_browser."""

import hashlib
import re
from base64 import b64encode
from itertools import pairwise
from pathlib import Path

import pytest

from tests.records import write_seeds
from tests.report.parsed import Element, parse
from vitreport.analysis.summarize import summarize
from vitreport.formatting import printable, unbroken
from vitreport.records.run import ErrorRecord
from vitreport.report.html import render_html
from vitreport.report.markdown import render_markdown
from vitreport.report.sections import Page, make_page

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=y> [x](javascript:1)\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}'\""
)


@pytest.fixture(scope="module")
def root(html: str) -> Element:
    return parse(html)


def test_headings_go_down_one_level_at_a_time(root: Element) -> None:
    levels = [int(heading.tag[1]) for heading in root.all("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert len(levels) > 12


def test_every_section_is_in_the_contents(root: Element) -> None:
    (contents,) = root.all("nav")
    targets = [link.attributes["href"].removeprefix("#") for link in contents.all("a")]
    assert targets == [section.attributes["aria-labelledby"] for section in root.all("section")]


def test_names_are_unique_and_every_reference_is_met(root: Element, html: str) -> None:
    names = [element.attributes["id"] for element in root if "id" in element.attributes]
    assert len(set(names)) == len(names)
    inner = set(re.findall(r'(?:href="|url\()#([^")]+)', html))
    labels = {name for each in root for name in each.attributes.get("aria-labelledby", "").split()}
    assert inner | labels <= set(names)


def test_tables_have_captions_and_scopes(root: Element) -> None:
    tables = root.all("table")
    assert len(tables) > 20
    for table in tables:
        assert table.all("caption")[0].text.strip()
        assert {header.attributes.get("scope") for header in table.all("th")} <= {"col", "row"}
        widths = {len(row.all("th", "td")) for row in table.all("tr")}
        assert len(widths) == 1


def test_headers_of_numbers_are_aligned_with_them(root: Element) -> None:
    for table in root.all("table"):
        rows = [[cell.attributes.get("class") for cell in row.all("th", "td")[1:]] for row in table.all("tr")]
        assert rows[0] == rows[1]


def test_every_figure_has_words(root: Element, page: Page) -> None:
    figures = root.all("figure")
    assert [figure.attributes["data-figure"] for figure in figures] != []
    assert {figure.attributes["data-figure"] for figure in figures} == {figure.name for figure in page.figures}
    for figure, element in ((f, e) for f in page.figures for e in figures if e.attributes["data-figure"] == f.name):
        assert any(each.attributes.get("aria-label") == figure.alt for each in element.all("div", "ol"))
        assert [each.text for each in element.all("figcaption")] == [figure.caption] * bool(figure.caption)
        seen = [svg for svg in element.all("svg") if "aria-hidden" not in svg.attributes]
        assert all(svg.attributes["role"] == "img" and svg.attributes["aria-label"] for svg in seen)


def test_it_asks_for_nothing(root: Element, html: str) -> None:
    """No address outside, nothing that loads, no style or handler in an attribute; images are in the file itself."""
    assert not {"img", "link", "iframe", "object", "embed", "base", "form"} & {each.tag for each in root}
    for element in root:
        assert not [name for name in element.attributes if name.startswith("on") or name in ("src", "srcset", "style")]
        own = "data:image/png;base64," if element.tag == "image" else "#"
        assert element.attributes.get("href", own).startswith(own)
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_the_policy_allows_this_style_and_these_scripts_alone(root: Element) -> None:
    meta = next(each for each in root.all("meta") if each.attributes.get("http-equiv") == "Content-Security-Policy")
    policy = dict(rule.split(" ", 1) for rule in meta.attributes["content"].split("; "))
    (style,) = root.all("style")
    theme, script = root.all("script")
    assert policy == {
        "default-src": "'none'",
        "style-src": sha256(style.text),
        "script-src": f"{sha256(theme.text)} {sha256(script.text)}",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def sha256(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_foreign_names_are_literal_text() -> None:
    """A class, a device, an error, a dataset and the title; the structure is that of the same page without them."""
    for folder, text in (("hostile", HOSTILE), ("tame", "tame")):
        changes = {"device": text, "error": ErrorRecord(kind="internal", message=text)}
        dataset = printable(text).replace("/", "|")[:60]
        write_seeds(Path(folder), [0.5, 0.6], dataset=dataset, train={"epochs": 2}, changes=changes)
    hostile, tame = (
        parse(render_html(make_page(summarize(sorted(Path(folder).iterdir())), title=title)))
        for folder, title in (("hostile", HOSTILE), ("tame", "tame"))
    )
    assert [each.tag for each in hostile] == [each.tag for each in tame]
    assert [sorted(each.attributes) for each in hostile] == [sorted(each.attributes) for each in tame]
    assert hostile.all("h1")[0].text == HOSTILE.replace("\x1b", "\ufffd").replace(
        "\N{RIGHT-TO-LEFT OVERRIDE}", "\ufffd"
    )
    assert not {"\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(hostile.text)


def test_it_says_what_the_markdown_says(root: Element, page: Page) -> None:
    """Every sentence, and every row of the first table, of the methods, the limits and the claims."""
    words = " ".join(root.text.split())
    for finding in page.findings:
        assert finding.sentence in words
    for verdict in page.verdicts:
        assert all(words.count(text) == 1 for text in verdict.claim.faults)
        assert verdict.why in words
    plain = render_markdown(page)
    assert [heading.text for heading in root.all("h2")[2:]] == re.findall(r"^## (.*)$", plain, re.MULTILINE)


def test_no_line_ends_within_an_equation(page: Page, html: str) -> None:
    said = next(finding.sentence for finding in page.findings if "n = " in finding.sentence)
    assert said not in html
    assert unbroken(said).replace("<", "&lt;") in html


def test_without_runs_there_is_a_page() -> None:
    found = parse(render_html(make_page(summarize([]))))
    assert "There is no finished run yet." in found.text
    assert found.all("figure") == []
