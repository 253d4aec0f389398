"""Whether there is a folder of runs, told in the same words by every command that reads one."""

from pathlib import Path

from vitreport.cli.console import note
from vitreport.cli.options import DEFAULT_RUNS_DIR
from vitreport.errors import SpecError

HINT = "--runs-dir says where runs are"


def require_runs_dir(runs_dir: Path) -> None:
    """Raise SpecError where there is no such folder."""
    if not is_folder(runs_dir):
        raise SpecError(f"there is no folder {runs_dir}", HINT)


def require_given_runs_dir(runs_dir: Path) -> None:
    """Raise SpecError where the user names a folder that is not there; the usual one may come with the first run."""
    if runs_dir != DEFAULT_RUNS_DIR or is_folder(runs_dir):
        require_runs_dir(runs_dir)


def note_missing_runs_dir(runs_dir: Path) -> None:
    """Say that a folder which the user names is not there, where the command can go on without it."""
    if not is_folder(runs_dir) and runs_dir != DEFAULT_RUNS_DIR:
        note(f"there is no folder {runs_dir} yet; {HINT}")


def is_folder(runs_dir: Path) -> bool:
    """Whether it is one. Raises SpecError for a file, which is never one of runs."""
    try:
        if runs_dir.exists() and not runs_dir.is_dir():
            raise SpecError(f"{runs_dir} is no folder", HINT)
        return runs_dir.is_dir()
    except OSError as error:  # a name that is too long
        raise SpecError(f"{runs_dir}: {error.strerror}", HINT) from error
