"""From a study to the plans of its runs and ablations."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.cli.compose import Request, in_a_file, model_fields
from vitreport.cli.composer import Composer, Sweep, Work
from vitreport.cli.options import DEFAULT_MAX_TRIALS, DEFAULT_SEEDS
from vitreport.errors import DatasetError, Problem, SpecError
from vitreport.spec.compose import Layer, flat
from vitreport.spec.data import Lowered
from vitreport.spec.fields import did_you_mean, find_field
from vitreport.spec.load import ENVIRONMENT_PREFIX, layer_of
from vitreport.spec.presets import preset_names, unknown_preset
from vitreport.spec.problems import dotted
from vitreport.spec.study import AblationSpec, PartSpec, StudySpec
from vitreport.spec.study_file import Draft, read_draft, study_title
from vitreport.spec.sweep import parse_seeds
from vitreport.sweep.plan import Plan, make_plan


@dataclass(frozen=True)
class StudyRequest:
    """A study by its name or file, and what of it is asked for: parts by name, all without any; seeds; `--set`.

    `allowed_by` is the option by which the command takes more trials than `max_trials`, where it has one.
    """

    study: str
    only: Sequence[str] = ()
    seeds: str = DEFAULT_SEEDS
    assignments: Sequence[str] = ()
    max_trials: int = DEFAULT_MAX_TRIALS
    weights: Path | None = None
    allowed_by: str = ""

    def command(self, *parts: str) -> str:
        """The command that trains what is missing of these parts."""
        return self._command("run", parts)

    @property
    def status(self) -> str:
        """The command that tells how far what is asked for is."""
        return self._command("status", self.only)

    def _command(self, verb: str, parts: Sequence[str]) -> str:
        words = ["vitreport", "study", verb, self.study, *(word for part in parts for word in ("--only", part))]
        words += [word for assignment in self.assignments for word in ("--set", assignment)]
        return shlex.join([*words, *(["--seeds", self.seeds] if self.seeds != DEFAULT_SEEDS else [])])


@dataclass(frozen=True)
class StudyPlan:
    """A study with the sweeps of its parts by name, in the order of its sections.

    `unavailable` has the parts whose data set is a folder that cannot be used, and why.
    """

    study: StudySpec
    sweeps: Mapping[str, Sweep]
    unavailable: Mapping[str, DatasetError]
    lowered: Collection[Lowered] = ()

    @property
    def work(self) -> Work:
        return Work(list(self.sweeps.values()), self.unavailable, self.lowered)

    @property
    def plans(self) -> dict[str, Plan]:
        """Those of all parts. Raises DatasetError where one cannot be planned."""
        for error in self.unavailable.values():
            raise error
        return {name: sweep.plan for name, sweep in self.sweeps.items()}


def plan_study(asked: StudyRequest, data_dirs: Sequence[Path] | None, *, ablations_only: bool = False) -> StudyPlan:
    """Compose every trial. Raises SpecError with the problems of the file and of all its parts, each once."""
    draft = read_draft(asked.study)
    known = {name: part for name, part in draft.study.named.items() if part.read_axes()[0] or not ablations_only}
    problems = dict.fromkeys([*draft.problems, *_unknown_parts(asked.only, known)])
    seeds: Sequence[int] = (0,)
    try:
        seeds = parse_seeds(asked.seeds)
    except SpecError as error:
        problems |= dict.fromkeys(error.problems)
    planner = _Planner(asked, draft, seeds, data_dirs)
    for name, part in known.items():
        if name in asked.only or not asked.only:
            problems |= dict.fromkeys(planner.plan(name, part))
    if problems:
        raise SpecError(problems=list(problems))
    order = [name for name in draft.study.parts if name in planner.sweeps]
    sweeps = {name: planner.sweeps[name] for name in order}
    return StudyPlan(draft.study, sweeps, planner.unavailable, planner.lowered)


def _unknown_parts(names: Sequence[str], known: Iterable[str]) -> Iterator[Problem]:
    parts = list(known)
    for name in names:
        if name not in parts:
            yield Problem("--only", "no such part of the study", did_you_mean(name, parts), repr(name))


class _Planner:
    """Plans parts one after another; what cannot be used of one is no reason to leave the others out."""

    def __init__(
        self, asked: StudyRequest, draft: Draft, seeds: Sequence[int], data_dirs: Sequence[Path] | None
    ) -> None:
        self._asked, self._draft, self._seeds, self._data_dirs = asked, draft, seeds, data_dirs
        self.sweeps: dict[str, Sweep] = {}
        self.unavailable: dict[str, DatasetError] = {}
        self.lowered: set[Lowered] = set()

    def plan(self, name: str, part: PartSpec) -> list[Problem]:
        """The problems of a part, by their places in the file."""
        place, title = self._draft.study.place_of(name), f"{study_title(self._asked.study)}/{name}"
        origin = f"{place} in {self._draft.origin}"
        own = _own_layer(part, origin)
        preset = part.preset
        if preset and preset not in preset_names():  # the rest can be checked with the usual one
            own, preset = replace(own, problems=[*own.problems, unknown_preset(preset)]), None
        request = Request(assignments=self._asked.assignments, weights=self._asked.weights, preset=preset, study=own)
        fixed = {**model_fields(part.model), "data.dataset": part.dataset}
        composer = Composer(request, origin, self._data_dirs, fixed)
        try:
            plan = make_plan(
                part.read_axes()[0],
                self._seeds,
                composer,
                baseline=None if self._draft.problems else part.baseline_labels,
                name=title,
                max_trials=self._asked.max_trials,
                allowed_by=self._asked.allowed_by,
            )
            self.lowered |= composer.lowered
            self.sweeps[name] = composer.placed(plan)
        except DatasetError as error:
            self.unavailable[title] = error
        except SpecError as error:
            told = error.problems_at(place)
            return [_in_the_file(problem, _places(part, place), origin, self._draft.origin) for problem in told]
        return []


def _own_layer(part: PartSpec, origin: str) -> Layer:
    """What a part sets, with the names that are no fields."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in flat(part.set).items():
        try:
            values[find_field(name)] = value
        except SpecError as error:
            problems += [replace(problem, origin=origin) for problem in error.problems]
    return replace(layer_of(values, origin), problems=problems)


def _places(part: PartSpec, place: str) -> dict[str, str]:
    """Where a part gives the fields of its specs, and names that are none."""
    places = {"preset": "preset", "--preset": "preset", "data.dataset": "dataset"}
    places |= dict.fromkeys(("model.name", "model.architecture"), "model")
    places |= {_path(name): f"set.{name}" for name in flat(part.set)}
    if isinstance(part, AblationSpec):
        places |= {_path(name): dotted(["params", name]) for name in part.params}
        for axis, variants in part.variants.items():
            fields = {name for each in variants.values() for name in flat(each)}
            places |= {_path(name): dotted(["variants", axis]) for name in fields}
    return {path: f"{place}.{own}" for path, own in places.items()}


def _path(name: str) -> str:
    """The full path of a field; a name that is none stays as it is."""
    try:
        return find_field(name)
    except SpecError:
        return name


def _in_the_file(problem: Problem, places: Mapping[str, str], origin: str, file: str) -> Problem:
    """A problem of a spec by the place in the file where the field, or what holds it, is given."""
    problem = in_a_file(problem)
    is_variable = not problem.origin and problem.field.startswith(ENVIRONMENT_PREFIX)
    if is_variable or problem.origin not in ("", origin):
        return problem
    parts = problem.field.split(".")
    for length in range(len(parts), 0, -1):
        if given := places.get(".".join(parts[:length])):
            return replace(problem, field=".".join([given, *parts[length:]]), origin=file)
    return replace(problem, origin=file if problem.field.startswith(origin.partition(" in ")[0]) else origin)
