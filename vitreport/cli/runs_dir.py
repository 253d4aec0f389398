"""Check that the folder of runs exists, with the same messages in every command."""

from pathlib import Path

from vitreport.cli.console import note
from vitreport.errors import SpecError
from vitreport.runtime import RUNS_DIR

HINT = "give the folder of the runs with --runs-dir"


def require_runs_dir(runs_dir: Path, *, may_lack_default: bool = False) -> None:
    """Raise SpecError if there is no such folder; `may_lack_default` lets the default one be missing."""
    if not _is_folder(runs_dir) and not (may_lack_default and runs_dir == RUNS_DIR.default):
        raise SpecError(f"there is no folder {runs_dir}", HINT)


def note_missing_runs_dir(runs_dir: Path) -> None:
    """Note that the folder that the user gives does not exist, in a command that works without it."""
    if not _is_folder(runs_dir) and runs_dir != RUNS_DIR.default:
        note(f"there is no folder {runs_dir} yet; {HINT}")


def _is_folder(runs_dir: Path) -> bool:
    """Return whether the folder exists. Raises SpecError for a file."""
    try:
        if runs_dir.exists() and not runs_dir.is_dir():
            raise SpecError(f"{runs_dir} is not a folder", HINT)
        return runs_dir.is_dir()
    except OSError as error:  # a name that is too long
        raise SpecError(f"{runs_dir}: {error.strerror}", HINT) from error
