"""Where a report or an export goes is checked before a record is read; a folder of runs that is missing is told."""

import errno
import os
import tempfile
from pathlib import Path
from typing import IO

import pytest

from tests.cli.conftest import Cli
from tests.records import spec, write_run
from vitreport import api
from vitreport.errors import StorageError
from vitreport.export import table
from vitreport.files import output_path
from vitreport.report.inject import BEGIN, END

RUNS = Path("runs")


@pytest.fixture(autouse=True)
def runs() -> None:
    write_run(RUNS, spec("swin", train={"epochs": 2}), 0.6)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No record may be read."""

    def read(*arguments: object, **options: object) -> None:
        raise AssertionError("the records are read before the place is checked")

    monkeypatch.setattr(api, "analyze", read)
    monkeypatch.setattr(api, "plan_study", read)
    monkeypatch.setattr(table, "read_run", read)


def places() -> None:
    """Files and folders that are in the way."""
    Path("file").touch()
    Path("folder").mkdir()
    Path("vitreport-assets").touch()
    Path("torn.md").write_text(f"{BEGIN}\n")
    Path("dangling.md").symlink_to("missing/x.md")
    os.mkfifo("pipe")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["report", "-o", "missing/x.md"], 6, "hint: create the directory missing first"),
        (["report", "-o", "missing/x.html"], 6, "hint: create the directory missing first"),
        (["report", "--study", "small-images", "-o", "missing/x.json"], 6, "hint: create the directory missing first"),
        (["report", "-o", "dangling.md"], 6, "missing first"),
        (["report", "-o", "file/x.md"], 6, "cannot write file/x.md"),
        (["report", "-o", "folder"], 2, "folder is not a regular file"),
        (["report", "--inject", "none.md"], 2, "none.md is missing"),
        (["report", "--inject", "folder"], 2, "folder is not a regular file"),
        (["report", "--inject", "torn.md"], 2, "torn.md must contain"),
        (["report", "--inject", "pipe"], 2, "pipe is not a regular file"),
        (["report", "--check", "none.md"], 2, "none.md is missing"),
        (["report", "--check", "torn.md"], 2, "torn.md must contain"),
        (["report", "--check", "pipe"], 2, "pipe is not a regular file"),
        (["report", "--template", "none.j2"], 2, "none.j2 is missing"),
        (["report", "--template", "folder"], 2, "template folder is not a regular file"),
        (["report", "--template", "file", "--format", "html"], 2, "--template works only for markdown"),
        (["report", "-o", "x.md", "--assets", "file"], 2, "file is not a directory; hint: choose another directory"),
        (["report", "-o", "x.md", "--assets", "file/figures"], 6, "hint: choose another directory with --assets DIR"),
        (["report"], 2, "vitreport-assets is not a directory; hint: choose another directory with --assets DIR"),
        (["runs", "export", "-o", "missing/x.csv"], 6, "hint: create the directory missing first"),
        (["runs", "export", "--format", "parquet", "-o", "missing/x"], 6, "hint: create the directory missing first"),
        (["runs", "export", "-o", "folder"], 2, "folder is not a regular file"),
        (["runs", "export", "--format", "tensorboard", "-o", "file"], 2, "file is not a directory"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("unread")
def test_a_place_is_checked_first(arguments: list[str], exit_code: int, said: str, cli: Cli) -> None:
    places()
    before = sorted(Path().rglob("*"))
    done = cli(*arguments)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (exit_code, "", 1)
    assert said in done.stderr
    assert sorted(Path().rglob("*")) == before


def test_a_place_behind_a_locked_directory_is_a_matter_of_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    def exists(path: Path) -> bool:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "exists", exists)
    with pytest.raises(StorageError, match="cannot write locked"):
        output_path(Path("locked/x.csv"))


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("arguments", [["report", "-o", "locked/x.md"], ["report", "--assets", "locked/figures"]])
def test_a_folder_that_may_not_be_written_is_told_first(
    arguments: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a user who is not root, to whom all is allowed."""
    make = tempfile.TemporaryFile

    def make_unless_locked(dir: Path) -> IO[bytes]:  # noqa: A002
        if dir.name == "locked":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return make(dir=dir)

    Path("locked").mkdir()
    monkeypatch.setattr(tempfile, "TemporaryFile", make_unless_locked)
    done = cli(*arguments)
    assert (done.exit_code, "Permission denied" in done.stderr) == (6, True)


def test_injection_goes_through_a_link(cli: Cli) -> None:
    Path("real.md").write_text(f"{BEGIN}\n{END}\n")
    Path("link.md").symlink_to("real.md")
    assert cli("report", "--inject", "link.md").exit_code == 0
    assert (Path("link.md").is_symlink(), "Swin" in Path("real.md").read_text()) == (True, True)


@pytest.mark.parametrize("arguments", [["--title", "x"], []])
def test_what_stdout_gave_can_be_checked(arguments: list[str], cli: Cli) -> None:
    """Whatever the file is called: it says itself where its figures are."""
    Path("README.md").write_text(cli("report", *arguments).stdout)
    assert cli("report", *arguments, "--check", "README.md").exit_code == 0
    Path("vitreport-assets/overview-dark.svg").write_text("<svg/>")
    done = cli("report", *arguments, "--check", "README.md")
    assert done.stdout == "vitreport-assets/overview-dark.svg is out of date\n"
    cli("report", *arguments, "-o", "README.md", "--assets", "docs/my figures")
    assert cli("report", *arguments, "--check", "README.md").exit_code == 0


MISSING = [
    ["runs", "list"],
    ["runs", "show", "swin"],
    ["runs", "diff", "a", "b"],
    ["runs", "export"],
    ["report"],
    ["report", "--format", "latex"],
    ["report", "--study", "digits"],
    ["plot", "swin", "-o", "a.svg"],
    ["eval", "swin"],
]


@pytest.mark.parametrize("arguments", MISSING)
def test_a_folder_of_runs_that_is_named_and_missing_is_told(arguments: list[str], cli: Cli) -> None:
    done = cli(*arguments, "--runs-dir", "typo")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: no such directory: typo; hint: use --runs-dir to give the directory of the runs\n"
    Path("file").touch()
    done = cli(*arguments, "--runs-dir", "file")
    assert (done.exit_code, "file is not a directory" in done.stderr) == (2, True)


def test_a_report_is_not_overwritten_where_the_folder_of_runs_is_missing(cli: Cli) -> None:
    Path("README.md").write_text("precious")
    assert cli("report", "--study", "digits", "--runs-dir", "typo", "-o", "README.md").exit_code == 2
    assert Path("README.md").read_text() == "precious"


def test_a_folder_of_runs_from_the_environment_is_named_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITREPORT_RUNS_DIR", "typo")
    assert cli("runs", "list").exit_code == 2


def test_a_fresh_project_has_no_runs_yet(cli: Cli) -> None:
    RUNS.rename("elsewhere")
    done = cli("runs", "list")
    assert (done.exit_code, done.stderr.startswith("no runs in runs; ")) == (0, True)
    done = cli("runs", "export", "-o", "x.csv")
    assert (done.exit_code, Path("x.csv").exists()) == (2, False)
    assert cli("study", "status", "digits").stderr == ""


@pytest.mark.parametrize("words", [["study", "status"], ["study", "run", "--dry-run"]])
def test_a_study_can_be_planned_before_its_folder_is_there(words: list[str], cli: Cli) -> None:
    done = cli(*words, "digits", "--runs-dir", "typo")
    assert (done.exit_code, done.stderr) == (
        0,
        "no such directory yet: typo; use --runs-dir to give the directory of the runs\n",
    )
