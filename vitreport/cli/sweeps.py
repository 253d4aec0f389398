"""Sweeps, before and after they ran, as tables for people and as plain values for programs."""

import shlex
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import vitreport
from vitreport.analysis.findings import ablation_findings
from vitreport.analysis.power import foreseen
from vitreport.analysis.protocol import unequal_classes_note
from vitreport.analysis.selection import Analysis
from vitreport.cli.console import note, print_json, print_sentence, print_table, print_text, warn_each
from vitreport.cli.live import SweepView
from vitreport.cli.options import SweepOptions
from vitreport.cli.records import warn_mixed
from vitreport.errors import DamageError, ResourceError, VitreportError, left_out_error, with_hint
from vitreport.formatting import compact, counted, duration, listed, printable
from vitreport.records.folders import run_folders
from vitreport.records.reader import Run, read_run
from vitreport.report import grids, tables
from vitreport.spec.engine import EngineSpec
from vitreport.store.run_state import FINISHED_STATES, needs_training, trial_state
from vitreport.sweep.check import missing_trials
from vitreport.sweep.engines.choose import choose_engine
from vitreport.sweep.engines.slurm import MAX_SUBMITTED
from vitreport.sweep.engines.slurm_commands import array_option, batch_options, check_array, check_slurm
from vitreport.sweep.engines.slurm_reasons import is_about_now, is_about_number
from vitreport.sweep.forecast import TrialForecast, check_networks, expect_here, forecast_trials
from vitreport.sweep.observer import Policy
from vitreport.sweep.plan import Plan, Trial, read_trials, trials_among


def execution(options: SweepOptions, engine: EngineSpec, view: SweepView) -> dict[str, Any]:
    """Return how the options say that `ablate` and `run_study` of the API train; the view shows it."""
    make_engine = choose_engine(
        engine, jobs=options.jobs, jobs_per_gpu=options.jobs_per_gpu, argv=sys.argv[1:], detach=options.detach
    )
    policy = Policy(options.retry_failed, options.fail_fast, options.detach)
    return {"runtime": options.runtime_on(engine), "engine": make_engine, "policy": policy, "observer": view}


def show_ablation_plan(plan: Plan, engine: EngineSpec, options: SweepOptions) -> None:
    """Print every trial, then the sums, and what would be submitted.

    Raises SpecError if the network of a missing trial cannot be built, ResourceError for what Slurm refuses.
    """
    records = [read_run(folder) for folder in run_folders(options.runs_dir)]
    expect, known = expect_here(options.runtime_on(engine), records), trials_among(plan.trials, records)
    missing = missing_trials(plan.trials, known, retry_failed=options.retry_failed)
    check_networks(trial.spec for trial in missing)
    trials = forecast_trials(plan, known, expect, retry_failed=options.retry_failed)
    _show_forecast(plan, trials, foreseen(plan, records), options)
    show_submission(engine, len(missing), options)


def _show_forecast(
    plan: Plan, trials: Sequence[TrialForecast], difference: tuple[float | None, str], options: SweepOptions
) -> None:
    """Print the trials of a plan and their sums, and which difference it can show."""
    to_train, (smallest, shows) = sum(trial.to_train for trial in trials), difference
    jobs = max(1, min(options.jobs, to_train))
    seconds = sum(trial.seconds or 0.0 for trial in trials) / jobs
    disk_bytes = sum(trial.disk_bytes for trial in trials)
    if options.as_json:
        about = {"id": plan.id, "name": plan.name, "axes": [axis.name for axis in plan.axes]}
        sums = {"seconds": seconds, "disk_bytes": disk_bytes, "smallest_difference": smallest}
        rows = [{**asdict(trial), "values": plan.values(trial.values)} for trial in trials]
        print_json(about | sums | {"baseline": plan.baseline and plan.values(plan.baseline), "trials": rows})
        return
    print_text(plan.name)
    columns = [*(axis.name for axis in plan.axes), "seed", "state", "time", "from", "disk", "run"]
    print_table(columns, map(_row, trials), right=["time", "disk"])
    if shows:
        print_sentence(shows)
    settled = Counter(trial.state for trial in trials if not trial.to_train)
    counts = ", ".join([counted(len(trials), "trial"), *(f"{count} {state}" for state, count in settled.items())])
    needs = f"{duration(seconds)} with {counted(jobs, 'job')} and {compact(disk_bytes)}B of disk space"
    retry = " (use --retry-failed)" if settled["failed"] else ""
    print_text(f"{counts}; {f'remaining: about {needs}' if to_train else f'nothing is left to train{retry}'}")
    if compiled := compiled_in_words(trials):
        print_text(compiled)
    if plan.baseline_warning:
        note(f"warning: {plan.baseline_warning}")


def show_submission(engine: EngineSpec, missing: int, options: SweepOptions) -> None:
    """Print how the missing trials would be submitted to Slurm, and ask whether it accepts this.

    Raises ResourceError if not.
    """
    if engine.name != "slurm" or not missing:
        return
    array = min(missing, MAX_SUBMITTED), min(missing, options.jobs)
    arguments = batch_options(engine.options)
    if not options.as_json:
        print_text(f"to be submitted to Slurm: {counted(missing, 'job')}, at most {array[1]} at a time")
        print_text(f"sbatch {shlex.join([*arguments, array_option(*array)])}")
    try:
        check_slurm()
    except ResourceError as error:
        note(f"warning: these options were not checked: {error}")
        return
    try:
        _check_array(*array, arguments)
    except ResourceError as error:
        if not is_about_now(error.message):
            raise
        fault = f"Slurm could not place these jobs now: {error.message.partition(': ')[2]}"
        note(f"warning: {with_hint(fault, f'if no nodes are down (see `sinfo`), {error.hint}')}")
    else:
        if not options.as_json:
            print_text("Slurm accepts these options")


def _check_array(count: int, jobs: int, arguments: Sequence[str]) -> None:
    try:
        check_array(count, jobs, arguments)
    except ResourceError as error:
        if count == 1 or not is_about_number(error.message):
            raise
        note("the jobs will be submitted in smaller arrays")
        check_array(1, 1, arguments)


def compiled_in_words(trials: Collection[TrialForecast]) -> str:
    """Return how many of the missing trials will be compiled, nothing if none will."""
    count, missing = sum(bool(trial.to_compile) for trial in trials), sum(trial.to_train for trial in trials)
    return f"compile: {count} of {missing} missing; times from a few steps are without compiling" if count else ""


def _row(trial: TrialForecast) -> list[str]:
    time = duration(trial.seconds) if trial.seconds else ""
    disk = f"{compact(trial.disk_bytes)}B" if trial.disk_bytes else ""
    return [*trial.values, str(trial.seed), trial.state, time, trial.source, disk, trial.run]


def show_sweeps(plans: Sequence[Plan], analysis: Analysis, *, as_json: bool) -> None:
    """Print a table of each plan with what follows from it. Plans without axes share a table of runs."""
    summary = analysis.summary
    warn_mixed(summary.groups)
    if as_json:
        print_text(vitreport.render(analysis, "json").rstrip())
        return
    groups = {group.spec_id: group for group in summary.groups}
    ablations = {ablation.design: ablation for ablation in summary.ablations}
    if runs := [plan for plan in plans if not plan.axes]:
        outcomes = [[plan.name, tables.outcome(groups.get(plan.trials[0].spec.group))] for plan in runs]
        print_table(["run", "test accuracy"], outcomes, right=["test accuracy"], spare=())
    for number, plan in enumerate(plan for plan in plans if plan.axes):
        print_text("\n" * (number > 0 or bool(runs)) + printable(plan.name))
        content = tables.ablation(ablations[plan.id])
        numbers = content.columns[len(plan.axes) :]
        # in a narrow terminal without room for the differences, the sentences below name them
        spare = [name for name in ("macro F1", "difference from baseline (pp)") if name in numbers]
        print_table(content.columns, content.rows, right=numbers, spare=spare)
        if (effects := grids.effects(ablations[plan.id])).rows:
            print_sentence(content.note)
            print_table(effects.columns, effects.rows, right=effects.columns[1:], spare=(), gap=True)
            content = effects
        unequal, found = unequal_classes_note(ablations[plan.id].groups), ablation_findings(ablations[plan.id])
        sentences = (content.note, unequal, *(each.sentence for each in found), plan.baseline_warning)
        for sentence in filter(None, sentences):
            print_sentence(sentence)


def leave(options: SweepOptions) -> bool:
    """Say how to collect the results of a command that does not wait for them; return whether it is such a command."""
    if options.detach:
        note("the jobs continue; run the same command again, without --detach, to wait for them and to see the results")
    return options.detach


def check_all_trained(
    trials: Sequence[Trial], runs_dir: Path, warned: Collection[str], unusable: Mapping[str, VitreportError] = {}
) -> None:
    """Warn of each trial without a result, except those in `warned`; a diverged one has its result.

    Raises the error of what was left out if `unusable` holds any, else DamageError if there are such trials.
    """
    runs = read_trials(trials, runs_dir)
    states = {trial.id: trial_state(runs.get(trial.id)) for trial in trials}
    missing = {run_id: state for run_id, state in states.items() if state not in FINISHED_STATES}
    lines = []
    for run in (runs[run_id] for run_id in missing if run_id in runs and run_id not in warned):
        reasons = [run.record.error.message] if run.record and run.record.error else run.damage
        lines += [f"{run.id}: {reason}" for reason in reasons]
    warn_each(lines)
    if unusable:
        raise left_out_error(unusable)
    if missing:
        counts = f"{len(missing)} of {counted(len(trials), 'trial')} missing: {listed(list(missing))}"
        raise DamageError(counts, ways_to_train([runs.get(run_id) for run_id in missing]))


def ways_to_train(runs: Sequence[Run | None]) -> str:
    """Return what a user can do about trials without a result."""
    damaged = sum(trial_state(run) == "damaged" for run in runs)
    again = sum(needs_training(run, retry_failed=False) for run in runs)
    them = "the others" if again < len(runs) else "it" if again == 1 else "them"
    ways = {
        f"run the same command again to train {them}": again,
        "use --retry-failed to train those that failed with an error": len(runs) - again - damaged,
        "move away the directories of damaged runs": damaged,
    }
    return "; ".join(way for way, count in ways.items() if count)
