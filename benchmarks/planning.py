"""Seconds and memory that a sweep of many trials takes in addition to its trainings.

python -m benchmarks.planning [--values 1000] [--seeds 10]

No trial is trained: the records of all are copies of one real record.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import vitreport
from vitreport.cli.live import SweepView
from vitreport.data.sources import facts_in
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import field_axis
from vitreport.sweep.check import missing_trials
from vitreport.sweep.engines.engine import Ended, Report, State
from vitreport.sweep.observer import Policy
from vitreport.sweep.plan import plan_ablation, read_trials, write_sweep
from vitreport.sweep.run import Sweep
from vitreport.training.events import Started, StepFinished

TRAIN = """
import json, sys, vitreport
from pathlib import Path
vitreport.train(json.loads(sys.argv[1]), vitreport.Runtime(runs_dir=Path(sys.argv[2]), device="cpu"))
"""
figures: dict[str, float] = {}


@contextmanager
def timed(name: str) -> Iterator[None]:
    begun = time.process_time()
    yield
    figures[f"{name}_cpu_seconds"] = round(time.process_time() - begun, 2)
    figures[f"{name}_peak_megabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
    print(json.dumps(figures), flush=True)


def recorder(runs_dir: Path, base: RunSpec) -> Callable[[RunSpec], None]:
    """Train one run; return what puts any other spec on record as if it had that result."""
    real = runs_dir.parent / "real" / base.run_id
    command = [sys.executable, "-c", TRAIN, base.model_dump_json(), str(real.parent)]
    subprocess.run(command, check=True)  # torch would hide what the planning needs
    files = {path.name: path.read_text() for path in real.iterdir() if path.suffix in (".json", ".jsonl")}
    record, spec_json = json.loads(files["run.json"]), json.loads(files["spec.json"])

    def finish(spec: RunSpec) -> None:
        folder = runs_dir / spec.run_id
        folder.mkdir(parents=True)
        own = {"run.json": record | {"id": folder.name}, "spec.json": spec_json | spec.model_dump(mode="json")}
        for name, text in files.items():
            (folder / name).write_text(json.dumps(own[name]) if name in own else text)

    return finish


class Pretence:
    """An engine that trains eight trials at a time, each in no time."""

    outlives_command = False

    def __init__(self, finish: Callable[[RunSpec], None]) -> None:
        self.finish, self.specs = finish, dict[str, RunSpec]()

    def check(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    @property
    def running(self) -> list[str]:
        return list(self.specs)

    @property
    def has_room(self) -> bool:
        return len(self.specs) < 8

    def adopt(self, run_ids: Collection[str]) -> list[str]:
        return []

    def submit(self, spec: RunSpec, data_dir: Path | None = None) -> State:
        self.specs[spec.run_id] = spec
        return "running"

    def reports(self, seconds: float) -> list[tuple[str, Report]]:
        found: list[tuple[str, Report]] = []
        for run_id, spec in self.specs.items():
            self.finish(spec)
            found += [(run_id, Started(1, 10, 0, 0)), (run_id, StepFinished(0, 5, 0.1, 1.0)), (run_id, Ended())]
        self.specs.clear()
        return found

    def stop(self) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    model = {"name": "mlp-mixer", "patch_size": 4, "embed_dim": 8, "num_blocks": 1}
    data = {"dataset": "digits", "image_size": 8, "limit": 40}
    base = vitreport.read_spec({"model": model, "data": data, "train": {"epochs": 1, "batch_size": 18}})
    axis = field_axis("learning_rate", [round(1e-6 * number, 9) for number in range(1, options.values + 1)])
    figures["trials"] = options.values * options.seeds
    figures["start_peak_megabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
    with tempfile.TemporaryDirectory() as folder:
        runs_dir = Path(folder, "runs")
        finish = recorder(runs_dir, base)
        with timed("plan"):
            plan = plan_ablation(base, [axis], range(options.seeds), facts_in([]))
        with timed("write_sweep"):
            write_sweep(runs_dir, plan)
        with timed("read_no_records"):
            missing_trials(plan.trials, read_trials(plan.trials, runs_dir))
        view = SweepView(quiet=True)
        view.bars.disable = False  # draw the bars, although this is no terminal
        with timed("run_sweep"), view:
            view.begin([plan])
            Sweep(plan.trials, Runtime(runs_dir=runs_dir), Pretence(finish), Policy(), view, set()).run()
        with timed("read_all_records"):
            missing_trials(plan.trials, read_trials(plan.trials, runs_dir))
    from benchmarks.results import write  # with torch

    print(write("planning", figures))


if __name__ == "__main__":
    main()
