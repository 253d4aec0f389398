"""Read the files of studies: those that come with vitreport, by name, and those of users."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from vitreport.errors import Problem, SpecError
from vitreport.formatting import did_you_mean
from vitreport.spec.load import read_table
from vitreport.spec.problems import checked
from vitreport.spec.study import AblationSpec, ClaimSpec, PartSpec, StudySpec, combination

FOLDER = Path(__file__).parent.parent / "studies"
MOST_COMBINATIONS = 2000  # of all runs and ablations, without their seeds


def study_names() -> list[str]:
    """Return the names of the studies that come with vitreport."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def study_title(study: str) -> str:
    """Return what a study is called, given by its name or its file: the stem of the file."""
    return Path(study).stem


def study_origin(study: str) -> str:
    """Return what messages call the file of a study."""
    return f"study {study}" if study in study_names() else study


def read_study(study: str) -> StudySpec:
    """Read a study by its name, or from a TOML file. Raises SpecError with all problems of its form, or else names."""
    found, problems = read_form(study)
    if problems:
        raise SpecError(problems=problems)
    return found


def read_form(study: str) -> tuple[StudySpec, list[Problem]]:
    """Read a study, and find the problems of the names in it. Raises SpecError with all problems of its form."""
    if study not in study_names() and not (Path(study).suffix or "/" in study or "\\" in study):
        hint = f"{did_you_mean(study, study_names())} (a file ends with .toml)"
        raise SpecError(f"unknown study {study!r}", hint)
    values = read_table(FOLDER / f"{study}.toml" if study in study_names() else Path(study))
    origin = study_origin(study)
    try:
        found = checked(StudySpec, values)
        return found, [replace(problem, origin=origin) for problem in _problems(found)]
    except SpecError as error:
        raise SpecError(problems=[replace(problem, origin=origin) for problem in error.problems]) from error


def _problems(study: StudySpec) -> Iterator[Problem]:
    """Yield what does not fit together: names that are not there, combinations that are not varied."""
    ablations = study.ablations.values()
    if len(study.runs) + sum(prod(len(axis.values) for axis in part.axes) for part in ablations) > MOST_COMBINATIONS:
        fault = f"has more than {MOST_COMBINATIONS:,} combinations of values"
        raise SpecError(problems=[Problem("the study", fault)])
    if not study.named:
        yield Problem("runs", "is missing", "a study has runs or ablations")
    for name, ablation in study.ablations.items():
        yield from _problems_of_ablation(study.place_of(name), ablation)
    for index, claim in enumerate(study.claims):
        yield from _problems_of_claim(f"claims.{index}", claim, study)
    for index, section in enumerate(study.sections):
        for kind, names, known in (("run", section.runs, study.runs), ("ablation", section.ablations, study.ablations)):
            yield from (_unknown(f"sections.{index}.{kind}s", kind, name, known) for name in names if name not in known)
    placed = Counter(name for section in study.order for name in section.parts)
    for name in study.named:
        if name in study.runs and name in study.ablations:
            yield Problem(study.place_of(name), "is the name of an ablation, too", "give each its own")
        elif placed[name] != 1:
            yield Problem(
                study.place_of(name), f"is in {placed[name] or 'no'} sections", "each run and ablation is in one"
            )


def _problems_of_ablation(place: str, ablation: AblationSpec) -> Iterator[Problem]:
    axes, problems = ablation.read_axes()
    yield from (replace(problem, field=f"{place}.{problem.field}") for problem in problems)
    if not axes and not problems:
        yield Problem(place, "varies nothing", "it needs params or variants")
    elif ablation.baseline is not None and not problems:
        yield from _unknown_combination(f"{place}.baseline", ablation.baseline, ablation)


def _problems_of_claim(place: str, claim: ClaimSpec, study: StudySpec) -> Iterator[Problem]:
    """Yield the problems of what a claim is about, and of what that is compared with."""
    for name in claim.fault:
        if name not in study.faults:
            yield _unknown(f"{place}.fault", "fault", name, study.faults)
    part = study.named.get(claim.of)
    if part is None:
        yield _unknown(f"{place}.of", "run or ablation", claim.of, study.named)
    elif part.read_axes()[1]:
        return
    elif claim.spread_below is None:
        yield from _unknown_combination(f"{place}.at", claim.at, part)
        other = f"{place}.{claim.relation}"
        if claim.other is not None and isinstance(part, AblationSpec):
            yield from _unknown_combination(other, claim.other, part)
        elif claim.other is not None and claim.other not in study.runs:
            yield _unknown(other, "run", str(claim.other), study.runs)
    elif not isinstance(part, AblationSpec):
        yield Problem(f"{place}.spread_below", f"{claim.of} is a run", "name an ablation")


def _unknown_combination(place: str, value: Any, part: PartSpec) -> Iterator[Problem]:
    known = part.combinations()
    if (name := combination(value)) not in known:
        fault = "no such combination of values" if name else "is missing"
        hint = did_you_mean(name, known) if part.axes else "leave it out: a run varies nothing"
        yield Problem(place, fault, hint, name and repr(name))


def _unknown(place: str, kind: str, name: str, known: Iterable[str]) -> Problem:
    return Problem(place, f"unknown {kind}", did_you_mean(name, known), repr(name))
