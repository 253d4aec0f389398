"""The texts of a study as its users see them: in `study show`, in reports, and in errors."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.small_study import FILE, STUDY, finish
from tests.cli.small_study import study as study
from tests.commands import vitreport
from tests.test_contracts import ROOT
from vitreport.spec.study_text import QUANTITIES
from vitreport.suggestions import did_you_mean

TEXTS = '''
introduction = """
The mixer reaches {accuracy mixer}; with small batches it reaches {accuracy mixer/batch at 10}."""
conclusion = "Wider minus narrower: {difference wide mixer}."
'''


def write(texts: str = TEXTS) -> None:
    text = 'text = "It has {parameters wide} parameters."'
    Path(FILE).write_text(texts + STUDY.replace('runs = ["wide", "mixer"]', f'{text}\nruns = ["wide", "mixer"]'))


def test_a_report_is_never_out_of_date(cli: Cli) -> None:
    """Each new run changes the numbers, and `--check` finds a document without it."""
    write()
    assert cli("report", "--study", FILE, "-o", "my.md").exit_code == 0
    assert "The mixer reaches not run yet; with small batches it reaches not run yet." in Path("my.md").read_text()
    assert "It has not run yet parameters." in Path("my.md").read_text()
    finish("mixer")
    finish("wide")
    done = vitreport("report", "--study", FILE, "--check", "my.md")
    assert done.exit_code == 9
    assert re.search(r"^\+The mixer reaches 55.4% \(41.9 to 68.8, n = 3\); with .* not run yet\.$", done.stdout, re.M)
    assert cli("report", "--study", FILE, "-o", "my.md").exit_code == 0
    assert cli("report", "--study", FILE, "--check", "my.md").exit_code == 0
    document = Path("my.md").read_text()
    assert document.index("| architecture |") < document.index("## Introduction") < document.index("## How wide?")
    assert re.search(r"Does a wider mixer learn more\?\n\nIt has [\d,]+ parameters\.\n", document)
    assert re.search(r"## Conclusion\n\nWider minus narrower: \+0\.0 \(.*\) pp\.\n\n<details>", document)
    told = json.loads(cli("report", "--study", FILE, "--format", "json").stdout)
    assert told["conclusion"] in document


def test_a_study_is_shown_with_its_texts(cli: Cli) -> None:
    assert "Texts" not in cli("study", "show", FILE).stdout
    write()
    assert cli("study", "show", FILE).stdout.splitlines()[:2] == [
        "Mixers of digits",
        "Texts in Markdown: introduction, 1 section and conclusion.",
    ]
    shown = json.loads(cli("study", "show", FILE, "--json").stdout)
    assert shown["conclusion"] == "Wider minus narrower: {difference wide mixer}."


def test_a_section_can_have_a_text_alone(cli: Cli) -> None:
    Path(FILE).write_text(
        f'{STUDY}[[sections]]\ntitle = "Discussion"\ntext = "It has {{parameters wide}} parameters."\n'
    )
    finish("wide")
    document = cli("report", "--study", FILE).stdout
    assert re.search(r"\n## Discussion\n\nIt has [\d,]+ parameters\.\n\n## ", document)
    assert "- “Which batch?”" in document
    assert "## Discussion" not in cli("report", "--study", FILE, "--only", "wide").stdout


def test_every_fault_of_the_texts_is_told_at_once(cli: Cli) -> None:
    write(TEXTS.replace("{accuracy mixer}", "{acuracy mixer}").replace("at 10", "at 30").replace("wide mixer", "mixer"))
    for command in (("report", "--study", FILE), ("study", "show", FILE), ("study", "run", FILE)):
        done = cli(*command)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.splitlines() == [
            "error: introduction = {acuracy mixer}: unknown number 'acuracy' (from my.toml); "
            "hint: did you mean accuracy or train accuracy?",
            "error: introduction = {accuracy mixer/batch at 30}: unknown level '30' of mixer/batch (from my.toml); "
            "hint: use one of 10, 20",
            "error: conclusion = {difference mixer}: needs the names of two runs or levels (from my.toml); "
            "hint: write {difference A B}",
        ]


def test_the_documentation_lists_every_number() -> None:
    """The same list is in the error about an unknown one."""
    page = (ROOT / "docs" / "guides" / "studies.md").read_text()
    rows = dict(re.findall(r"^\| `\{([A-Za-z ]+?) [A-Z ]+\}` \| (.*) \|$", page, re.MULTILINE))
    assert rows == {name: quantity.description for name, quantity in QUANTITIES.items()}
    assert did_you_mean("", QUANTITIES) == f"use one of {', '.join(rows)}"


def test_the_example_in_the_documentation_is_sound(cli: Cli) -> None:
    page = (ROOT / "docs" / "guides" / "studies.md").read_text()
    runs, texts = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    top, *sections = texts.partition("[[sections]]")
    Path("example.toml").write_text(top + runs.partition("\n")[2] + "".join(sections))
    assert "Texts in Markdown: introduction, 1 section and conclusion." in cli("study", "show", "example.toml").stdout
    assert "| wide | not run yet | not run yet |" in cli("report", "--study", "example.toml", "--no-assets").stdout


@pytest.mark.parametrize("name", ["digits", "small-images"])
def test_the_examples_in_the_documentation_are_up_to_date(name: str, cli: Cli) -> None:
    """`nox -s results` writes them."""
    file = ROOT / "docs" / "examples" / f"{name}.md"
    options = ("--study", name, "--seeds", "1..3", "--no-assets", "--runs-dir", str(ROOT / "runs"))
    assert cli("report", *options, "--check", str(file)).stdout == ""
