"""The texts of the project avoid phrases that readers stumble over, and spell as PyTorch does."""

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
    "data sets?",
    "folders? of images",
)
BRITISH = ("behaviour", "centred?", "colour(?:s|ed)?", "favour", "grey", "labell(?:ed|ing)", r"normalis\w+", "sidak")
PHRASE = re.compile(rf"\b({'|'.join((*BANNED, *BRITISH))})\b", re.IGNORECASE)
TEXTS = (
    "*.md",
    "docs/**/*.md",
    ".github/**/*.yml",
    "templates/*",
    "vitreport/**/*.toml",
    "tests/cli/golden/*.txt",
    "tests/report/golden/*",
)
CODE = ("vitreport/**/*.py", "docs/conf.py", "noxfile.py")


def strings_of(file: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module with its line: docstrings, help texts, errors, sentences."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def is_written(file: Path) -> bool:
    """Whether people write the file; the documentation is built from such files."""
    return "_build" not in file.parts and file.parts[-2:] != ("reference", "spec.md")


def texts(root: Path) -> Iterator[tuple[str, str]]:
    """Every text that a reader of the project sees, with its place."""
    for file in sorted(file for pattern in CODE for file in root.glob(pattern)):
        for line, text in strings_of(file):
            yield f"{file.relative_to(root)}:{line}", text
    for file in sorted(file for pattern in TEXTS for file in root.glob(pattern) if is_written(file)):
        yield str(file.relative_to(root)), file.read_text(encoding="utf-8")


def found_in(text: str) -> list[str]:
    return PHRASE.findall(" ".join(text.split()))


def test_no_text_has_a_banned_phrase() -> None:
    found = {where: phrases for where, text in texts(ROOT) if (phrases := found_in(text))}
    assert found == {}


@pytest.mark.parametrize(
    "text", ["The run goes on\n    with it.", "Train ANEW", "it stands for all", "a retry by itself", "16-bit grey"]
)
def test_a_banned_phrase_is_found_across_lines_and_in_capitals(text: str) -> None:
    assert found_in(text)


@pytest.mark.parametrize("pattern", TEXTS)
def test_every_kind_of_text_exists_and_is_read(pattern: str, tmp_path: Path) -> None:
    file = next(ROOT.glob(pattern)).relative_to(ROOT)
    assert file.as_posix() in {where for where, _ in texts(ROOT)}
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("The user is\ntold.")
    assert [where for where, text in texts(tmp_path) if found_in(text)] == [file.as_posix()]


@pytest.mark.parametrize(
    "code",
    [
        '"""Return what is told."""',
        'def train():\n    """Train.\n\n    It starts\n    anew.\n    """',
        'typer.Option(help="A retry by itself.")',
        'raise ValueError(f"the value {value} "\n  f"stands twice", f"give {it}")',
        'RULES = {"key": ["train less test"]}',
    ],
)
def test_every_kind_of_string_is_read(code: str, tmp_path: Path) -> None:
    (tmp_path / "vitreport").mkdir()
    (tmp_path / "vitreport" / "module.py").write_text(code)
    assert any(found_in(text) for _, text in texts(tmp_path))
