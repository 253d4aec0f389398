"""`vitreport study`: list and show studies, see what is missing of one, and train it."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import vitreport
from vitreport.analysis.studies import words_of
from vitreport.cli import completion, options
from vitreport.cli.console import note, print_json, print_sentence, print_table, print_text
from vitreport.cli.live import SweepView
from vitreport.cli.options import argument, flag
from vitreport.cli.sweeps import check_all_trained, compiled_in_words, execution, leave, show_submission, show_sweeps
from vitreport.data.sources import facts_in
from vitreport.errors import ResourceError, VitreportError, left_out_error
from vitreport.formatting import counted, duration, joined, printable, toml_value
from vitreport.records.folders import RUNS_DIR_HINT, check_runs_dir, run_folders
from vitreport.records.reader import read_run
from vitreport.runtime import RUNS_DIR, Runtime
from vitreport.spec.engine import EngineSpec
from vitreport.spec.fields import flatten
from vitreport.spec.study import PartSpec, read_study, study_names
from vitreport.spec.sweep import DEFAULT_SEEDS, format_level
from vitreport.sweep.engines.slurm_queue import queued_states
from vitreport.sweep.forecast import TrialForecast, expect_from_records, expect_here, forecast_trials
from vitreport.sweep.plan import trials_among
from vitreport.sweep.study_plan import StudyPlan, StudyRequest, plan_study

COUNTED = ("runs", "ablations", "claims")
Needs = Mapping[str, Any]
"""What trials need: their number, states, how many are to be trained, and the seconds of these."""

app = typer.Typer(no_args_is_help=True)
Study = Annotated[str, argument("Name of a study, or its TOML file.", "STUDY", completion.studies)]


@app.command("list")
def list_studies(as_json: options.AsJson = False) -> None:
    """List the studies that come with vitreport.

    Example:
        vitreport study list
    """
    studies = []
    for name in study_names():
        study = read_study(name)
        counts = {kind: len(getattr(study, kind)) for kind in COUNTED}
        studies.append({"name": name, "title": study.title, **counts})
    if as_json:
        print_json({"studies": studies})
    else:
        print_table(["study", "title", *COUNTED], [list(map(str, each.values())) for each in studies], right=COUNTED)


@app.command()
def show(study: Study, as_json: options.AsJson = False) -> None:
    """Show the sections of a study with their runs and ablations, and its published claims.

    Example:
        vitreport study show digits
    """
    spec = plan_study(StudyRequest(study), facts_in(None), {}).study
    if as_json:
        print_json({"name": study, **dict(spec)})
        return
    print_text(printable(spec.title))
    if spec.engine:
        print_sentence(printable(f"Engine: {_engine_in_words(spec.engine)}."))
    sections = sum(bool(section.text) for section in spec.sections)
    texts = {"introduction": spec.introduction, counted(sections, "section"): sections, "conclusion": spec.conclusion}
    if any(texts.values()):
        print_sentence(f"Texts in Markdown: {joined(name for name, text in texts.items() if text)}.")
    for section in spec.order:
        print_text(f"\n{printable(section.title)}")
        if section.question:
            print_sentence(printable(section.question))
        trained = [(part, _described(spec.parts[part])) for part in (*section.runs, *section.ablations)]
        print_table(["run or ablation", "what is trained"], trained)
    if spec.claims:
        print_text("\nPublished")
        rows = [(*words_of(spec, claim), claim.source, ", ".join(claim.fault)) for claim in spec.claims]
        print_table(["claim", "published", "source", "fault"], rows)
    if spec.faults:
        print_text("\nErrors in what was published; such claims are not comparable")
        print_table(["", ""], list(spec.faults.items()))


@app.command()
@options.grouped
def status(
    study: Study,
    wanted: options.FieldOptions,
    machine: options.DeviceOptions,
    only: options.Only = None,
    seeds: options.Seeds = DEFAULT_SEEDS,
    measure: Annotated[bool, flag("--measure", "Time a few steps of runs whose time is unknown.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show what is done and what is missing, and the time that the missing runs will take.

    Example:
        vitreport study status digits
    """
    unusable: dict[str, VitreportError] = {}
    request = StudyRequest(study, options.names_in(only), seeds, wanted.assignments)
    planned = plan_study(request, facts_in(machine.data_dirs), unusable)
    _show_status(planned, machine.runs_dir, measured_on=machine.runtime() if measure else None, as_json=as_json)
    if unusable:
        raise left_out_error(unusable)


@app.command()
@options.grouped
def run(study: Study, wanted: options.FieldOptions, sweep: options.SweepOptions, only: options.Only = None) -> None:
    """Train the missing runs of a study.

    Run the same command again to resume. The images of all runs are read or
    downloaded before the first run is trained. Runs without them are left out.

    Example:
        vitreport study run digits --only perceiver-io,swin
        vitreport study run my.toml --set limit=500 --epochs 1 --seeds 1
    """
    unusable: dict[str, VitreportError] = {}
    request = StudyRequest(study, options.names_in(only), sweep.seeds, wanted.assignments, weights=sweep.weights)
    planned = plan_study(request, facts_in(sweep.data_dirs), unusable)
    plans, engine = list(planned.plans.values()), sweep.engine_spec(planned.study.engine)
    if sweep.dry_run:
        retry_failed, as_json = sweep.retry_failed, sweep.as_json
        missing = _show_status(planned, sweep.runs_dir, jobs=sweep.jobs, retry_failed=retry_failed, as_json=as_json)
        show_submission(engine, missing, sweep)
        if unusable:
            raise left_out_error(unusable)
        return
    with SweepView(quiet=sweep.quiet) as view:
        analysis = vitreport.run_study(planned, unusable=unusable, **execution(sweep, engine, view))
    if leave(sweep):
        return
    show_sweeps(plans, analysis, as_json=sweep.as_json)
    trials = {trial.id: trial for plan in plans for trial in plan.trials}
    check_all_trained(list(trials.values()), sweep.runs_dir, view.warned, unusable)


def _show_status(
    planned: StudyPlan,
    runs_dir: Path,
    *,
    jobs: int = 1,
    retry_failed: bool = False,
    measured_on: Runtime | None = None,
    as_json: bool,
) -> int:
    """Print what is done of each part and of all, and return how many runs are to be trained.

    With a machine, some steps are timed if no record has the time.
    """
    if runs_dir.exists():
        check_runs_dir(runs_dir)
    elif runs_dir != RUNS_DIR.default:
        note(f"no such directory yet: {runs_dir}; {RUNS_DIR_HINT}")
    trials = _forecasts(planned, runs_dir, retry_failed=retry_failed, measured_on=measured_on)
    parts = {name: _needs(of_part) for name, of_part in trials.items()}
    unique = {trial.run: trial for of_part in trials.values() for trial in of_part}.values()
    every = _needs(unique)
    if as_json:
        print_json({"parts": [{"name": name, **part} for name, part in parts.items()], "all": every})
    else:
        columns, rows = _status_rows(parts, every)
        print_table(columns, rows, right=columns[1:])
        print_text(_total(planned.request.study, parts, every, jobs))
        if compiled := compiled_in_words(unique):
            print_text(compiled)
    return int(every["to_train"])


def _forecasts(
    planned: StudyPlan, runs_dir: Path, *, retry_failed: bool, measured_on: Runtime | None
) -> dict[str, list[TrialForecast]]:
    """Forecast the trials of each part; every record is read once."""
    records = [read_run(folder) for folder in run_folders(runs_dir)]
    expect = expect_here(measured_on, records) if measured_on else expect_from_records(records)
    queued = _queued_states(runs_dir)
    return {
        name: forecast_trials(
            plan, trials_among(plan.trials, records), expect, retry_failed=retry_failed, queued=queued
        )
        for name, plan in planned.plans.items()
    }


def _status_rows(parts: Mapping[str, Needs], every: Needs) -> tuple[list[str], list[list[str]]]:
    """Return the columns and the rows of the table of parts."""
    states = list(dict.fromkeys(["done", "new", *every["states"]]))
    columns = ["run or ablation", "runs", *(state.replace("new", "missing") for state in states), "time"]
    rows = [
        [name, str(part["runs"]), *(str(part["states"].get(state, 0)) for state in states), _time(part)]
        for name, part in parts.items()
    ]
    return columns, rows


def _total(study: str, parts: Mapping[str, Needs], every: Needs, jobs: int) -> str:
    """Write how much of a study is done, and what the rest takes."""
    shared = sum(part["runs"] for part in parts.values()) - every["runs"]
    runs = f"{counted(every['runs'], 'run')}{f' ({shared:,} shared)' if shared else ''}"
    done = f"{runs}, {every['states'].get('done', 0):,} done"
    if not every["to_train"]:
        return done
    if every["seconds"] is None:
        return f"{done}; some times are unknown: `vitreport study status {study} --measure` times a few steps"
    used = min(jobs, every["to_train"])
    way = f"with {counted(used, 'job')}" if used > 1 else "one at a time"
    return f"{done}; the others take about {duration(every['seconds'] / used)}, {way}"


def _queued_states(runs_dir: Path) -> Mapping[str, str]:
    try:
        return queued_states(runs_dir)
    except ResourceError as error:
        note(f"warning: jobs that wait are not counted: {error.message}")
        return {}


def _needs(trials: Collection[TrialForecast]) -> Needs:
    """Count trials by state, those to be trained and those to be compiled; add up their seconds (None: unknown)."""
    seconds = [trial.seconds for trial in trials]
    total = None if None in seconds else sum(filter(None, seconds))
    to_train = sum(trial.to_train for trial in trials)
    is_known = all(trial.to_compile is not None for trial in trials if trial.to_train)
    return {
        "runs": len(trials),
        "states": Counter(trial.state for trial in trials),
        "to_train": to_train,
        "to_compile": sum(bool(trial.to_compile) for trial in trials) if is_known else None,
        "seconds": total,
    }


def _time(needs: Needs) -> str:
    seconds = needs["seconds"]
    return "" if not needs["to_train"] else "unknown" if seconds is None else duration(seconds)


def _engine_in_words(engine: EngineSpec) -> str:
    """Write slurm (partition = gpu, time = 60)."""
    options = ", ".join(f"{name} = {value}" for name, value in engine.options.items())
    return f"{engine.name} ({options})" if options else engine.name


def _described(part: PartSpec) -> str:
    """Write perceiver-io on cifar10, epochs = 12, by batch_size: 16; 32; 64."""
    preset = [f"preset {part.preset}"] if part.preset else []
    changed = [f"{name} = {toml_value(value)}" for name, value in flatten(part.set).items()]
    varied = [f"{axis.name}: {'; '.join(format_level([value.label]) for value in axis.values)}" for axis in part.axes]
    by = [f"by {' x '.join(varied)}"] if varied else []
    return ", ".join([f"{part.model} on {part.dataset}", *preset, *changed, *by])
