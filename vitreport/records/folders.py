"""Which folders are runs, and which run a name means."""

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vitreport import run_id as ids
from vitreport.errors import RecordError, ResourceError, SpecError
from vitreport.formatting import listed
from vitreport.run_id import RunId
from vitreport.runtime import RUNS_DIR
from vitreport.suggestions import did_you_mean, one_of
from vitreport.untrusted_files import LINK

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
CHECKPOINTS = "checkpoints"
SWEEPS = "sweeps"
LINK_HINT = "replace the link with what it points to; nothing outside the runs directory is read or written"
RUNS_DIR_HINT = "use --runs-dir to give the directory of the runs"
MAX_NAMED = 3
EXPORTED = (".pt2", ".onnx")
"""The extensions of the files of `vitreport export-model`."""


def check_runs_dir(runs_dir: Path, *, may_lack_default: bool = False) -> None:
    """Raise SpecError if there is no such directory; `may_lack_default` lets the default one be missing."""
    if runs_dir.exists() and not runs_dir.is_dir():
        raise SpecError(f"{runs_dir} is not a directory", RUNS_DIR_HINT)
    if not runs_dir.exists() and not (may_lack_default and runs_dir == RUNS_DIR.default):
        raise SpecError(f"no such directory: {runs_dir}", RUNS_DIR_HINT)


def run_folders(runs_dir: Path, prefix: str = "") -> list[Path]:
    """Return the folders of runs whose names begin so, sorted by name. A link is no run."""
    return [entry for entry in _entries(runs_dir, prefix) if _is_run(entry)]


def strays(runs_dir: Path) -> list[tuple[str, str]]:
    """Return the names of what looks like a run and is not read, by reason."""
    names: dict[str, list[str]] = {LINK: [], "incomplete (no record)": []}
    for entry in _entries(runs_dir):
        if entry.is_symlink():
            names[LINK].append(entry.name)
        elif entry.is_dir() and RunId.parse(entry.name).seed != ids.NO_SEED and not _is_run(entry):
            names["incomplete (no record)"].append(entry.name)
    return [(listed(found, MAX_NAMED), reason) for reason, found in names.items() if found]


def find_run(name: str, runs_dir: Path) -> Path:
    """Return the folder of the one run that a name means: its id, a unique prefix of it, or its path."""
    is_path = "/" in name or "\\" in name
    folders = {} if is_path else {folder.name: folder for folder in run_folders(runs_dir)}
    matches = [name] if name in folders else [known for known in folders if ids.is_meant(known, name)]
    if len(matches) == 1:
        return folders[matches[0]]
    if _is_run(given := Path(os.path.realpath(name))):
        return given
    if name.lower().endswith(EXPORTED):
        if os.path.isfile(name):  # noqa: PTH113 - Path raises OSError for a name that is too long
            raise SpecError(f"{name} is an exported model, not a run", "give the run or the group it was exported from")
        raise SpecError(f"no such file: {name}", "see `vitreport runs list`")
    if is_path:
        group = Path(name).name
        hint = f"use the id of the group: {group}" if group_folders(group, runs_dir) else "see `vitreport runs list`"
        raise RecordError(f"{name} is not the directory of a run", hint)
    if matches:
        groups = {RunId.parse(match).group for match in matches}
        names = [*groups, *matches] if len(groups) == 1 else matches
        raise SpecError(f"{name!r} matches {len(matches)} runs", one_of(names))
    raise SpecError(f"no run {name!r} in {runs_dir}", did_you_mean(name, folders) or "see `vitreport runs list`")


def group_folders(name: str, runs_dir: Path) -> list[Path]:
    """Return the folders of all attempts at the runs of a group, or none if the id is unknown."""
    return [folder for folder in run_folders(runs_dir) if RunId.parse(folder.name).group == name != folder.name]


def find_group(name: str, runs_dir: Path) -> list[Path]:
    """Return the newest attempt of each seed of a group, or an empty list for an unknown id."""
    newest = ids.newest_attempts(folder.name for folder in group_folders(name, runs_dir))
    return [runs_dir / each for each in newest]


def find_runs(name: str, runs_dir: Path) -> list[Path]:
    """Return the folders of the group with this name, or else the folder of the run."""
    return find_group(name, runs_dir) or [find_run(name, runs_dir)]


def newest_attempt(runs_dir: Path, run_id: str) -> Path:
    """Return the folder that a spec's run is in, or will be: the newest of `<id>`, `<id>-r2`, `<id>-r3`, ..."""
    return newest_attempts(runs_dir, [run_id])[run_id]


def newest_attempts(runs_dir: Path, run_ids: Iterable[str]) -> dict[str, Path]:
    """Return the `newest_attempt` of each run, reading the folder once; for one run, only what has its name."""
    run_ids = list(run_ids)
    prefix = run_ids[0] if len(run_ids) == 1 else ""
    newest = ids.newest_attempts(folder.name for folder in run_folders(runs_dir, prefix))
    folders = {RunId.parse(name).first_attempt: runs_dir / name for name in newest}
    return {run_id: folders.get(run_id, runs_dir / run_id) for run_id in run_ids}


def next_attempt(runs_dir: Path, run_id: str) -> Path:
    """Return a folder that is no run yet, to train a spec again without touching its earlier runs."""
    newest = newest_attempt(runs_dir, run_id)
    found = RunId.parse(newest.name)
    return runs_dir / str(replace(found, attempt=found.attempt + 1)) if _is_run(newest) else newest


def check_no_links_in(folder: Path) -> None:
    """Raise RecordError for a run folder that is a link or holds one."""
    checkpoints = folder / CHECKPOINTS
    check_no_links([folder, checkpoints, *folder.glob("*"), *checkpoints.glob("*")])


def check_no_links(paths: Iterable[Path]) -> None:
    """Raise RecordError for the first of these paths that is a link: writing to it would change something outside."""
    if link := next(filter(Path.is_symlink, paths), None):
        raise RecordError(f"{link} {LINK}", LINK_HINT)


def has_checkpoint(folder: Path) -> bool:
    """Return whether a run has a checkpoint to resume from; a linked folder of checkpoints is not searched."""
    checkpoints = folder / CHECKPOINTS
    return not checkpoints.is_symlink() and any(checkpoints.glob("step-*.safetensors"))


def _entries(runs_dir: Path, prefix: str = "") -> list[Path]:
    try:
        with os.scandir(runs_dir) as entries:
            return [
                runs_dir / name for name in sorted(entry.name for entry in entries if entry.name.startswith(prefix))
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ResourceError(f"cannot read {runs_dir}: {error.strerror}", "choose another --runs-dir") from error


def _is_run(folder: Path) -> bool:
    try:
        if not RUN_NAME.match(folder.name) or folder.is_symlink() or not folder.is_dir():
            return False
        return (folder / "spec.json").exists() or (folder / "run.json").exists()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False
