"""How far a study is: what is done of each run and ablation, and the time that the missing runs will take."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vitreport.cli.console import print_json, print_table, print_text, warn_each
from vitreport.formatting import counted, duration
from vitreport.records.folders import run_folders
from vitreport.records.reader import Run, read_run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.state import needs_training, trial_state
from vitreport.sweep.expect import expected_seconds
from vitreport.sweep.plan import Plan
from vitreport.sweep.studies import StudyPlan, StudyRequest
from vitreport.sweep.trials import read_trials

INDENT = "  "
TITLES = {"new": "missing"}
ALWAYS = ("done", "new")
Clock = Callable[[RunSpec, Path], float | None]
"""The seconds that a run will take with the images in a folder, None where they are not known."""


@dataclass(frozen=True)
class RunStatus:
    state: str
    to_train: bool
    seconds: float | None


@dataclass(frozen=True)
class Status:
    """The runs of a part by state; `seconds` is the time of those that are to be trained, None where not known."""

    runs: int
    states: Mapping[str, int]
    to_train: int
    seconds: float | None


def show_status(
    planned: StudyPlan, asked: StudyRequest, runs_dir: Path, *, measured_on: Runtime | None, as_json: bool
) -> None:
    """The parts in their sections, then the sum, on stdout. Without a machine to measure on only records tell time."""
    records = [read_run(folder) for folder in run_folders(runs_dir)]
    clock = _measuring_clock(measured_on, records) if measured_on else _recorded_clock(records)
    runs = {name: _runs(plan, runs_dir, clock) for name, plan in planned.available.items()}
    parts = {name: _status(each.values()) for name, each in runs.items()}
    whole = _status({run_id: run for each in runs.values() for run_id, run in each.items()}.values())
    warn_each(f"{name}: {error.lines()[0]}" for name, error in planned.unavailable.items())
    if as_json:
        print_json({"parts": [{"name": name, **asdict(part)} for name, part in parts.items()], "all": asdict(whole)})
        return
    others = [state for state in whole.states if state not in ALWAYS]
    columns = ["run or ablation", "runs", *(TITLES.get(state, state) for state in (*ALWAYS, *others)), "time"]
    print_table(columns, list(_rows(planned, parts, (*ALWAYS, *others))), right=columns[1:])
    print_text(_sum(whole, sum(part.runs for part in parts.values()) - whole.runs, asked))


def _recorded_clock(records: Sequence[Run]) -> Clock:
    """From the records of runs like it, on the device and with the threads that most of them were made with."""
    made = Counter(
        (run.record.device, run.record.fingerprint.get("threads", ""))
        for run in records
        if run.record and run.record.status == "done"
    )
    if not made:
        return lambda spec, data_dir: None
    device, told = made.most_common(1)[0][0]
    threads = int(told) if told.isdecimal() else 1
    return lambda spec, data_dir: expected_seconds(spec, records, device, threads)


def _measuring_clock(runtime: Runtime, records: Sequence[Run]) -> Clock:
    """From the records of this device, else from a few steps on it."""
    from vitreport.cli.tables.ablation_plan import Estimator

    estimator = Estimator(runtime, records)
    return lambda spec, data_dir: estimator(spec, data_dir)[0]


def _runs(plan: Plan, runs_dir: Path, clock: Clock) -> dict[str, RunStatus]:
    runs = read_trials(plan.trials, runs_dir)
    told = {}
    for trial in plan.trials:
        run = runs.get(trial.id)
        to_train = needs_training(run, retry_failed=False)
        told[trial.id] = RunStatus(trial_state(run), to_train, clock(trial.spec, plan.data_dir) if to_train else 0.0)
    return told


def _status(runs: Collection[RunStatus]) -> Status:
    times = [run.seconds for run in runs]
    known = [seconds for seconds in times if seconds is not None]
    return Status(
        runs=len(runs),
        states=dict(Counter(run.state for run in runs)),
        to_train=sum(run.to_train for run in runs),
        seconds=sum(known) if len(known) == len(times) else None,
    )


def _rows(planned: StudyPlan, parts: Mapping[str, Status], states: Sequence[str]) -> Iterable[list[str]]:
    for section in planned.study.order:
        if names := [name for name in (*section.runs, *section.ablations) if name in parts]:
            yield [section.title, *[""] * (len(states) + 2)]
            for name in names:
                part = parts[name]
                counts = [str(part.states.get(state, 0)) for state in states]
                yield [f"{INDENT}{name}", str(part.runs), *counts, _time(part)]


def _time(part: Status) -> str:
    if part.seconds is None:
        return "unknown"
    return duration(part.seconds) if part.to_train else ""


def _sum(whole: Status, shared: int, asked: StudyRequest) -> str:
    """`shared` counts the runs of several parts again for each part but one."""
    told = f"{counted(whole.runs, 'run')}{f' ({shared:,} shared)' if shared else ''}, "
    told += f"{whole.states.get('done', 0):,} done"
    if not whole.to_train:
        return told
    if whole.seconds is None:
        command = f"{asked.command(*asked.only, verb='status')} --measure"
        return f"{told}; the records do not tell the time of all others: `{command}` times some steps"
    return f"{told}; the others take about {duration(whole.seconds)}, one at a time"
