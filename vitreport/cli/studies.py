"""From a study to the plans of its runs and ablations."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitreport.cli.compose import Request, model_fields
from vitreport.cli.composer import Composer, common_folder
from vitreport.cli.options import DEFAULT_SEEDS
from vitreport.errors import Problem, SpecError
from vitreport.spec.compose import Layer, flat
from vitreport.spec.fields import find_field
from vitreport.spec.load import layer_of
from vitreport.spec.study import PartSpec, StudySpec, choose
from vitreport.spec.study_file import read_study, study_title
from vitreport.spec.sweep import parse_seeds
from vitreport.sweep.plan import Plan, make_plan

MOST_CELLS = 1000


@dataclass(frozen=True)
class StudyRequest:
    """A study by its name or file, and what of it is asked for: parts by name, all without any; seeds; `--set`."""

    study: str
    only: Sequence[str] = ()
    seeds: str = DEFAULT_SEEDS
    assignments: Sequence[str] = ()
    max_cells: int = MOST_CELLS
    weights: Path | None = None

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
    """A study with the plans of its parts by name, in the order of its sections."""

    spec: StudySpec
    plans: Mapping[str, Plan]
    data_dirs: Mapping[str, Path]

    @property
    def data_dir(self) -> Path:
        """The folder that holds all data sets. Raises SpecError where there is no such."""
        return common_folder(self.plans.values(), self.data_dirs)


def plan_study(asked: StudyRequest, data_dir: Path | None, *, ablations_only: bool = False) -> StudyPlan:
    """Compose every cell. Raises SpecError with the problems of all parts, each once."""
    study, seeds = read_study(asked.study), parse_seeds(asked.seeds)
    parts = {name: part for name, part in study.parts.items() if part.axes() or not ablations_only}
    base = Request(assignments=asked.assignments, weights=asked.weights)
    plans: dict[str, Plan] = {}
    data_dirs: dict[str, Path] = {}
    problems: dict[Problem, None] = {}
    for name, part in choose(parts, asked.only).items():
        title = f"{study_title(asked.study)}/{name}"
        origin = f"study {title}"
        request = replace(base, preset=part.preset, study=_own_layer(part, origin))
        named = {**model_fields(part.model), "data.dataset": part.dataset}
        try:
            plans[name] = make_plan(
                part.axes(),
                seeds,
                Composer(request, origin, data_dir, data_dirs, named),
                baseline=part.baseline_labels,
                name=title,
                max_cells=asked.max_cells,
            )
        except SpecError as error:
            told = error.problems or [Problem(title, error.message, error.hint)]
            problems |= dict.fromkeys(replace(problem, origin=problem.origin or origin) for problem in told)
    if problems:
        raise SpecError(problems=list(problems))
    return StudyPlan(study, plans, data_dirs)


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
