"""Plan the runs and ablations of a study."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.errors import DatasetError, Problem, SpecError
from vitreport.formatting import did_you_mean
from vitreport.spec.compose import Describe, Layer, layer_of
from vitreport.spec.data import Lowered
from vitreport.spec.fields import dotted, find_field, flat
from vitreport.spec.from_command import Request
from vitreport.spec.presets import preset_names, unknown_preset
from vitreport.spec.study import AblationSpec, PartSpec, StudySpec
from vitreport.spec.study_file import read_form, study_origin, study_title
from vitreport.spec.sweep import parse_seeds
from vitreport.sweep.defaults import DEFAULT_MAX_TRIALS, DEFAULT_SEEDS
from vitreport.sweep.plan import Plan, make_plan, trial_composer


@dataclass(frozen=True)
class StudyRequest:
    """A study by its name or file, and what is asked for of it: parts by name (default: all), seeds, overrides."""

    study: str
    only: Sequence[str] = ()
    seeds: str = DEFAULT_SEEDS
    assignments: Sequence[str] = ()
    max_trials: int = DEFAULT_MAX_TRIALS
    weights: Path | None = None

    def command(self, *parts: str, verb: str = "run") -> str:
        """Return the command that trains what is missing of these parts."""
        words = ["vitreport", "study", verb, self.study, *(word for part in parts for word in ("--only", part))]
        words += [word for assignment in self.assignments for word in ("--set", assignment)]
        return shlex.join([*words, *(["--seeds", self.seeds] if self.seeds != DEFAULT_SEEDS else [])])


@dataclass(frozen=True)
class StudyPlan:
    """A study with the plans of its parts by name, in the order of its sections.

    `unavailable` has, by title, the parts whose dataset is a folder that cannot be used, and why.
    """

    study: StudySpec
    available: Mapping[str, Plan]
    unavailable: Mapping[str, DatasetError]

    @property
    def plans(self) -> Mapping[str, Plan]:
        """The plans of all parts. Raises DatasetError where one cannot be planned."""
        for error in self.unavailable.values():
            raise error
        return self.available

    @property
    def lowered(self) -> frozenset[Lowered]:
        return frozenset(lowered for plan in self.available.values() for lowered in plan.lowered)


def plan_study(asked: StudyRequest, describe: Describe, *, ablations_only: bool = False) -> StudyPlan:
    """Compose every trial.

    Raises:
        SpecError: With the problems of the file and of all its parts, each once.
    """
    study, found = read_form(asked.study)
    known = {name: part for name, part in study.named.items() if part.axes or not ablations_only}
    problems = dict.fromkeys([*found, *_unknown_parts(asked.only, list(known))])
    seeds: Sequence[int] = (0,)
    try:
        seeds = parse_seeds(asked.seeds)
    except SpecError as error:
        problems |= dict.fromkeys(error.problems)
    plans: dict[str, Plan] = {}
    unavailable: dict[str, DatasetError] = {}
    for name, part in known.items():
        if name in asked.only or not asked.only:
            try:
                plans[name] = _plan_part(asked, study.place_of(name), name, part, seeds, describe)
            except DatasetError as error:
                unavailable[_title(asked, name)] = error
            except SpecError as error:
                problems |= dict.fromkeys(error.problems)
    if problems:
        raise SpecError(problems=list(problems))
    return StudyPlan(study, {name: plans[name] for name in study.parts if name in plans}, unavailable)


def _title(asked: StudyRequest, part: str) -> str:
    return f"{study_title(asked.study)}/{part}"


def _unknown_parts(names: Iterable[str], known: Sequence[str]) -> Iterator[Problem]:
    for name in names:
        if name not in known:
            yield Problem("--only", "no such part of the study", did_you_mean(name, known), repr(name))


def _plan_part(
    asked: StudyRequest, place: str, name: str, part: PartSpec, seeds: Sequence[int], describe: Describe
) -> Plan:
    """Plan one part. Raises SpecError with its problems by their places in the file, DatasetError as `make_plan`."""
    file = study_origin(asked.study)
    origin = f"{place} in {file}"
    layer, preset = _layer_of_part(part, origin), part.preset
    if preset and preset not in preset_names():  # check the rest with the usual preset
        layer, preset = replace(layer, problems=[*layer.problems, unknown_preset(preset)]), None
    request = Request(assignments=asked.assignments, weights=asked.weights, preset=preset, study=layer)
    fixed = {"model.name": part.model, "data.dataset": part.dataset}
    try:
        return make_plan(
            part.axes,
            seeds,
            trial_composer(request, describe, origin, fixed),
            baseline=part.baseline_labels,
            name=_title(asked, name),
            max_trials=asked.max_trials,
        )
    except SpecError as error:
        places = _places(part, place)
        problems = [_in_the_file(problem, places, origin, file) for problem in error.problems_at(place)]
        raise SpecError(problems=problems) from error


def _layer_of_part(part: PartSpec, origin: str) -> Layer:
    """Return what a part sets, and the problems of names that are not fields."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in flat(part.set).items():
        try:
            values[find_field(name)] = value
        except SpecError as error:
            problems += [replace(problem, origin=origin) for problem in error.problems]
    return replace(layer_of(values, origin), problems=problems)


def _places(part: PartSpec, place: str) -> dict[str, str]:
    """Return where in the file a part gives the fields of its specs, and names that are not fields."""
    places = {"preset": "preset", "--preset": "preset", "data.dataset": "dataset"}
    places |= dict.fromkeys(("model.name", "model.architecture"), "model")
    places |= {_path(name): f"set.{name}" for name in flat(part.set)}
    if isinstance(part, AblationSpec):
        places |= {_path(name): dotted(["params", name]) for name in part.params}
        for axis, variants in part.variants.items():
            fields = {name for variant in variants.values() for name in flat(variant)}
            places |= {_path(name): dotted(["variants", axis]) for name in fields}
    return {path: f"{place}.{inner}" for path, inner in places.items()}


def _path(name: str) -> str:
    """Return the full path of a field; a name that is not a field stays as it is."""
    try:
        return find_field(name)
    except SpecError:
        return name


def _in_the_file(problem: Problem, places: Mapping[str, str], origin: str, file: str) -> Problem:
    """Name a problem of a spec by the place in the file where the field, or what holds it, is given."""
    if problem.origin not in ("", origin):
        return problem
    parts = problem.field.split(".")
    for length in range(len(parts), 0, -1):
        if given := places.get(".".join(parts[:length])):
            return replace(problem, field=".".join([given, *parts[length:]]), origin=file)
    return replace(problem, origin=file if problem.field.startswith(origin.partition(" in ")[0]) else origin)
