"""Read the files of studies: those that come with vitreport, by name, and those of users."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from vitreport.errors import Problem, SpecError
from vitreport.formatting import did_you_mean
from vitreport.spec.fields import checked
from vitreport.spec.load import read_table
from vitreport.spec.study import StudySpec, combination

FOLDER = Path(__file__).parent.parent / "studies"
LEVEL = "combination of values"


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
    axes = {name: part.read_axes() for name, part in study.ablations.items()}
    if not study.named:
        yield Problem("runs", "is missing", "a study has runs or ablations")
    for part, (sound, problems) in axes.items():
        yield from (replace(problem, field=f"{study.place_of(part)}.{problem.field}") for problem in problems)
        if not sound and not problems:
            yield Problem(study.place_of(part), "varies nothing", "it needs params or variants")
    for place, kind, name, known in _references(study, [part for part, (_, problems) in axes.items() if problems]):
        if name not in known:
            hint = did_you_mean(name, filter(None, known)) or "leave it out"
            yield Problem(place, f"unknown {kind}" if name else "is missing", hint, name and repr(name))
    placed = Counter(name for section in study.order for name in section.parts)
    for name in study.named:
        if name in study.runs and name in study.ablations:
            yield Problem(study.place_of(name), "is the name of an ablation, too", "give each its own name")
        elif placed[name] != 1:
            fault = f"is in {placed[name] or 'no'} sections"
            yield Problem(study.place_of(name), fault, "each run and ablation is in one")


def _references(study: StudySpec, faulty: Collection[str]) -> Iterator[tuple[str, str, str, Iterable[str]]]:
    """Yield each name in a study with its place, its kind and what is known; those of faulty ablations are left out."""
    levels = {name: part.combinations() for name, part in study.named.items() if name not in faulty}
    for name, part in study.ablations.items():
        if part.baseline is not None and name in levels:
            yield f"{study.place_of(name)}.baseline", LEVEL, combination(part.baseline), levels[name]
    for index, claim in enumerate(study.claims):
        place, kind = f"claims.{index}", "run or ablation" if claim.spread_below is None else "ablation"
        yield from ((f"{place}.fault", "fault", name, study.faults) for name in claim.fault)
        yield f"{place}.of", kind, claim.of, study.named if claim.spread_below is None else study.ablations
        if claim.spread_below is None and claim.of in levels:
            yield f"{place}.at", LEVEL, combination(claim.at), levels[claim.of]
        if claim.other is not None and claim.of in levels:
            kind, known = ("run", study.runs) if claim.of in study.runs else (LEVEL, levels[claim.of])
            yield f"{place}.{claim.relation}", kind, combination(claim.other), known
    for index, section in enumerate(study.sections):
        yield from ((f"sections.{index}.runs", "run", name, study.runs) for name in section.runs)
        yield from ((f"sections.{index}.ablations", "ablation", name, study.ablations) for name in section.ablations)
