"""The order in which `vitreport report` writes, and reports that write at once; see `tests/report/test_publishing`."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.commands import popen
from tests.records import spec, write_run
from vitreport.report import inject as placing
from vitreport.report.figures import assets
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
    written: list[str] = []
    monkeypatch.setattr(assets, "draw", lambda figure: ['<svg height="1"/>'] * (len(figure.files) // 2))
    for module in (assets, placing):
        monkeypatch.setattr(module, "write_atomic", lambda path, content: written.append(path.name))
    assert cli("report", option, "r.md").exit_code == 0
    assert (len(written) > 4, written[-1]) == (True, "r.md")


def test_two_reports_write_one_document_at_once(cli: Cli) -> None:
    """The last one wins, whole: every figure that it links to is there."""
    folders = ["runs", "changed"]
    started = [popen("report", "--inject", "r.md", "--runs-dir", folder, stderr=subprocess.PIPE) for folder in folders]
    assert [(each.communicate(timeout=240)[1], each.wait())[1] for each in started] == [0] * len(folders)
    assert [link for link in LINK.findall(Path("r.md").read_text()) if not Path(link).exists()] == []
