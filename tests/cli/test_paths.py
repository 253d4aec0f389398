"""Paths that no system takes, or that are no text: each ends with a code of its own and one plain line."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.records import small_spec, spec, write_run
from vitreport.cli.sweeps import check_all_trained
from vitreport.errors import DamageError
from vitreport.formatting import json_document
from vitreport.sweep.plan import Trial

LONG = "9" * 300
NO_TEXT = os.fsdecode(b"\xff")


@pytest.fixture(autouse=True)
def runs() -> None:
    write_run(Path("runs"), spec(), 0.5)


@pytest.mark.parametrize(
    ("arguments", "exit_codes"),
    [
        (("report", "--no-assets", "--runs-dir", LONG), (2, 6)),
        (("report", "-o", f"{LONG}.md"), (2,)),
        (("report", "-o", "a.md", "--assets", LONG), (2,)),
        (("report", "--inject", f"{LONG}.md"), (2,)),
        (("report", "--check", f"{LONG}.md"), (2,)),
        (("report", "--no-assets", "--template", LONG), (2,)),
        (("report", "--study", f"{LONG}.toml"), (2,)),
        (("runs", "list", "--runs-dir", LONG), (2,)),
        (("runs", "show", f"./{LONG}"), (4,)),
        (("runs", "export", "-o", f"{LONG}.csv"), (2,)),
        (("spec", "check", LONG), (2,)),
        (("train", "--spec", LONG), (2,)),
        (("train", "mlp-mixer", "--dataset", "digits", "--weights", LONG), (2, 4)),
        (("train", "mlp-mixer", "--dataset", f"./{LONG}"), (2, 3)),
        (("datasets", "verify", "cifar10", "--data-dir", f"{LONG}/x"), (2,)),
    ],
)
def test_a_name_that_is_too_long_is_told(cli: Cli, arguments: tuple[str, ...], exit_codes: tuple[int, ...]) -> None:
    done = cli(*arguments)
    assert done.exit_code in exit_codes, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "bug" not in done.stderr


def test_the_doctor_tells_of_a_name_that_is_too_long(cli: Cli) -> None:
    done = cli("doctor", "--runs-dir", LONG)
    assert done.exit_code == 6
    assert "File name too long" in done.stdout


@pytest.mark.parametrize(("option", "subject"), [("--data-dir", "data"), ("--runs-dir", "runs")])
def test_the_doctor_lets_only_a_folder_of_data_be_read_only(cli: Cli, option: str, subject: str) -> None:
    done = cli("doctor", option, "/proc", "--json")
    (found,) = [each for each in json.loads(done.stdout)["findings"] if each["found"].startswith(("/proc", "cannot"))]
    if option == "--data-dir":
        assert found == {"subject": subject, "found": "/proc (read-only)", "fix": "", "well": True}
    else:
        assert (done.exit_code, found["subject"], found["well"]) == (6, subject, False)
        assert found["found"].startswith("cannot write /proc: ")
        assert "hint" not in found["found"]
        assert found["fix"]


def test_the_doctor_tells_of_a_folder_of_data_that_is_a_file(cli: Cli) -> None:
    Path("file").touch()
    done = cli("doctor", "--data-dir", "file")
    assert (done.exit_code, "cannot write file: Not a directory" in done.stdout) == (6, True)


@pytest.mark.parametrize("arguments", [("-o", f"{NO_TEXT}.md"), ("-o", "a.md", "--assets", NO_TEXT)])
def test_a_report_can_be_written_where_the_name_is_no_text(cli: Cli, arguments: tuple[str, ...]) -> None:
    try:
        Path(NO_TEXT).mkdir()
    except OSError:
        pytest.skip("this file system takes text alone")
    done = cli("report", *arguments)
    assert done.exit_code == 0, done.stderr
    document = Path(arguments[1]).read_text(encoding="utf-8")
    assert "](%FF" in document or '="%FF' in document
    assert cli("report", *(argument.replace("-o", "--check") for argument in arguments)).exit_code == 0


@pytest.mark.parametrize("kind", ["/dev/zero", "pipe", "folder"])
def test_weights_that_are_no_file_are_refused(cli: Cli, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(kind)
    elif kind == "folder":
        Path(kind).mkdir()
    done = cli("train", "mlp-mixer", "--dataset", "digits", "--weights", kind)
    assert done.exit_code == 4, done.stderr
    assert "not a regular file" in done.stderr


def test_a_document_in_json_gives_a_terminal_nothing_to_obey() -> None:
    """Ordinary text stays as it is."""
    value = {"\u202ename": "Zoë 日本 \x7f\x9b\u2066\udcff\U000e0001"}
    text = json_document(value)
    assert json.loads(text) == value
    assert "Zoë 日本 " in text
    assert "\\u202ename" in text
    assert all(character.isprintable() or character == "\n" for character in text)


def test_run_list_in_json_escapes_what_changes_the_direction(cli: Cli) -> None:
    path = next(Path("runs").glob("*/run.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "\u202esurprise": 1}))
    done = cli("runs", "list", "--json")
    assert "\u202e" not in done.stdout
    assert "\\u202esurprise" in done.stdout


def test_many_damaged_records_give_few_lines(cli: Cli) -> None:
    for number in range(200):
        folder = Path("runs") / f"mlp-mixer-digits-{number:08x}-s0"
        folder.mkdir()
        (folder / "run.json").write_text("{")
    done = cli("runs", "list", "--each")
    assert done.exit_code == 7
    assert len(done.stderr.splitlines()) < 60
    assert "more warnings of this kind" in done.stderr


def test_many_damaged_trials_give_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    trials = [Trial((), small_spec(seed)) for seed in range(200)]
    for trial in trials:
        (Path("runs") / trial.id).mkdir()
        (Path("runs") / trial.id / "run.json").write_text("{")
    with pytest.raises(DamageError, match="200 of 200 trials missing"):
        check_all_trained(trials, Path("runs"), {})
    told = capsys.readouterr().err.splitlines()
    assert len(told) < 60
    assert "more warnings of this kind" in told[-1]
