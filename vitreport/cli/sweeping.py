"""Run sweeps with a view of their progress, and show what came out of them."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial

from vitreport.analysis.analyze import analyze
from vitreport.analysis.studies import outline_of_sweeps
from vitreport.cli.console import note
from vitreport.cli.live.sweep import choose_sweep_view
from vitreport.cli.tables.records import warn_mixed
from vitreport.cli.tables.sweeps import refuse_missing, show_sweeps
from vitreport.errors import DatasetError
from vitreport.runtime import Runtime
from vitreport.sweep.engines.local import LocalEngine
from vitreport.sweep.plan import Plan
from vitreport.sweep.run import Policy
from vitreport.sweep.run_plans import run_plans


def run_and_show(
    plans: Sequence[Plan],
    unavailable: Mapping[str, DatasetError],
    runtime: Runtime,
    policy: Policy,
    *,
    jobs: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train what is missing of each sweep that there are images for; the tables on stdout.

    Raises DamageError where trials are missing, else ImagesError where sweeps are left out.
    """
    outcome = run_plans(
        plans,
        runtime,
        partial(LocalEngine, jobs, argv=sys.argv[1:]),
        unavailable=unavailable,
        policy=policy,
        observe=partial(choose_sweep_view, quiet=quiet),
        note=lambda line: note(line) if not quiet or line.startswith("warning: ") else None,
    )
    summary = analyze(outcome.runs.values(), outline_of_sweeps(outcome.plans), details=False)
    show_sweeps(outcome.plans, summary, as_json=as_json)
    warn_mixed(summary.groups)
    trained = (plan for plan in outcome.plans if plan.name not in outcome.left_out)
    refuse_missing((trial.id for plan in trained for trial in plan.trials), outcome.runs)
    outcome.refuse_left_out()
