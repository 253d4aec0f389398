"""`vitreport ablate --dry-run`: the cells, what is done already, the time and the disk that the others need."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from vitreport.cli.console import print_json, print_table, print_text
from vitreport.cli.plan import make_plan as make_run_plan
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.folders import run_folders
from vitreport.store.reader import Run, read_run
from vitreport.sweep.cells import RESULTS, read_cells, state_of_cell
from vitreport.sweep.expect import expected_seconds
from vitreport.sweep.plan import Cell, Plan
from vitreport.text import compact, duration
from vitreport.training.device import choose_device, device_name


@dataclass(frozen=True)
class CellPlan:
    """`source` says what `seconds` is from; a cell that is done needs neither time nor disk."""

    run: str
    values: tuple[str, ...]
    seed: int
    state: str
    seconds: float
    source: str
    disk_bytes: int


def show_ablation_plan(plans: Sequence[Plan], runtime: Runtime, jobs: int, *, as_json: bool) -> None:
    """Every cell, then the sums, on stdout."""
    records = [read_run(folder) for folder in run_folders(runtime.runs_dir)]
    estimator = _Estimator(runtime, records)
    told = []
    for plan in plans:
        runs = read_cells(plan.cells, runtime.runs_dir)
        told.append([_cell_plan(cell, runs.get(cell.id), estimator) for cell in plan.cells])
    if as_json:
        print_json([_plain(plan, cells, jobs) for plan, cells in zip(plans, told, strict=True)])
        return
    for number, (plan, cells) in enumerate(zip(plans, told, strict=True)):
        print_text("\n" * (number > 0) + plan.name)
        print_table(
            [*(axis.name for axis in plan.axes), "seed", "state", "time", "from", "disk", "run"],
            [_row(cell) for cell in cells],
            right=["time", "disk"],
        )
        print_text(_sums(cells, jobs))


class _Estimator:
    """Time and disk of a spec; each group of seeds is measured once."""

    def __init__(self, runtime: Runtime, records: Sequence[Run]) -> None:
        self._runtime, self._records = runtime, records
        self._device = device_name(choose_device(runtime.device))
        self._known: dict[str, tuple[float, str, int]] = {}

    def __call__(self, spec: RunSpec) -> tuple[float, str, int]:
        if spec.group_hash not in self._known:
            plan = make_run_plan(spec, self._runtime)
            recorded = expected_seconds(spec, self._records, self._device)
            told = (plan.seconds, "a few steps") if recorded is None else (recorded, "records")
            self._known[spec.group_hash] = (*told, plan.disk_bytes)
        return self._known[spec.group_hash]


def _cell_plan(cell: Cell, run: Run | None, estimator: _Estimator) -> CellPlan:
    state = state_of_cell(run)
    seconds, source, disk = (0.0, "", 0) if state in RESULTS else estimator(cell.spec)
    return CellPlan(cell.id, cell.values, cell.spec.seed, state, seconds, source, disk)


def _row(cell: CellPlan) -> list[str]:
    time = duration(cell.seconds) if cell.seconds else ""
    disk = f"{compact(cell.disk_bytes)}B" if cell.disk_bytes else ""
    return [*cell.values, str(cell.seed), cell.state, time, cell.source, disk, cell.run]


def _sums(cells: Sequence[CellPlan], jobs: int) -> str:
    done = sum(cell.state in RESULTS for cell in cells)
    seconds = _seconds(cells, jobs)
    time = f"about {duration(seconds)} with {jobs} job{'s' * (jobs > 1)}"
    disk = f"{compact(sum(cell.disk_bytes for cell in cells))}B of disk"
    return f"{len(cells)} cells, {done} done; the others take {time} and {disk}"


def _seconds(cells: Sequence[CellPlan], jobs: int) -> float:
    return sum(cell.seconds for cell in cells) / jobs


def _plain(plan: Plan, cells: Sequence[CellPlan], jobs: int) -> dict[str, object]:
    return {
        "id": plan.id,
        "name": plan.name,
        "axes": [axis.name for axis in plan.axes],
        "baseline": plan.baseline,
        "seconds": _seconds(cells, jobs),
        "disk_bytes": sum(cell.disk_bytes for cell in cells),
        "cells": [asdict(cell) for cell in cells],
    }
