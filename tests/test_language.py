"""The texts of the project avoid phrases that readers stumble over."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BANNED = (
    "goes on with",
    "anew",
    "for want of",
    "is told",
    "are told",
    "stands for",
    "stands twice",
    "by itself",
    "of one's own",
    "of the user's own",
    "less the baseline",
    "train less test",
    "what is so",
    "is none of",
)
PHRASE = re.compile(rf"\b({'|'.join(BANNED)})\b", re.IGNORECASE)


def strings_of(file: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module with its line: docstrings, help texts, errors, sentences."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def texts() -> Iterator[tuple[str, str]]:
    for file in sorted((ROOT / "vitreport").rglob("*.py")):
        for line, text in strings_of(file):
            yield f"{file.relative_to(ROOT)}:{line}", text
    others = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("templates/*"),
        *ROOT.rglob("vitreport/**/*.toml"),
    ]
    for file in sorted(others):
        yield str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")


def found_in(text: str) -> list[str]:
    return PHRASE.findall(" ".join(text.split()))


def test_no_text_has_a_banned_phrase() -> None:
    found = {where: phrases for where, text in texts() if (phrases := found_in(text))}
    assert found == {}


@pytest.mark.parametrize(
    "text", ["The run goes on\n    with it.", "Train ANEW", "it stands for all", "a retry by itself"]
)
def test_a_banned_phrase_is_found_across_lines_and_in_capitals(text: str) -> None:
    assert found_in(text)


def test_the_texts_of_every_kind_are_read() -> None:
    places = {where.split(":")[0] for where, _ in texts()}
    assert {"README.md", "docs/quickstart.md", "vitreport/cli/main.py", "templates/report.md.j2"} <= places
    assert any(place.endswith(".toml") for place in places)
