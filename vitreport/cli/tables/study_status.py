"""How far a study is: what is done of each run and ablation, and the time that the missing runs will take."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vitreport.cli.console import print_json, print_table, print_text, warn_each
from vitreport.formatting import counted, duration
from vitreport.records.folders import run_folders
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.sweep.expected import Expect, TrialForecast, expect_from_records, forecast_trials
from vitreport.sweep.studies import StudyPlan, StudyRequest

INDENT = "  "
ALWAYS_SHOWN = {"done": "done", "new": "missing"}


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
    """Print the parts in their sections, then the sum. Without a machine to measure on only records tell the time."""
    records = [read_run(folder) for folder in run_folders(runs_dir)]
    expect: Expect = expect_from_records(records)
    if measured_on:
        from vitreport.sweep.measured import Estimator

        expect = Estimator(measured_on, records)
    trials = {name: forecast_trials(plan, runs_dir, expect) for name, plan in planned.available.items()}
    parts = {name: _status(of_part) for name, of_part in trials.items()}
    whole = _status({trial.run: trial for of_part in trials.values() for trial in of_part}.values())
    warn_each(f"{name}: {error.lines()[0]}" for name, error in planned.unavailable.items())
    if as_json:
        print_json({"parts": [{"name": name, **asdict(part)} for name, part in parts.items()], "all": asdict(whole)})
        return
    states = {**ALWAYS_SHOWN, **{state: state for state in whole.states if state not in ALWAYS_SHOWN}}
    columns = ["run or ablation", "runs", *states.values(), "time"]
    rows: list[Sequence[str]] = []
    for section in planned.study.order:
        names = [name for name in (*section.runs, *section.ablations) if name in parts]
        if names:
            rows.append([section.title, *[""] * (len(columns) - 1)])
        rows += [_row(name, parts[name], list(states)) for name in names]
    print_table(columns, rows, right=columns[1:])
    print_text(_sum(whole, sum(part.runs for part in parts.values()) - whole.runs, asked))


def _status(trials: Collection[TrialForecast]) -> Status:
    times = [trial.seconds for trial in trials]
    known = [seconds for seconds in times if seconds is not None]
    return Status(
        runs=len(trials),
        states=dict(Counter(trial.state for trial in trials)),
        to_train=sum(trial.to_train for trial in trials),
        seconds=sum(known) if len(known) == len(times) else None,
    )


def _row(name: str, part: Status, states: Sequence[str]) -> list[str]:
    time = "unknown" if part.seconds is None else duration(part.seconds) if part.to_train else ""
    return [f"{INDENT}{name}", str(part.runs), *(str(part.states.get(state, 0)) for state in states), time]


def _sum(whole: Status, shared: int, asked: StudyRequest) -> str:
    """Word the sum; `shared` counts the runs of several parts again for each part but one."""
    runs = f"{counted(whole.runs, 'run')}{f' ({shared:,} shared)' if shared else ''}"
    done = f"{runs}, {whole.states.get('done', 0):,} done"
    if not whole.to_train:
        return done
    if whole.seconds is None:
        command = f"{asked.command(*asked.only, verb='status')} --measure"
        return f"{done}; the records do not tell the time of all others: `{command}` times some steps"
    return f"{done}; the others take about {duration(whole.seconds)}, one at a time"
