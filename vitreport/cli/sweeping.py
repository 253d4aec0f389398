"""Sweeps trained one after another, and what came out of them."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from vitreport.analysis.sweep_summary import Summary, summarize
from vitreport.cli.console import note
from vitreport.cli.live.sweep import choose_sweep_view
from vitreport.cli.tables.groups import tell_mixed
from vitreport.cli.tables.sweeps import show_summaries, tell_missing
from vitreport.errors import DatasetError, ImagesError, VitreportError
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.store.state import needs_training
from vitreport.sweep.plan import Plan, Trial
from vitreport.sweep.record import write_sweep
from vitreport.sweep.run import Policy, Warnings, run_sweep
from vitreport.sweep.trials import read_trials

Left = dict[str, ImagesError]
"""The sweeps that are left out, by name, and why."""


def run_and_show(
    plans: Sequence[Plan],
    unavailable: Mapping[str, DatasetError],
    runtime: Runtime,
    policy: Policy,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train what is missing of each sweep that there are images for; the tables on stdout.

    Raises DamageError where trials are missing, else ImagesError where sweeps are left out.
    """
    alone = len(plans) + len(unavailable) == 1
    left: Left = {}
    for name, error in unavailable.items():
        _leave(name, ImagesError({error.message: error}), left, at_once=alone or policy.fail_fast)
    summaries: list[Summary] = []
    runs: dict[str, Run] = {}
    told: Warnings = set()
    for plan in plans:
        if not alone and not quiet:
            note(plan.name)
        if (line := plan.without_baseline) and _missing(plan, runtime, policy):
            note(f"warning: {line}")
        try:
            _refuse_lacking(plan, left, runtime, policy)
            runs |= _trained(plan, runtime, policy, told, quiet=quiet)
        except ImagesError as error:
            _leave(plan.name, error, left, at_once=alone or policy.fail_fast)
            runs |= read_trials(plan.trials, runtime.runs_dir)
        summaries.append(summarize(plan, runs))
        if policy.fail_fast and summaries[-1].missing:
            break
    show_summaries(summaries, as_json=as_json)
    tell_mixed(runs.values())
    tell_missing([summary for summary in summaries if summary.name not in left], runs)
    if left:
        raise ImagesError(_told(left))


def _trained(plan: Plan, runtime: Runtime, policy: Policy, told: Warnings, *, quiet: bool) -> dict[str, Run]:
    own = replace(runtime, data_dir=plan.data_dir)
    file = write_sweep(runtime.runs_dir, plan) if plan.axes else None
    with choose_sweep_view([axis.name for axis in plan.axes], plan.trials, quiet=quiet) as view:
        runs = run_sweep(plan.trials, own, policy, argv=sys.argv[1:], observer=view, told=told)
    if file and not quiet:
        note(f"the sweep is {file}")
    return runs


def _leave(name: str, error: ImagesError, left: Left, *, at_once: bool) -> None:
    if at_once:
        raise error
    note(f"warning: {name} is left out: {error.message}")
    left[name] = error


def _refuse_lacking(plan: Plan, left: Left, runtime: Runtime, policy: Policy) -> None:
    """What could not be had for one sweep is not looked, or waited, for again."""
    causes = {dataset: cause for error in left.values() for dataset, cause in error.causes.items()}
    missing = _missing(plan, runtime, policy)
    if lacking := {trial.spec.data.dataset for trial in missing} & set(causes):
        raise ImagesError({dataset: causes[dataset] for dataset in sorted(lacking)})


def _missing(plan: Plan, runtime: Runtime, policy: Policy) -> list[Trial]:
    """The trials that are to be trained."""
    runs = read_trials(plan.trials, runtime.runs_dir)
    return [trial for trial in plan.trials if needs_training(runs.get(trial.id), retry_failed=policy.retry_failed)]


def _told(left: Left) -> Mapping[str, VitreportError]:
    """Each cause once, with all that is left out for it."""
    names: dict[str, list[str]] = {}
    causes: dict[str, VitreportError] = {}
    for name, error in left.items():
        for dataset, cause in error.causes.items():
            names.setdefault(dataset, []).append(name)
            causes[dataset] = cause
    return {
        dataset: type(cause)(f"{cause.message}; left out: {', '.join(names[dataset])}", cause.hint)
        for dataset, cause in causes.items()
    }
