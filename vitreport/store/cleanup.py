"""Find and remove what is no longer needed, without torch, and never from a run that is being trained.

A folder is renamed before its files are removed, so readers see all of it or nothing. After a crash, it has the name of
a temporary file.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Literal

from vitreport.data.registry import DATASETS
from vitreport.files import TEMPORARY_SUFFIX, storage_errors
from vitreport.lease import is_leased, leased
from vitreport.records.folders import CHECKPOINTS, run_folders
from vitreport.records.reader import Run, read_run
from vitreport.store.run_state import FINISHED_STATES, LOCK_NAME, TIMEOUT_SECONDS, trial_state

Kind = Literal["checkpoints", "weights", "temporary", "cache"]
DEFAULT_KINDS: tuple[Kind, ...] = ("checkpoints", "temporary", "cache")
"""Without the weights of the best epoch, because a trained model needs them."""
TEMPORARY = f".*{TEMPORARY_SUFFIX}"


@dataclass(frozen=True)
class Removal:
    """A file or folder to remove. A process that uses it locks the file `lock`."""

    path: Path
    content: str
    lock: Path

    @cached_property
    def bytes(self) -> int:
        """The size of the file, or of all files in the folder, when it was first asked for."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.lstat().st_size for file in files if not file.is_dir())


def whole_run(folder: Path) -> Removal:
    """Return the removal of a run."""
    return Removal(folder, "run", folder / LOCK_NAME)


def find_removals(runs_dir: Path, cache_dir: Path, kinds: Sequence[Kind] = DEFAULT_KINDS) -> list[Removal]:
    """Return what can be removed of these kinds, without what another process is using."""
    runs, arrays = [read_run(folder) for folder in run_folders(runs_dir)], cache_dir / "arrays"
    found = {
        "checkpoints": _in_finished(runs, CHECKPOINTS, "checkpoints of a finished run"),
        "weights": _in_finished(runs, "best.safetensors", "weights of a finished run"),
        "temporary": _temporaries(runs, runs_dir, arrays),
        "cache": chain(_unused_images(runs, arrays), _damaged_downloads(cache_dir / "data")),
    }
    listed = (removal for kind in kinds for removal in found[kind] if not removal.path.is_symlink())
    return [removal for removal in listed if not is_leased(removal.lock)]


def _in_finished(runs: Iterable[Run], name: str, content: str) -> Iterator[Removal]:
    for run in runs:
        path = run.folder / name
        if trial_state(run) in FINISHED_STATES and path.exists():
            yield Removal(path, content, run.folder / LOCK_NAME)


def _temporaries(runs: Iterable[Run], runs_dir: Path, arrays: Path) -> Iterator[Removal]:
    """Yield what interrupted processes left behind: files in runs, partly deleted runs, decoded images."""
    for run in runs:
        for folder in (run.folder, run.folder / CHECKPOINTS):
            files = [] if folder.is_symlink() else folder.glob(TEMPORARY)
            yield from (Removal(path, "temporary file", run.folder / LOCK_NAME) for path in files)
    for folder in filter(Path.is_dir, runs_dir.glob(TEMPORARY)):
        yield Removal(folder, "partly deleted run", folder / LOCK_NAME)
    for folder in filter(Path.is_dir, arrays.glob(TEMPORARY)):  # a file is the claim of a lease
        yield Removal(folder, "incomplete decoded images", folder.with_suffix("").with_suffix(".lock"))


def _unused_images(runs: Iterable[Run], arrays: Path) -> Iterator[Removal]:
    """Yield decoded images that no run was trained on, and all but the newest of several copies."""
    from vitreport.data.arrays import read_facts

    used = {run.record.data.fingerprint for run in runs if run.record}
    folders = [path for path in arrays.glob("*") if path.is_dir() and not path.match(TEMPORARY)]
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
        facts = read_facts(folder)
        if facts and facts.fingerprint in used:
            used.remove(facts.fingerprint)
        else:
            yield Removal(folder, "decoded images that no run here used", folder.with_name(f".{folder.name}.lock"))


def _damaged_downloads(data_dir: Path) -> Iterator[Removal]:
    """Yield the downloads that `data.fetch` has set aside because of their checksums."""
    for name in sorted(dataset.archive.file for dataset in DATASETS.values() if dataset.archive):
        path = data_dir / f"{name}.bad"
        if path.exists():
            yield Removal(path, "download with a wrong checksum", data_dir / f".{name}.lock")


def remove(removal: Removal) -> None:
    """Remove a file or folder, after hiding it from readers. Raises BusyError if another process uses it."""
    path = removal.path
    if not path.exists():  # another process has removed it since it was listed
        return
    with leased(removal.lock, str(path), timeout=TIMEOUT_SECONDS), storage_errors(path):
        if not path.is_dir():
            path.unlink(missing_ok=True)
            return
        hidden = path if path.match(TEMPORARY) else path.with_name(f".{path.name}{TEMPORARY_SUFFIX}")
        if hidden != path:
            shutil.rmtree(hidden, ignore_errors=True)  # left by an interrupted deletion
            path.rename(hidden)
        shutil.rmtree(hidden)
