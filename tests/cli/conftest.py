from collections.abc import Callable

import pytest

from tests.commands import Completed
from vitreport.cli.main import run

Cli = Callable[..., Completed]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run a command inside this process, whose environment is then as it was."""
    for name in ("NO_COLOR", "FORCE_COLOR", "VITREPORT_DEBUG"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def call(*arguments: str) -> Completed:
        exit_code = run(arguments)
        written = capsys.readouterr()
        return Completed(exit_code, written.out, written.err)

    return call
