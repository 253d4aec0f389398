"""Plan the runs and ablations of a study."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.errors import DatasetError, Problem, SpecError, VitreportError, collect_problems, raise_problems
from vitreport.spec.compose import Describe, Request
from vitreport.spec.fields import find_field, flatten
from vitreport.spec.load import layer_of, read_preset
from vitreport.spec.study import PartSpec, StudySpec, combination, read_with_problems, study_origin
from vitreport.spec.sweep import DEFAULT_SEEDS, read_seeds
from vitreport.suggestions import did_you_mean
from vitreport.sweep.plan import MODEL, Plan, make_plan, trial_composer


@dataclass(frozen=True)
class StudyRequest:
    """A study by its name or file, and what is asked for of it: parts by name (default: all), seeds, overrides."""

    study: str
    only: Sequence[str] = ()
    seeds: str = DEFAULT_SEEDS
    assignments: Sequence[str] = ()
    weights: Path | None = None

    def command(self, *parts: str) -> str:
        """Return the command that trains what is missing of these parts (default: those asked for)."""
        only = parts or self.only
        words = ["vitreport", "study", "run", self.study, *(["--only", ",".join(only)] if only else [])]
        words += [word for assignment in self.assignments for word in ("--set", assignment)]
        return shlex.join([*words, *(["--seeds", self.seeds] if self.seeds != DEFAULT_SEEDS else [])])


@dataclass(frozen=True)
class StudyPlan:
    """What is asked for of a study, with the plans of these parts by name."""

    request: StudyRequest
    study: StudySpec
    plans: Mapping[str, Plan]


def plan_study(
    request: StudyRequest, describe: Describe, unusable: dict[str, VitreportError] | None = None
) -> StudyPlan:
    """Compose every trial. A part without a usable image folder is left out, and the error added to `unusable`.

    Raises:
        SpecError: With the problems of the file and of all its parts.
        DatasetError: The image folder of a part cannot be used, and no `unusable` is given.
    """
    study, found = read_with_problems(request.study)
    problems = [*found, *_name_problems(request, study)]
    seeds: Sequence[int] = (0,)
    with collect_problems(problems):
        seeds = read_seeds(request.seeds)
    plans: dict[str, Plan] = {}
    left_out = {} if unusable is None else unusable
    for name, part in study.named.items():
        if name in request.only or not request.only:
            title = f"{Path(request.study).stem}/{name}"
            try:
                with collect_problems(problems):
                    plans[name] = _plan_part(request, study.place_of(name), title, part, seeds, describe)
            except DatasetError as error:
                left_out[title] = error
    raise_problems(problems)
    if left_out and unusable is None:
        raise next(iter(left_out.values()))
    return StudyPlan(request, study, {name: plans[name] for name in study.parts if name in plans})


def _name_problems(request: StudyRequest, study: StudySpec) -> Iterator[Problem]:
    """Yield the names of --only that the study lacks, and those of the study that --only cannot give."""
    for name in (each for each in request.only if each not in study.named):
        hint = did_you_mean(name, study.named)
        yield Problem("--only", "no such run or ablation in the study", hint, repr(name))
    for place in (study.place_of(each) for each in study.named if "," in each):
        fault = "the name contains a comma, which separates the names of --only"
        yield Problem(place, fault, "choose another name", origin=study_origin(request.study))


def _plan_part(
    request: StudyRequest, place: str, title: str, part: PartSpec, seeds: Sequence[int], describe: Describe
) -> Plan:
    """Plan one part. Raises SpecError with its problems, which name the part if the file has caused them."""
    file = study_origin(request.study)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for field, value in flatten(part.set).items():
        with collect_problems(problems, field):
            values[find_field(field)] = value
    preset = None
    if part.preset:
        with collect_problems(problems):  # check the rest with the usual preset
            read_preset(part.preset)
            preset = part.preset
    layer = replace(layer_of(values, file), problems=problems)
    trial_request = Request(assignments=request.assignments, weights=request.weights, preset=preset, study=layer)
    fixed = {MODEL: part.model, "data.dataset": part.dataset}
    compose_trial = trial_composer(trial_request, describe, file, fixed)
    try:
        baseline = part.combinations().get(combination(getattr(part, "baseline", None)))
        return make_plan(part.axes, seeds, compose_trial, baseline=baseline, name=title)
    except SpecError as error:
        found = [
            replace(each, field=f"{place}: {each.field.removeprefix('--')}".removesuffix(": "), origin=file)
            if each.origin in ("", file)
            else each
            for each in error.problems_at("")
        ]
        raise SpecError(problems=found) from error
