"""The house rules that a machine can check."""

import ast
import subprocess
import sys
from pathlib import Path

import vitreport

PACKAGE = Path(vitreport.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE_LENGTH = 300


def test_imports_go_down_the_floors() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


def test_a_file_is_short_and_says_what_it_is_for() -> None:
    texts = {file: file.read_text(encoding="utf-8") for file in FILES}
    assert [str(file) for file, text in texts.items() if len(text.splitlines()) > MAX_FILE_LENGTH] == []
    assert [str(file) for file, text in texts.items() if not ast.get_docstring(ast.parse(text))] == []


def test_a_file_of_tests_is_short() -> None:
    files = sorted((ROOT / "tests").rglob("*.py"))
    assert files
    too_long = [file for file in files if len(file.read_text(encoding="utf-8").splitlines()) > MAX_FILE_LENGTH]
    assert [str(file) for file in too_long] == []


def test_a_package_holds_its_docstring_only() -> None:
    inner = [file for file in FILES if file.name == "__init__.py" and file.parent != PACKAGE]
    assert len(inner) >= 6
    assert [str(file) for file in inner if len(ast.parse(file.read_text(encoding="utf-8")).body) != 1] == []


def test_only_tests_of_the_command_line_import_it() -> None:
    """Tests of the lower layers would break with a change of the command line."""
    folders = [folder for folder in (ROOT / "tests").iterdir() if folder.is_dir() and folder.name != "cli"]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    assert files
    assert [str(file) for file in files if "vitreport.cli" in file.read_text(encoding="utf-8")] == []
