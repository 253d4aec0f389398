"""Find the values that the shell offers for an argument or an option when the user presses Tab.

Nothing here loads torch. Where no value fits, the shell offers files and folders.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import typer

from vitreport.data.registry import DATASETS
from vitreport.records.folders import SWEEPS, run_folders
from vitreport.run_id import RunId
from vitreport.runtime import RUNS_DIR
from vitreport.spec.fields import field_paths
from vitreport.spec.load import preset_names
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.study import read_study, study_names
from vitreport.spec.sweep import short_name

SAFE = re.compile(r"[\w.+-][\w./=+-]*")  # the scripts of the shells evaluate what they receive
Complete = Callable[[typer.Context, str], list[str]]


def _quiet(find: Callable[[typer.Context], Iterable[str]], *, in_lists: bool = False) -> Complete:
    """Return the values that a shell can take, and none after an error; `in_lists` also after a comma."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        before, comma, _ = incomplete.rpartition(",") if in_lists else ("", "", "")
        with suppress(Exception):
            return [f"{before}{comma}{value}" for value in find(context) if SAFE.fullmatch(value)]
        return []

    return complete


def _ids(context: typer.Context, *kinds: Literal["groups", "sweeps"]) -> Iterable[str]:
    """Return the ids of the runs, and of these other kinds."""
    runs_dir: Path = context.params.get("runs_dir") or RUNS_DIR.default
    run_ids = [folder.name for folder in run_folders(runs_dir)]
    grouped = [RunId.parse(run_id).group for run_id in run_ids] if "groups" in kinds else []
    swept = [file.stem for file in (runs_dir / SWEEPS).glob("*.json")] if "sweeps" in kinds else []
    return sorted({*run_ids, *grouped, *swept})


datasets = _quiet(lambda _: DATASETS)
presets = _quiet(lambda _: preset_names())
studies = _quiet(lambda _: study_names())
fields = _quiet(lambda _: map(short_name, field_paths()))
assignments = _quiet(lambda _: (f"{short_name(path)}=" for path in field_paths()))
models = _quiet(lambda _: ("timm/" if name == "timm" else name for name in ARCHITECTURES))  # timm's own load torch
runs = _quiet(_ids)
groups = _quiet(lambda context: _ids(context, "groups"))
# typer does not assign the arguments while the last option lacks its value
parts = _quiet(lambda context: read_study(context.params.get("study") or context.args[0]).parts, in_lists=True)
sweeps = _quiet(lambda context: _ids(context, "groups", "sweeps"))
