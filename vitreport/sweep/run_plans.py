"""Run several sweeps one after another; one that lacks its images does not affect the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from vitreport.errors import DatasetError, ImagesError, VitreportError
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.store.run_state import RESULTS, trial_state
from vitreport.sweep.engines.engine import MakeEngine
from vitreport.sweep.plan import Plan, Trial
from vitreport.sweep.record import write_sweep
from vitreport.sweep.run import PATIENT, Observer, Policy, Sweep


@dataclass
class Outcome:
    """Sweeps up to where they ended, the records of their trials, and why those without images are left out."""

    plans: list[Plan] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    left_out: dict[str, ImagesError] = field(default_factory=dict)

    def causes(self) -> dict[str, VitreportError]:
        """Return why images are missing, by dataset."""
        return {dataset: cause for error in self.left_out.values() for dataset, cause in error.causes.items()}

    def refuse_left_out(self) -> None:
        """Raise ImagesError if sweeps are left out: each cause once, with all that are left out for it."""
        causes: dict[str, VitreportError] = {}
        for dataset, cause in self.causes().items():
            names = ", ".join(name for name, error in self.left_out.items() if dataset in error.causes)
            causes[dataset] = type(cause)(f"{cause.message}; left out: {names}", cause.hint)
        if causes:
            raise ImagesError(causes)


def run_plans(
    plans: Sequence[Plan],
    runtime: Runtime,
    make_engine: MakeEngine,
    *,
    unavailable: Mapping[str, DatasetError] | None = None,
    policy: Policy = PATIENT,
    observer: Observer | None = None,
) -> Outcome:
    """Train what is missing of each sweep, and put it on record.

    Those that are `unavailable`, by name, have images in a folder that cannot be used. Raises as `Sweep.run`, but
    ImagesError only for a single sweep or with `fail_fast`.
    """
    watching = observer or Observer()
    is_single = len(plans) + len(unavailable or {}) == 1
    outcome = Outcome()

    def leave_out(name: str, error: ImagesError) -> None:
        if is_single or policy.fail_fast:
            raise error
        watching.note(f"warning: {name} is left out: {error.message}")
        outcome.left_out[name] = error

    for name, error in (unavailable or {}).items():
        leave_out(name, ImagesError({error.message: error}))
    said: set[tuple[str, str]] = set()
    for plan in plans:
        outcome.plans.append(plan)
        if not is_single:
            watching.note(plan.name)
        place = replace(runtime, data_dir=plan.data_dir)
        sweep = Sweep(plan.trials, place, make_engine(place, watching.note), policy, watching, said)
        if plan.without_baseline and sweep.queue:
            watching.note(f"warning: {plan.without_baseline}")
        try:
            _refuse_lacking(sweep.queue, outcome.causes())
            file = write_sweep(runtime.runs_dir, plan) if plan.axes else None
            watching.begin(plan)
            sweep.run()
            if file:
                watching.note(f"the sweep is {file}")
        except ImagesError as images_error:
            leave_out(plan.name, images_error)
        outcome.runs |= sweep.runs
        if policy.fail_fast and any(trial_state(sweep.runs.get(trial.id)) not in RESULTS for trial in plan.trials):
            break
    return outcome


def _refuse_lacking(missing: Sequence[Trial], causes: Mapping[str, VitreportError]) -> None:
    """Images that another sweep has not found are not looked for, or waited for, again."""
    if lacking := {trial.spec.data.dataset for trial in missing} & causes.keys():
        raise ImagesError({dataset: causes[dataset] for dataset in sorted(lacking)})
