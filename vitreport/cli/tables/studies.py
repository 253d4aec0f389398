"""Studies as tables: those that there are, what one consists of, and how far it is."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vitreport.analysis.studies import statement_of
from vitreport.cli.console import print_json, print_sentence, print_table, print_text, warn_each
from vitreport.data.sources import facts_in
from vitreport.formatting import counted, duration, printable, toml_value
from vitreport.records.folders import run_folders
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.spec.fields import flat
from vitreport.spec.study import PartSpec, StudySpec
from vitreport.spec.study_file import read_study, study_names
from vitreport.spec.sweep import shown_level
from vitreport.sweep.forecast import TrialForecast, expect_from_records, expect_here, forecast_trials
from vitreport.sweep.study_plan import StudyPlan, StudyRequest, plan_study

INDENT = "  "
ALWAYS_SHOWN = {"done": "done", "new": "missing"}


def show_studies(*, as_json: bool) -> None:
    studies = {name: read_study(name) for name in study_names()}
    if as_json:
        print_json([{"name": name, **_counts(study)} for name, study in studies.items()])
        return
    rows = [(name, *map(str, _counts(study).values())) for name, study in studies.items()]
    print_table(["study", "title", "runs", "ablations", "claims"], rows, right=["runs", "ablations", "claims"])


def show_study(name: str, *, as_json: bool) -> None:
    """Its sections, then its claims."""
    study = plan_study(StudyRequest(name), facts_in(None)).study  # with every problem of its runs
    if as_json:
        print_json({"name": name, **study.model_dump(mode="json")})
        return
    print_text(printable(study.title))
    for section in study.order:
        print_text(f"\n{printable(section.title)}")
        if section.question:
            print_sentence(printable(section.question))
        trained = [(part, _described(study.parts[part])) for part in (*section.runs, *section.ablations)]
        print_table(["run or ablation", "what is trained"], trained)
    if study.claims:
        print_text("\nPublished")
        rows = [(statement_of(study, claim), claim.source, ", ".join(claim.fault)) for claim in study.claims]
        print_table(["claim", "source", "fault"], rows)
    if study.faults:
        print_text("\nFaults of what was published: such claims are not comparable")
        print_table(["", ""], list(study.faults.items()))


def _described(part: PartSpec) -> str:
    """perceiver-io on cifar10, epochs = 12, by batch_size: 16; 32; 64"""
    preset = [f"preset {part.preset}"] if part.preset else []
    changed = [f"{name} = {toml_value(value)}" for name, value in flat(part.set).items()]
    varied = [f"{axis.name}: {'; '.join(shown_level([value.label]) for value in axis.values)}" for axis in part.axes]
    by = [f"by {' x '.join(varied)}"] if varied else []
    return ", ".join([f"{part.model} on {part.dataset}", *preset, *changed, *by])


def _counts(study: StudySpec) -> dict[str, str | int]:
    return {
        "title": study.title,
        "runs": len(study.runs),
        "ablations": len(study.ablations),
        "claims": len(study.claims),
    }


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
    expect = expect_here(measured_on, records) if measured_on else expect_from_records(records)
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
        for name in names:
            part = parts[name]
            time = "unknown" if part.seconds is None else duration(part.seconds) if part.to_train else ""
            rows.append([f"{INDENT}{name}", str(part.runs), *(str(part.states.get(each, 0)) for each in states), time])
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
