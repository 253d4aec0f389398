"""Write the file of a sweep."""

from functools import partial
from pathlib import Path
from typing import Any

from vitreport.errors import BusyError
from vitreport.files import locked, make_folder, write_json
from vitreport.privacy import without_paths
from vitreport.records.folders import MOVE_HINT, refuse_foreign
from vitreport.records.reader import read_file, refuse_unreadable
from vitreport.records.sweeps import SweepRecord, TrialRecord, sweep_file
from vitreport.records.upgrade import parse
from vitreport.spec.sweep import AxisSpec, ValueSpec
from vitreport.store.lock import LOCK_NAME
from vitreport.sweep.plan import Plan

PATIENCE_SECONDS = 30


def write_sweep(runs_dir: Path, plan: Plan) -> Path:
    """Put a sweep on record; trials of other seeds that are there stay, also those that are written just now.

    Raises:
        RecordError: If the file, its lock or the folder of sweeps is a link or of another kind, or the file too large.
    """
    path = sweep_file(runs_dir, plan.id)
    refuse_foreign([path.parent], [path, path.parent / LOCK_NAME])
    record = _record(plan)
    if not _is_recorded(record, _known(path)):
        make_folder(path.parent)
        busy = BusyError(f"another process has been writing to {path.parent}", "run the same command again")
        with locked(path.parent / LOCK_NAME, timeout=PATIENCE_SECONDS, busy=lambda: busy):
            known = _known(path)
            trials = tuple(dict.fromkeys([*(known.trials if known else ()), *record.trials]))
            write_json(path, record.model_copy(update={"trials": trials}).model_dump(mode="json"), indent=None)
    return path


def _known(path: Path) -> SweepRecord | None:
    refuse_unreadable(path, MOVE_HINT)
    return read_file(path, partial(parse, SweepRecord), [])


def _is_recorded(record: SweepRecord, known: SweepRecord | None) -> bool:
    return known is not None and known.baseline == record.baseline and {*record.trials} <= {*known.trials}


def _record(plan: Plan) -> SweepRecord:
    """Without paths: a dataset may have been given by its path, and the file may be committed."""
    return SweepRecord(
        id=plan.id,
        name=plan.name,
        axes=tuple(AxisSpec(name=axis.name, values=tuple(map(_public_value, axis.values))) for axis in plan.axes),
        baseline=tuple(map(without_paths, plan.baseline)) if plan.baseline else None,
        trials=tuple(
            TrialRecord(values=tuple(map(without_paths, trial.values)), run=trial.id) for trial in plan.trials
        ),
    )


def _public_value(value: ValueSpec) -> ValueSpec:
    fields = {path: _public(given) for path, given in value.fields.items()}
    return ValueSpec(label=without_paths(value.label), value=_public(value.value), fields=fields)


def _public(value: Any) -> Any:
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, dict):
        return {key: _public(item) for key, item in value.items()}
    return [_public(item) for item in value] if isinstance(value, list | tuple) else value
