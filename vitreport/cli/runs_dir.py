"""Check that the folder of runs exists, with the same messages in every command."""

from pathlib import Path

from vitreport.cli.console import note
from vitreport.cli.options import DEFAULT_RUNS_DIR
from vitreport.errors import SpecError

HINT = "give the folder of the runs with --runs-dir"


def require_runs_dir(runs_dir: Path) -> None:
    """Raise SpecError if the folder does not exist."""
    if not is_folder(runs_dir):
        raise SpecError(f"there is no folder {runs_dir}", HINT)


def require_given_runs_dir(runs_dir: Path) -> None:
    """Raise SpecError if the user gives a folder that does not exist; the first run creates the default one."""
    if runs_dir != DEFAULT_RUNS_DIR or is_folder(runs_dir):
        require_runs_dir(runs_dir)


def note_missing_runs_dir(runs_dir: Path) -> None:
    """Note that the folder that the user gives does not exist, in a command that works without it."""
    if not is_folder(runs_dir) and runs_dir != DEFAULT_RUNS_DIR:
        note(f"there is no folder {runs_dir} yet; {HINT}")


def is_folder(runs_dir: Path) -> bool:
    """Return whether the folder exists. Raises SpecError for a file."""
    try:
        if runs_dir.exists() and not runs_dir.is_dir():
            raise SpecError(f"{runs_dir} is not a folder", HINT)
        return runs_dir.is_dir()
    except OSError as error:  # a name that is too long
        raise SpecError(f"{runs_dir}: {error.strerror}", HINT) from error
