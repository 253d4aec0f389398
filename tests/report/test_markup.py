"""Foreign text stays literal text in GitHub-flavoured Markdown."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from vitreport.formatting import printable
from vitreport.report.blocks import Code, Table
from vitreport.report.inject import BEGIN, END, as_part, drift, without_marks, write_document
from vitreport.report.markdown_text import block, code, literal, table

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False}).enable("table")
HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "[x](javascript:alert(1))",
    "![x](https://example.org/x.png)",
    "https://example.org and www.example.org",
    "me@example.org",
    "*a* _b_ __c__ ~~d~~ `e` batch_size",
    "# heading",
    "- item",
    "1. item",
    "===",
    "&amp; &#60;",
    "a\nb\r\nc",
    "\x1b[31mred\x1b[0m",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
    "<!-- vitreport:end -->",
    "$x$ :smile: \\",
    "</details>",
    "``` ~~~",
    "\ud800",
    "<!-- vitreport:begin -->",
    "# a\n<!-- vitreport:end -->\n# b",
]
REFERENCES = [
    "Issue #12",
    "GH-12",
    "gh-12",
    "user/repository#1",
    "@name",
    "@organisation/team",
    "user@0123abc",
    "user/repository@0123abcd",
    "d91c8aac",
    "0123456789abcdef0123456789abcdef01234567",
    ":smile:",
    ":+1:",
    ":-_:",
    ":100:",
    "https://example.org",
    "www.example.org",
]
REFERENCE = re.compile(
    r"#\d|\b(?i:gh)-\d|@\w|\b(?=\d*[a-f])[0-9a-f]{7,40}\b|:(?:[\w+-]*[a-z+-][\w+-]*|100|1234):|://|\bwww\.", re.ASCII
)
"""What GitHub makes a link, a mention or an emoji of, in an issue or a comment."""
TEXTS = st.text(max_size=40) | st.text("#@:/-GHabc123 _w.", max_size=20) | st.sampled_from(HOSTILE + REFERENCES)


def text_of(tokens: list[Token]) -> str:
    """What a reader sees: text and code, but no comment; any other kind of token is shown by its name."""
    shown = ""
    for token in tokens:
        if token.type in ("text", "code_inline", "fence"):
            shown += token.content
        elif token.type == "inline":
            shown += text_of(token.children or [])
        elif token.type == "html_inline" and token.content == "<!-- -->":
            continue
        elif token.type not in ("paragraph_open", "paragraph_close"):
            shown += f"<{token.type}>"
    return shown


def plain(text: str) -> str:
    return " ".join(printable(text).split())


@given(TEXTS)
def test_in_a_sentence(text: str) -> None:
    assert text_of(MARKDOWN.parse(f"x {literal(text)} x")) == f"x {plain(text)} x"


@given(TEXTS)
def test_at_the_start_of_a_line(text: str) -> None:
    assert text_of(MARKDOWN.parse(literal(text))) == plain(text)


@given(TEXTS, TEXTS)
def test_in_a_table(first: str, second: str) -> None:
    tokens = MARKDOWN.parse(table(Table("", ("one", "two"), ((first, Code(f"x{second}")),), "ll")))
    cells = [text_of([token]) for token in tokens if token.type == "inline"]
    assert cells == ["one", "two", plain(first), plain(f"x{second}")]


@given(TEXTS)
def test_as_code(text: str) -> None:
    assert text_of(MARKDOWN.parse(f"x {code(f'x{text}')}")) == f"x {plain(f'x{text}')}"


@given(TEXTS)
def test_as_a_block(text: str) -> None:
    (fence,) = MARKDOWN.parse(block(f"x{text}x", "sh"))
    assert fence.content == "\n".join(printable(line) for line in f"x{text}x".splitlines()) + "\n"


@given(TEXTS)
def test_github_refers_to_nothing(text: str) -> None:
    """No piece of text between two tags is one that GitHub makes a link, a mention or an emoji of."""
    _, inline, _ = MARKDOWN.parse(f"x {literal(text)} x")
    pieces = [token.content for token in inline.children or [] if token.type == "text"]
    assert [piece for piece in pieces if REFERENCE.search(piece)] == []


@pytest.mark.parametrize("text", REFERENCES)
def test_what_github_refers_to_is_known_here(text: str) -> None:
    assert REFERENCE.search(text)


@given(st.lists(TEXTS, min_size=1, max_size=4).map("\n".join))
def test_no_text_is_taken_for_a_mark(text: str) -> None:
    """A report that is put into a file can be put there again, whatever its names, commands and titles are."""
    file = Path("README.md")
    file.write_text(f"# A\n\n{BEGIN}\n{END}\n")
    document = without_marks(as_part(f"# {literal(text)}\n\n{code(text)}\n\n{block(text)}\n"))
    for _ in range(2):
        write_document(file, document, is_part=True)
        assert drift(file, document) == ""
    assert [token.tag for token in MARKDOWN.parse(file.read_text()) if token.type == "heading_open"] == ["h1", "h2"]


@pytest.mark.parametrize(
    ("document", "part"),
    [
        ("# A\n\n## B\n\n```sh\n# comment\n```\n\n### C\n", "## A\n\n### B\n\n```sh\n# comment\n```\n\n#### C\n"),
        ("## B\n\n### C\n", "## B\n\n### C\n"),
        ("# A\n\n````\n# x\n```\n# y\n````\n", "## A\n\n````\n# x\n```\n# y\n````\n"),
        ("#12 is no heading\n", "#12 is no heading\n"),
        ("# A\n\n~~~\n# x\n```\n~~~~\n\n## B\n", "## A\n\n~~~\n# x\n```\n~~~~\n\n### B\n"),
        ("# A\n\n- ```\n  # x\n  ```\n\n    # y\n\n###### F\n", "## A\n\n- ```\n  # x\n  ```\n\n    # y\n\n###### F\n"),
        ("# A\n\n``` # x\n# y\n`````\n\n ## B\n", "## A\n\n``` # x\n# y\n`````\n\n ### B\n"),
        ("~~~\n# x\n~~~\n\n## B\n", "~~~\n# x\n~~~\n\n## B\n"),
    ],
)
def test_headings_of_a_part_are_a_level_down(document: str, part: str) -> None:
    assert as_part(document) == part


@pytest.mark.parametrize(
    "text",
    ["56.3% (54.8 to 57.8, n = 3)", "0:10:00", "1504662", "-2.2 (-3.4 to -0.9)", "batch_size 32", "perceiver-io"],
)
def test_numbers_and_names_stay_as_they_are(text: str) -> None:
    assert literal(text) == text


@pytest.mark.parametrize("text", ["https://example.org", "www.example.org", "me@example.org", ":smile:", "$x$"])
def test_what_github_would_link_or_draw_is_parted(text: str) -> None:
    assert "<!-- -->" in literal(text)
    assert text_of(MARKDOWN.parse(literal(text))) == text
