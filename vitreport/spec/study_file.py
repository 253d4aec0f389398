"""Read the files of studies: those that come with vitreport, by name, and those of users."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import prod
from pathlib import Path

from vitreport.errors import Problem, SpecError
from vitreport.formatting import did_you_mean
from vitreport.spec.load import read_table
from vitreport.spec.problems import checked
from vitreport.spec.study import AblationSpec, ClaimSpec, StudySpec, combination

FOLDER = Path(__file__).parent.parent / "studies"
LEVEL = "combination of values"
MOST_COMBINATIONS = 2000  # of all runs and ablations, without their seeds


def study_names() -> list[str]:
    """Return the names of the studies that come with vitreport."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


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
    names, origin = study_names(), study_origin(study)
    if study not in names and not (Path(study).suffix or "/" in study or "\\" in study):
        raise SpecError(f"unknown study {study!r}", f"{did_you_mean(study, names)} (a file ends with .toml)")
    values = read_table(FOLDER / f"{study}.toml" if study in names else Path(study))
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
        yield from _unknown(f"sections.{index}.runs", "run", section.runs, study.runs)
        yield from _unknown(f"sections.{index}.ablations", "ablation", section.ablations, study.ablations)
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
        yield from _unknown(f"{place}.baseline", LEVEL, [combination(ablation.baseline)], ablation.combinations())


def _problems_of_claim(place: str, claim: ClaimSpec, study: StudySpec) -> Iterator[Problem]:
    """Yield the problems of what a claim is about, and of what that is compared with."""
    yield from _unknown(f"{place}.fault", "fault", claim.fault, study.faults)
    yield from _unknown(f"{place}.of", "run or ablation", [claim.of], study.named)
    part = study.named.get(claim.of)
    if part is None or part.read_axes()[1]:
        return
    if claim.spread_below is None:
        known = part.combinations()
        yield from _unknown(f"{place}.at", LEVEL, [combination(claim.at)], known)
        others = [combination(claim.other)] if claim.other is not None else []
        kind, levels = ("run", study.runs) if claim.of in study.runs else (LEVEL, known)
        yield from _unknown(f"{place}.{claim.relation}", kind, others, levels)
    elif claim.of in study.runs:
        yield Problem(f"{place}.spread_below", f"{claim.of} is a run", "name an ablation")


def _unknown(place: str, kind: str, names: Iterable[str], known: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem for each name that is not known; an empty name is missing."""
    for name in names:
        if name not in known:
            hint = did_you_mean(name, filter(None, known)) or "leave it out"
            yield Problem(place, f"unknown {kind}" if name else "is missing", hint, name and repr(name))
