"""The records of a sweep: its own file, and those of its trials."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from vitreport.errors import BusyError, RecordError
from vitreport.files import locked, make_folder, write_json
from vitreport.privacy import without_paths
from vitreport.records.folders import MOVE_HINT, SWEEPS, newest_attempts, refuse_foreign
from vitreport.records.reader import Damage, Run, read_file, read_run
from vitreport.records.run import SweepRecord, TrialRecord
from vitreport.records.upgrade import parse
from vitreport.spec.sweep import AxisSpec
from vitreport.store.lock import LOCK_NAME
from vitreport.sweep.plan import Plan, Trial

PATIENCE_SECONDS = 30


def read_trials(trials: Sequence[Trial], runs_dir: Path) -> dict[str, Run]:
    """Read the record of each trial that has one, by the id of its spec."""
    folders = newest_attempts(runs_dir, [trial.id for trial in trials])
    return {run_id: read_run(folder) for run_id, folder in folders.items() if folder.exists()}


def write_sweep(runs_dir: Path, plan: Plan) -> Path:
    """Put a sweep on record; trials of other seeds stay. Raises RecordError for links, or an unreadable file."""
    path = runs_dir / SWEEPS / f"{plan.id}.json"
    refuse_foreign([path.parent], [path, path.parent / LOCK_NAME])
    record, known = _record(plan), _read(path, [])
    if known is None or known.baseline != record.baseline or not {*record.trials} <= {*known.trials}:
        make_folder(path.parent)
        busy = BusyError(f"another process has been writing to {path.parent}", "run the same command again")
        with locked(path.parent / LOCK_NAME, timeout=PATIENCE_SECONDS, busy=lambda: busy):
            damage: list[Damage] = []
            known = _read(path, damage)
            if damage and path.exists():  # written again, it would lose its trials
                raise RecordError(f"{path}: {damage[0].reason}", MOVE_HINT)
            trials = tuple(dict.fromkeys([*(known.trials if known else ()), *record.trials]))
            write_json(path, record.model_copy(update={"trials": trials}).model_dump(mode="json"), indent=None)
    return path


def _read(path: Path, damage: list[Damage]) -> SweepRecord | None:
    return read_file(path, partial(parse, SweepRecord), damage)


def _record(plan: Plan) -> SweepRecord:
    """Return the record without paths: a dataset may have been given by its path, and the file may be committed."""
    return SweepRecord(
        id=plan.id,
        name=plan.name,
        axes=tuple(AxisSpec.model_validate(_public(axis.model_dump())) for axis in plan.axes),
        baseline=_public(plan.baseline),
        trials=tuple(TrialRecord(values=_public(trial.values), run=trial.id) for trial in plan.trials),
    )


def _public(value: Any) -> Any:
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, dict):
        return {key: _public(item) for key, item in value.items()}
    return type(value)(map(_public, value)) if isinstance(value, list | tuple) else value
