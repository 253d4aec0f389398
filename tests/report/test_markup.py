"""Foreign text stays literal text in GitHub-flavoured Markdown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from vitreport.report.formats.markup import block, code, literal, table
from vitreport.report.tables import Code, Table
from vitreport.text import printable

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
]
TEXTS = st.text(max_size=40) | st.sampled_from(HOSTILE)


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
    tokens = MARKDOWN.parse(table(Table(("one", "two"), ((first, Code(f"x{second}")),), texts=2)))
    cells = [text_of([token]) for token in tokens if token.type == "inline"]
    assert cells == ["one", "two", plain(first), plain(f"x{second}")]


@given(TEXTS)
def test_as_code(text: str) -> None:
    assert text_of(MARKDOWN.parse(f"x {code(f'x{text}')}")) == f"x {plain(f'x{text}')}"


@given(TEXTS)
def test_as_a_block(text: str) -> None:
    (fence,) = MARKDOWN.parse(block(f"x{text}x", "sh"))
    assert fence.content == "\n".join(printable(line) for line in f"x{text}x".splitlines()) + "\n"


@pytest.mark.parametrize("text", ["56.3% ± 1.5 (n = 3)", "-2.2 (-3.4 to -0.9)", "batch_size 32", "perceiver-io"])
def test_numbers_and_names_stay_as_they_are(text: str) -> None:
    assert literal(text) == text


@pytest.mark.parametrize("text", ["https://example.org", "www.example.org", "me@example.org", ":smile:", "$x$"])
def test_what_github_would_link_or_draw_is_parted(text: str) -> None:
    assert "<!-- -->" in literal(text)
    assert text_of(MARKDOWN.parse(literal(text))) == text
