"""Studies as tables: which there are, what one consists of, and how much of it is done."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from vitreport.analysis.studies import statement_of
from vitreport.cli.console import note, note_lowered, print_json, print_sentence, print_table, print_text, warn_each
from vitreport.cli.tables.runs import HINT, require_runs_dir
from vitreport.data.sources import facts_in
from vitreport.formatting import counted, duration, printable, toml_value
from vitreport.records.folders import run_folders
from vitreport.records.reader import read_run
from vitreport.runtime import RUNS_DIR, Runtime
from vitreport.spec.compose import Describe
from vitreport.spec.fields import flat
from vitreport.spec.study import PartSpec
from vitreport.spec.study_file import read_study, study_names
from vitreport.spec.sweep import shown_level
from vitreport.sweep.forecast import TrialForecast, expect_from_records, expect_here, forecast_trials
from vitreport.sweep.study_plan import StudyRequest, plan_study

COUNTED = ("runs", "ablations", "claims")


def show_studies(*, as_json: bool) -> None:
    """Print the studies that come with vitreport, with the numbers of their parts."""
    studies = []
    for name in study_names():
        study = read_study(name)
        counts = {kind: len(getattr(study, kind)) for kind in COUNTED}
        studies.append({"name": name, "title": study.title, **counts})
    if as_json:
        print_json(studies)
    else:
        print_table(["study", "title", *COUNTED], [list(map(str, each.values())) for each in studies], right=COUNTED)


def show_study(name: str, *, as_json: bool) -> None:
    """Print the sections of a study, then its claims. Raises SpecError with every problem of its runs."""
    study = plan_study(StudyRequest(name), facts_in(None)).study
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
    """Write perceiver-io on cifar10, epochs = 12, by batch_size: 16; 32; 64."""
    preset = [f"preset {part.preset}"] if part.preset else []
    changed = [f"{name} = {toml_value(value)}" for name, value in flat(part.set).items()]
    varied = [f"{axis.name}: {'; '.join(shown_level([value.label]) for value in axis.values)}" for axis in part.axes]
    by = [f"by {' x '.join(varied)}"] if varied else []
    return ", ".join([f"{part.model} on {part.dataset}", *preset, *changed, *by])


def show_status(
    asked: StudyRequest,
    describe: Describe,
    runs_dir: Path,
    *,
    measured_on: Runtime | None = None,
    as_json: bool,
    quiet: bool = False,
) -> None:
    """Print what is done of each part and of all; with a machine, some steps are timed if no record tells the time."""
    planned = plan_study(asked, describe)
    if not quiet:
        note_lowered(planned.lowered)
    if runs_dir.exists():
        require_runs_dir(runs_dir)
    elif runs_dir != RUNS_DIR.default:
        note(f"there is no folder {runs_dir} yet; {HINT}")
    records = [read_run(folder) for folder in run_folders(runs_dir)]
    expect = expect_here(measured_on, records) if measured_on else expect_from_records(records)
    trials = {name: forecast_trials(plan, runs_dir, expect) for name, plan in planned.available.items()}
    parts = {name: _status(of_part) for name, of_part in trials.items()}
    every = _status({trial.run: trial for of_part in trials.values() for trial in of_part}.values())
    warn_each(f"{name}: {error.lines()[0]}" for name, error in planned.unavailable.items())
    if as_json:
        print_json({"parts": [{"name": name, **part} for name, part in parts.items()], "all": every})
        return
    states = list(dict.fromkeys(["done", "new", *every["states"]]))
    columns = ["run or ablation", "runs", *(state.replace("new", "missing") for state in states), "time"]
    rows: list[list[str]] = []
    for section in planned.study.order:
        names = [name for name in (*section.runs, *section.ablations) if name in parts]
        rows += [[section.title, *[""] * (len(columns) - 1)]] if names else []
        for name in names:
            counts = [str(parts[name]["states"].get(state, 0)) for state in states]
            rows.append([f"  {name}", str(parts[name]["runs"]), *counts, _time(parts[name])])
    print_table(columns, rows, right=columns[1:])
    shared = sum(part["runs"] for part in parts.values()) - every["runs"]
    total = f"{counted(every['runs'], 'run')}{f' ({shared:,} shared)' if shared else ''}"
    total += f", {every['states'].get('done', 0):,} done"
    if every["to_train"] and every["seconds"] is None:
        command = f"{asked.command(*asked.only, verb='status')} --measure"
        total += f"; the time of some others is not on record: `{command}` times a few steps"
    elif every["to_train"]:
        total += f"; the others take about {_time(every)}, one at a time"
    print_text(total)


def _status(trials: Collection[TrialForecast]) -> dict[str, Any]:
    """Return the runs by state; `seconds` is the time of those that are to be trained, None if it is not known."""
    times = [trial.seconds for trial in trials if trial.seconds is not None]
    return {
        "runs": len(trials),
        "states": dict(Counter(trial.state for trial in trials)),
        "to_train": sum(trial.to_train for trial in trials),
        "seconds": sum(times) if len(times) == len(trials) else None,
    }


def _time(status: dict[str, Any]) -> str:
    if not status["to_train"]:
        return ""
    return "unknown" if status["seconds"] is None else duration(status["seconds"])
