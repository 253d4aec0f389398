"""Axes and seeds become trials: one checked spec for every combination of values and every seed; a sweep on record."""

import hashlib
import itertools
import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import prod
from pathlib import Path
from typing import Any

from vitreport.errors import Problem, RecordError, SpecError, raise_problems
from vitreport.files import make_folder, write_json
from vitreport.lease import leased
from vitreport.privacy import without_paths
from vitreport.records.folders import SWEEPS, check_no_links, newest_attempts
from vitreport.records.reader import Damage, Run, read_record_file, read_run
from vitreport.records.run import SweepRecord, TrialRecord
from vitreport.records.upgrade import parse
from vitreport.run_id import RunId, safe_name
from vitreport.spec.compose import Composed, Describe, Request, compose, compose_request
from vitreport.spec.load import Layer, layer_of
from vitreport.spec.run import RunSpec
from vitreport.spec.sweep import AxisSpec, Labels, format_level, format_value, zipped
from vitreport.store.run_state import LOCK_NAME
from vitreport.suggestions import one_of

MODEL, DEFAULT_MODEL = "model.name", "perceiver-io"
PARAM = "--param"
MAX_TRIALS = 10_000
TIMEOUT_SECONDS = 30
ComposeTrial = Callable[[Mapping[str, Any]], Composed]
"""Composes a spec from the fields that a combination of values sets, by their full paths."""


@dataclass(frozen=True)
class Trial:
    """One run of a sweep, and the combination of values that it is about."""

    values: Labels
    spec: RunSpec
    data_dir: Path = Path()

    @cached_property
    def id(self) -> str:
        """The id of its run, which takes a hash of the spec."""
        return self.spec.run_id


@dataclass(frozen=True)
class Plan:
    """A sweep with its trials, the first seed of every combination first. Without axes it is one run with its seeds."""

    name: str
    axes: tuple[AxisSpec, ...]
    baseline: Labels | None
    trials: tuple[Trial, ...]

    @property
    def id(self) -> str:
        """Derived from the name and what is varied; more seeds are the same sweep."""
        groups = {trial.values: trial.spec.group_hash for trial in self.trials}
        varied = [[axis.name for axis in self.axes], *([*values, group] for values, group in groups.items())]
        slug = safe_name(self.name)[:80]
        return f"{slug}-{hashlib.sha256(json.dumps(varied).encode()).hexdigest()[:8]}"

    @property
    def baseline_warning(self) -> str:
        """Why no values are compared, and how to change that; empty if some are."""
        first = self.trials[0].values
        if self.baseline or all(trial.values == first for trial in self.trials):
            return ""
        hint = f"add the spec's values to the sweep, or use --baseline {shlex.quote(','.join(first))}"
        return f"no baseline: the values in the spec are not among those of the sweep; hint: {hint}"

    @property
    def record(self) -> SweepRecord:
        """What is on record of it, as it was planned."""
        trials = tuple(TrialRecord(values=trial.values, run=trial.id) for trial in self.trials)
        return SweepRecord(id=self.id, name=self.name, axes=self.axes, baseline=self.baseline, trials=trials)

    def values(self, labels: Labels) -> dict[str, Any]:
        """Return the values of a combination by the names of the axes."""
        pairs = zip(self.axes, labels, strict=True)
        return {axis.name: next(v.value for v in axis.values if v.label == label) for axis, label in pairs}


def plan_ablation(
    base: Request | RunSpec,
    axes: Sequence[AxisSpec],
    seeds: Sequence[int],
    describe: Describe,
    *,
    zip_: bool = False,
    baseline: Sequence[Any] = (),
) -> Plan:
    """Plan the trials of an ablation; those with the values of `baseline` (default: of `base`) are compared with.

    `zip_` pairs the values of all axes. The fields of a base that is a spec stay as they are, also those that would
    follow from a varied one. Raises SpecError with every problem of every value.
    """
    if not axes:
        raise SpecError("no field is varied", "use --param, for example --param batch_size 16,32,64")
    labels = tuple(map(format_value, baseline))
    if zip_:
        axes, labels = [zipped(axes)], (", ".join(labels),) if labels else ()
    if isinstance(base, RunSpec):
        spec = Layer("the spec", base.model_dump(mode="json", exclude={"seed"}), is_whole=True)
        compose_trial: ComposeTrial = lambda fields: compose([spec, layer_of(fields, PARAM)], describe)  # noqa: E731
    else:
        fallback = layer_of({MODEL: DEFAULT_MODEL}, "default")
        compose_trial = trial_composer(replace(base, fallback=fallback), describe, PARAM)
    return make_plan(axes, seeds, compose_trial, baseline=labels or None)


def trial_composer(
    request: Request, describe: Describe, origin: str, fixed: Mapping[str, Any] | None = None
) -> ComposeTrial:
    """Return a function that composes trials of a request, whose values and `fixed` fields come from `origin`."""

    def compose_trial(fields: Mapping[str, Any]) -> Composed:
        base = replace(request, model=None) if MODEL in fields else request  # it may be an architecture of timm
        composed = compose_request(base, describe, layer_of({**(fixed or {}), **fields}, origin))
        if (given := composed.origins.get("seed", "")) in ("--set", origin):
            raise SpecError(
                problems=[
                    Problem("seed", "a sweep takes its seeds from --seeds", "for example --seeds 5..5", origin=given)
                ]
            )
        return composed

    return compose_trial


def make_plan(
    axes: Sequence[AxisSpec],
    seeds: Sequence[int],
    compose_trial: ComposeTrial,
    *,
    baseline: Labels | None = None,
    name: str = "",
) -> Plan:
    """Compose every trial. Raises SpecError with every problem of every value, or for more than `MAX_TRIALS`."""
    _check_axes(axes)
    count = prod(len(axis.values) for axis in axes) * len(seeds)
    if count > MAX_TRIALS:
        raise SpecError(f"the sweep has {count:,} trials, more than {MAX_TRIALS:,}", "use fewer values or seeds")
    composed = _compose_all(axes, compose_trial)
    specs = {labels: trial.spec for labels, trial in composed.items()}
    if baseline and baseline not in specs:
        known = one_of([shlex.quote(",".join(labels)) for labels in specs])
        raise SpecError(f"--baseline {','.join(baseline)} is not among the values of the sweep", known)
    if not baseline and len(specs) > 1:
        baseline = _baseline_of_spec(specs, compose_trial)
    if not name:
        models = "/".join(dict.fromkeys(spec.model.whole_label for spec in specs.values()))
        datasets = "/".join(dict.fromkeys(spec.data.dataset for spec in specs.values()))
        name = f"{models} on {datasets} by {' and '.join(axis.name for axis in axes)}"
    trials = (
        Trial(labels, base.spec.model_copy(update={"seed": seed}), base.data_dir)
        for seed in seeds
        for labels, base in composed.items()
    )
    return Plan(name, tuple(axes), baseline, tuple(trials))


def _check_axes(axes: Sequence[AxisSpec]) -> None:
    for first, second in itertools.combinations(axes, 2):
        if both := first.fields & second.fields:
            raise SpecError(f"{', '.join(sorted(both))} is varied twice", "give all its values in one list")
    for axis in axes:
        label, count = Counter(value.label for value in axis.values).most_common(1)[0]
        if count > 1:
            raise SpecError(f"duplicate value {label} for {axis.name}", "give it once")


def _compose_all(axes: Sequence[AxisSpec], compose_trial: ComposeTrial) -> dict[Labels, Composed]:
    """Compose each combination. Two that give the same spec would be one trial with two names."""
    composed: dict[Labels, Composed] = {}
    known: dict[str, Labels] = {}
    problems: list[Problem] = []
    for values in itertools.product(*(axis.values for axis in axes)):
        labels = tuple(value.label for value in values)
        try:
            composed[labels] = compose_trial({path: given for value in values for path, given in value.fields.items()})
        except SpecError as error:
            problems += error.problems_at("sweep")
            continue
        group = composed[labels].spec.group_hash
        if (first := known.setdefault(group, labels)) != labels:
            fault = f"{format_level(first)} and {format_level(labels)} give the same spec ({group})"
            problems.append(Problem("sweep", fault, "leave one out"))
    raise_problems(problems)
    return composed


def _baseline_of_spec(specs: Mapping[Labels, RunSpec], compose_trial: ComposeTrial) -> Labels | None:
    """Return the combination that is the spec without the values of the sweep, if there is one."""
    try:
        group = compose_trial({}).spec.group_hash
    except SpecError:
        return None
    return next((labels for labels, spec in specs.items() if spec.group_hash == group), None)


def read_trials(trials: Sequence[Trial], runs_dir: Path) -> dict[str, Run]:
    """Read the record of each trial that has one, by the id of its spec."""
    folders = newest_attempts(runs_dir, [trial.id for trial in trials])
    return {run_id: read_run(folder) for run_id, folder in folders.items() if folder.exists()}


def trials_among(trials: Iterable[Trial], runs: Iterable[Run]) -> dict[str, Run]:
    """Return what `read_trials` does of runs that were read already."""
    ordered = sorted(runs, key=lambda run: RunId.parse(run.id))
    newest = {RunId.parse(run.id).first_attempt: run for run in ordered}
    return {trial.id: newest[trial.id] for trial in trials if trial.id in newest}


def write_sweep(runs_dir: Path, plan: Plan) -> Path:
    """Put a sweep on record; trials of other seeds stay. Raises RecordError for links, or an unreadable file.

    A dataset or a value may have been given by its path: the record, which may be committed, has none.
    """
    path, parse_sweep = runs_dir / SWEEPS / f"{plan.id}.json", partial(parse, SweepRecord)
    check_no_links([path.parent, path, path.parent / LOCK_NAME])
    record = SweepRecord.model_validate(_public(plan.record.model_dump()))
    known = read_record_file(path, parse_sweep, [])
    if known is None or known.baseline != record.baseline or not {*record.trials} <= {*known.trials}:
        make_folder(path.parent)
        lock, hint = path.parent / LOCK_NAME, "run the same command again"
        with leased(lock, str(path.parent), timeout=TIMEOUT_SECONDS, hint=hint):
            damage: list[Damage] = []
            known = read_record_file(path, parse_sweep, damage)
            if damage and path.exists():  # written again, it would lose its trials
                raise RecordError(f"{path}: {damage[0].reason}", "move it elsewhere")
            trials = tuple(dict.fromkeys([*(known.trials if known else ()), *record.trials]))
            write_json(path, record.model_copy(update={"trials": trials}).model_dump(mode="json"), indent=None)
    return path


def _public(value: Any) -> Any:
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, dict):
        return {key: _public(item) for key, item in value.items()}
    return type(value)(map(_public, value)) if isinstance(value, list | tuple) else value
