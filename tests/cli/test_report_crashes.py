"""The order in which `vitreport report` writes, and reports that write at once; see `tests/report/test_publishing`."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.commands import command
from tests.records import spec, write_run
from vitreport import files
from vitreport.report import inject as placing
from vitreport.report.figures import beside
from vitreport.report.inject import BEGIN, END

LINK = re.compile(r'(?:src|srcset)="([^"]+)"')
MARKS = f"{BEGIN}\n{END}\n"


@pytest.fixture(autouse=True)
def runs() -> None:
    write_run(Path("runs"), spec("swin", train={"epochs": 2}), 0.6)
    write_run(Path("changed"), spec("swin", train={"epochs": 2}), 0.7)
    Path("r.md").write_text(MARKS)


@pytest.mark.parametrize("option", ["-o", "--inject"])
def test_the_document_is_written_after_its_figures(cli: Cli, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("report").exit_code == 0  # the figures are drawn
    written: list[str] = []
    for module in (files, beside, placing):
        monkeypatch.setattr(module, "write_atomic", lambda path, content: written.append(path.name))
    assert cli("report", option, "r.md").exit_code == 0
    assert (written[0], written[-1]) == (beside.MANIFEST, "r.md")
    assert len(written) > 8


def test_what_a_killed_report_left_of_a_document_goes(cli: Cli) -> None:
    """Of a process that is there no more; what another one is writing stays, and so do files of other names."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    for name in (f".r.md.{gone.pid}.tmp", f".r.md.{os.getppid()}.tmp", f".mine.{gone.pid}.tmp"):
        Path(name).touch()
    assert cli("report", "--inject", "r.md").exit_code == 0
    left = {path.name for path in Path().iterdir() if path.name.startswith(".")}
    assert left == {f".r.md.{os.getppid()}.tmp", f".mine.{gone.pid}.tmp"}


def test_several_reports_share_a_folder_of_figures_at_once(cli: Cli) -> None:
    assert cli("report", "-o", "r0.md", "--assets", "figures").exit_code == 0
    Path("r0.md").unlink()
    places = [["-o", f"r{number}.md"] for number in range(3)] + [["--inject", "r.md"], []]
    commands = [command("report", *place, "--assets", "figures", "--runs-dir", "changed") for place in places]
    started = [subprocess.Popen(each, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for each in commands]
    assert [(each.communicate(timeout=240)[1], each.returncode)[1] for each in started] == [0] * len(places)
    for name in ("r0.md", "r1.md", "r2.md", "r.md"):
        assert [link for link in LINK.findall(Path(name).read_text()) if not Path(link).exists()] == []
        options = ("--check", name, "--assets", "figures", "--runs-dir", "changed")
        assert cli("report", *options).exit_code == 0
