"""What every test of an error checks."""

from tests.commands import Completed


def refused(done: Completed, exit_code: int, *said: str) -> str:
    """The one line that tells an error, and nothing on stdout."""
    assert done.exit_code == exit_code
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert [text for text in said if text not in line] == []
    return line
