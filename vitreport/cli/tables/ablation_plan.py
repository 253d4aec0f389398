"""`vitreport ablate --dry-run`: the cells, what is done already, the time and the disk that the others need."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch

from vitreport.cli.composer import Work
from vitreport.cli.console import note, print_json, print_table, print_text
from vitreport.cli.tables.plan import make_plan as make_run_plan
from vitreport.formatting import compact, counted, duration
from vitreport.records.folders import run_folders
from vitreport.records.reader import Run, read_run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.space import disk_bytes
from vitreport.sweep.cells import is_to_be_trained, read_cells, state_of_cell
from vitreport.sweep.check import Networks
from vitreport.sweep.expect import elapsed_seconds, expected_seconds
from vitreport.sweep.plan import Cell, Plan, told_baseline
from vitreport.sweep.run import Policy
from vitreport.training.device import choose_device, device_name

Estimate = tuple[float, str, int]
"""The seconds that a run will take, what tells them, and its bytes on the disk."""


@dataclass(frozen=True)
class CellPlan:
    """`source` says what `seconds` is from; a cell that is not `to_train` needs neither time nor disk."""

    run: str
    values: tuple[str, ...]
    seed: int
    state: str
    to_train: bool
    seconds: float
    source: str
    disk_bytes: int


def show_ablation_plan(work: Work, runtime: Runtime, policy: Policy, *, as_json: bool) -> None:
    """Every cell, then the sums, on stdout."""
    for error in work.unavailable.values():
        raise error
    records = [read_run(folder) for folder in run_folders(runtime.runs_dir)]
    estimator = Estimator(runtime, records)
    plans = [sweep.plan for sweep in work.sweeps]
    runs = {run_id: run for plan in plans for run_id, run in read_cells(plan.cells, runtime.runs_dir).items()}
    missing = (cell for plan in plans for cell in plan.cells if _is_missing(runs.get(cell.id), policy))
    estimator.check(cell.spec for cell in missing)
    told = []
    for sweep in work.sweeps:
        estimate = partial(estimator, data_dir=sweep.data_dir)
        told.append([_cell_plan(cell, runs.get(cell.id), policy, estimate) for cell in sweep.plan.cells])
    if as_json:
        print_json([_plain(plan, cells, policy.jobs) for plan, cells in zip(plans, told, strict=True)])
        return
    for number, (plan, cells) in enumerate(zip(plans, told, strict=True)):
        print_text("\n" * (number > 0) + plan.name)
        print_table(
            [*(axis.name for axis in plan.axes), "seed", "state", "time", "from", "disk", "run"],
            [_row(cell) for cell in cells],
            right=["time", "disk"],
        )
        print_text(_sums(cells, policy.jobs))
        if line := told_baseline(plan):
            note(f"warning: {line}")


class Estimator:
    """Time and disk of a spec, once for all that cost the same; steps are timed only where no record tells the time."""

    def __init__(self, runtime: Runtime, records: Sequence[Run]) -> None:
        self._runtime, self._records = runtime, records
        self._device = device_name(choose_device(runtime.device))
        self._threads = runtime.threads or torch.get_num_threads()
        self._networks = Networks()
        self._known: dict[str, Estimate] = {}

    def check(self, specs: Iterable[RunSpec]) -> None:
        """Raises SpecError with what is wrong with any of their networks."""
        self._networks.check(specs)

    def __call__(self, spec: RunSpec, data_dir: Path) -> Estimate:
        parts = (spec.model, spec.data, spec.train)
        alike = "".join([*(part.model_dump_json() for part in parts), spec.optimizer.name, str(data_dir)])
        if alike not in self._known:
            self._known[alike] = self._estimate(spec, data_dir)
        return self._known[alike]

    def _estimate(self, spec: RunSpec, data_dir: Path) -> Estimate:
        recorded = expected_seconds(spec, self._records, self._device, self._threads)
        if recorded is not None:
            return recorded, "records", disk_bytes(spec, self._networks.parameters(spec))
        plan = make_run_plan(spec, replace(self._runtime, data_dir=data_dir))
        return plan.seconds, "a few steps", plan.disk_bytes


def _is_missing(run: Run | None, policy: Policy) -> bool:
    return is_to_be_trained(run, retry_failed=policy.retry_failed)


def _cell_plan(cell: Cell, run: Run | None, policy: Policy, estimate: Callable[[RunSpec], Estimate]) -> CellPlan:
    to_train = _is_missing(run, policy)
    seconds, source, disk = estimate(cell.spec) if to_train else (0.0, "", 0)
    return CellPlan(cell.id, cell.values, cell.spec.seed, state_of_cell(run), to_train, seconds, source, disk)


def _row(cell: CellPlan) -> list[str]:
    time = duration(cell.seconds) if cell.seconds else ""
    disk = f"{compact(cell.disk_bytes)}B" if cell.disk_bytes else ""
    return [*cell.values, str(cell.seed), cell.state, time, cell.source, disk, cell.run]


def _sums(cells: Sequence[CellPlan], jobs: int) -> str:
    settled = Counter(cell.state for cell in cells if not cell.to_train)
    told = ", ".join([counted(len(cells), "cell"), *(f"{count} {state}" for state, count in settled.items())])
    if settled.total() == len(cells):
        return f"{told}; nothing is left to train"
    others = len(cells) - settled.total()
    time = f"about {duration(_seconds(cells, jobs))} with {counted(jobs, 'job')}"
    disk = f"{compact(sum(cell.disk_bytes for cell in cells))}B of disk"
    return f"{told}; the other{f' {others} take' if others > 1 else ' takes'} {time} and {disk}"


def _seconds(cells: Sequence[CellPlan], jobs: int) -> float:
    return elapsed_seconds((cell.seconds for cell in cells), jobs)


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
