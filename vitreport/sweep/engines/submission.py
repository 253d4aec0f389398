"""The trials that were handed to a cluster together: a folder that their jobs read, and that has their logs.

`runs/.slurm/<name>/` has `trials.json`, and of each trial, by its number, a log and how its job has ended. No job of a
trial is needed to know whether it is done: its run folder says it.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from vitreport.files import make_folder, remove_file, shown_path, write_atomic, write_json
from vitreport.records.upgrade import parse
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.engine import Ended
from vitreport.untrusted_files import read_bounded

FOLDER = ".slurm"
MAX_BYTES = 64 << 20
RUNTIME = TypeAdapter(Runtime)


@dataclass(frozen=True)
class Job:
    """A trial's place in a submission: what its job reads and writes."""

    folder: Path
    number: int

    @property
    def log(self) -> Path:
        """What the job prints; messages show the path."""
        return shown_path(self.folder / f"{self.number}.log")

    @property
    def _end(self) -> Path:
        return self.folder / f"{self.number}.json"

    def begin(self) -> None:
        """Remove what an earlier attempt of the same job has left."""
        remove_file(self._end)

    def write_end(self, ended: Ended) -> None:
        """Say how the trial has ended."""
        write_json(self._end, asdict(ended))

    def read_end(self) -> Ended | None:
        """Return how the trial has ended; None if the job has not said it."""
        try:
            return Ended(**json.loads(read_bounded(self._end, MAX_BYTES, links=False)))
        except (OSError, ValueError, TypeError):
            return None


def write_submission(
    specs: Sequence[RunSpec], runtime: Runtime, argv: Sequence[str], data_dirs: Mapping[str, Path] = {}
) -> Path:
    """Write what the jobs of these specs need into a new folder, and return the folder.

    The dataset of a run is in its place in `data_dirs`, else in that of the runtime.
    """
    above = runtime.runs_dir / FOLDER
    make_folder(above)
    write_atomic(above / ".gitignore", b"*\n")
    folder = above / secrets.token_hex(4)
    make_folder(folder)
    homes = [data_dirs.get(spec.run_id, runtime.data_dir).absolute() for spec in specs]
    trials = [
        {"run": spec.run_id, "spec": spec.model_dump(mode="json"), "data_dir": str(home)}
        for spec, home in zip(specs, homes, strict=True)
    ]
    values = {"runtime": RUNTIME.dump_python(_absolute(runtime), mode="json"), "argv": list(argv), "trials": trials}
    write_json(folder / "trials.json", values, indent=None)
    return folder


def _absolute(runtime: Runtime) -> Runtime:
    return replace(
        runtime,
        data_dir=runtime.data_dir.absolute(),
        cache_dir=runtime.cache_dir.absolute(),
        runs_dir=runtime.runs_dir.absolute(),
        weights=runtime.weights and runtime.weights.absolute(),
    )


def read_trial(job: Job) -> tuple[RunSpec, Runtime, Sequence[str]]:
    """Return the spec, the runtime and the recorded command of a job."""
    values = _read(job.folder)
    trial, runtime = values["trials"][job.number], RUNTIME.validate_python(values["runtime"])
    spec = parse(RunSpec, json.dumps(trial["spec"]).encode())
    return spec, replace(runtime, data_dir=Path(trial["data_dir"])), values["argv"]


@cache
def read_jobs(folder: Path) -> dict[str, Job]:
    """Return the jobs of a submission by the ids of the runs; none if it cannot be read."""
    try:
        return {trial["run"]: Job(folder, number) for number, trial in enumerate(_read(folder)["trials"])}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _read(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(read_bounded(folder / "trials.json", MAX_BYTES, links=False))
    return values


def newest_log(runs_dir: Path, run_id: str) -> Path | None:
    """Return the log of the newest job of a run; None if none has one here."""
    logs = [jobs[run_id].log for folder in (runs_dir / FOLDER).glob("*/") if run_id in (jobs := read_jobs(folder))]
    written = [log for log in logs if log.is_file()]
    return max(written, key=lambda log: log.stat().st_mtime, default=None)
