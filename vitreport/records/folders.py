"""Which folders are runs, and which run a name means."""

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vitreport.errors import RecordError, ResourceError, SpecError
from vitreport.formatting import did_you_mean, listed
from vitreport.run_id import RunId
from vitreport.untrusted_files import LINK, entry_fault

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
CHECKPOINTS = "checkpoints"
FILES = (
    *("spec.json", "run.json", "metrics.jsonl", "result.json", "predictions.npz", "best.safetensors"),
    *("mistakes.png", "crash.txt", ".lock"),
)
LINK_HINT = "replace the link with what it points to; nothing outside the runs folder is read or written"
MOVE_HINT = "move it elsewhere"
MOST_NAMED = 3


def run_folders(runs_dir: Path) -> list[Path]:
    """The folders of runs, by name. A link that leads out of `runs_dir` is no run."""
    try:
        return sorted(folder for folder in runs_dir.iterdir() if _is_run(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ResourceError(f"cannot read {runs_dir}: {error.strerror}", "choose another --runs-dir") from error


def strays(runs_dir: Path) -> list[tuple[str, str]]:
    """Return what looks like a run and is none: its name, and why it is not read; of many alike, one line."""
    try:
        entries = sorted(runs_dir.iterdir())
    except OSError:
        return []
    by_reason: dict[str, list[str]] = {}
    for entry in entries:
        if entry.is_symlink():
            by_reason.setdefault(LINK, []).append(entry.name)
        elif RunId.parse(entry.name).hash and entry.is_dir() and not _is_run(entry):
            by_reason.setdefault("incomplete (no record)", []).append(entry.name)
    lines = []
    for why, names in by_reason.items():
        lines += [(name, why) for name in (names if len(names) <= MOST_NAMED else [listed(names, MOST_NAMED)])]
    return lines


def find_run(name: str, runs_dir: Path) -> Path:
    """The folder of a run given by its id, a unique prefix of it, or its path.

    Raises SpecError where no run or several are meant.
    """
    if "/" in name or "\\" in name:
        folder = Path(os.path.realpath(name))
        if _is_run(folder):
            return folder
        raise RecordError(f"{name} is not the folder of a run", "see `vitreport runs list`")
    folders = {folder.name: folder for folder in run_folders(runs_dir)}
    matches = [name] if name in folders else [known for known in folders if known.startswith(name)]
    if len(matches) == 1:
        return folders[matches[0]]
    if _is_run(Path(os.path.realpath(name))):
        return Path(os.path.realpath(name))
    if matches:
        raise SpecError(f"{name} means {len(matches)} runs", f"one of {listed(matches)}")
    raise SpecError(f"there is no run {name} in {runs_dir}", did_you_mean(name, folders) or "see `vitreport runs list`")


def newest_attempt(runs_dir: Path, run_id: str) -> Path:
    """The folder that a spec's run is in, or will be: the newest of `<id>`, `<id>-r2`, `<id>-r3`, ..."""
    return newest_attempts(runs_dir, [run_id])[run_id]


def newest_attempts(runs_dir: Path, run_ids: Iterable[str]) -> dict[str, Path]:
    """As `newest_attempt`, of many runs with one look at the folder."""
    newest = {run_id: runs_dir / run_id for run_id in run_ids}
    for folder in run_folders(runs_dir):
        found = RunId.parse(folder.name)
        first = found.first_attempt
        if first in newest and found.attempt > RunId.parse(newest[first].name).attempt:
            newest[first] = folder
    return newest


def next_attempt(runs_dir: Path, run_id: str) -> Path:
    """A folder that does not exist yet, for training a spec anew beside what is there."""
    found = [RunId.parse(folder.name) for folder in run_folders(runs_dir)]
    last = max((each.attempt for each in found if each.first_attempt == run_id), default=0)
    return runs_dir / str(replace(RunId.parse(run_id), attempt=last + 1))


def refuse_foreign_entries(folder: Path) -> None:
    """Refuse to write to a run folder that is a link, or in which a link or another kind of entry takes a file's place.

    Raises:
        RecordError: If there is such an entry; writing would change something outside of the run, or wait for ever.
    """
    entries = [(folder, True), (folder / CHECKPOINTS, True), *((folder / name, False) for name in FILES)]
    saved = [path for path in (folder / CHECKPOINTS).glob("step-*") if path.suffix in (".safetensors", ".sha256")]
    refuse_foreign([*entries, *((path, False) for path in saved)])


def refuse_foreign(entries: Iterable[tuple[Path, bool]]) -> None:
    """Refuse the first path that is not the folder (True) or the regular file (False) that it has to be, if it exists.

    Raises:
        RecordError: If there is such a path.
    """
    for path, is_folder in entries:
        if fault := entry_fault(path, folder=is_folder):
            raise RecordError(f"{path} {fault}", LINK_HINT if path.is_symlink() else MOVE_HINT)


def has_checkpoint(folder: Path) -> bool:
    """Whether a run has a checkpoint to resume from; a linked folder of checkpoints is not looked into."""
    checkpoints = folder / CHECKPOINTS
    return not checkpoints.is_symlink() and any(checkpoints.glob("step-*.safetensors"))


def _is_run(folder: Path) -> bool:
    try:
        if not RUN_NAME.match(folder.name) or folder.is_symlink() or not folder.is_dir():
            return False
        return (folder / "spec.json").exists() or (folder / "run.json").exists()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False
