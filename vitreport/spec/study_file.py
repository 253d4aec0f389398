"""The files of studies: those that come with vitreport, by name, and those of users."""

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vitreport.errors import Problem, SpecError
from vitreport.formatting import did_you_mean
from vitreport.spec.load import YAML_SUFFIXES, read_table
from vitreport.spec.problems import MOST_PROBLEMS, and_more, dotted, shown_input, worded
from vitreport.spec.section import Section
from vitreport.spec.study import AblationSpec, ClaimSpec, PartSpec, SectionSpec, StudySpec
from vitreport.spec.study_faults import MOST_COMBINATIONS, Place, is_too_large, study_faults

FOLDER = Path(__file__).parent.parent / "studies"
SUFFIXES = (".toml", ".json", *YAML_SUFFIXES)
UNREAD_TITLE = "a study without a title"
OWNERS: dict[str, type[Section]] = {
    "runs": PartSpec,
    "ablations": AblationSpec,
    "claims": ClaimSpec,
    "sections": SectionSpec,
}


def study_names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def study_title(study: str) -> str:
    """Return what a study is called, given by its name or its file: the stem of the file."""
    return Path(study).stem


@dataclass(frozen=True)
class Draft:
    """A study as far as its file can be read, what is wrong with the rest of it, and what problems call the file."""

    study: StudySpec
    problems: tuple[Problem, ...]
    origin: str


def read_study(study: str) -> StudySpec:
    """Read a study by its name, or from a TOML file.

    Raises SpecError with every problem of the file, or with the nearest names.
    """
    draft = read_draft(study)
    if draft.problems:
        raise SpecError(problems=draft.problems)
    return draft.study


def read_draft(study: str) -> Draft:
    """Read a study as far as it is sound, with its problems.

    Raises SpecError where nothing of the file can be used.
    """
    if study in study_names():
        return _drafted(read_table(FOLDER / f"{study}.toml"), f"study {study}")
    if Path(study).suffix in SUFFIXES or "/" in study or "\\" in study:
        return _drafted(read_table(Path(study)), study)
    nearest = did_you_mean(study, study_names())
    hint = nearest if nearest.endswith("?") else f"{nearest}."
    raise SpecError(f"unknown study {study!r}", f"{hint} A file of your own ends with .toml")


def _drafted(values: dict[str, Any], origin: str) -> Draft:
    problems: list[Problem] = []
    unread: set[Place] = set()
    gone: set[Place] = set()
    try:
        study = _validated(values)
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems += map(_translated, details[:MOST_PROBLEMS])
        problems += and_more(len(details) - len(problems), "the study")
        unread = {detail["loc"][:2] for detail in details if detail["type"] != "extra_forbidden"}
        study, gone = _sound_part(values, [detail["loc"] for detail in details], origin)
    except ValueError as error:  # json.dumps refuses such numbers
        raise _unusable("holds a whole number of more than 4300 digits", origin) from error
    if is_too_large(study):
        raise _unusable(f"has more than {MOST_COMBINATIONS:,} combinations of values", origin)
    problems += study_faults(study, unread, gone)
    return Draft(study, tuple(replace(problem, origin=origin) for problem in problems), origin)


def _sound_part(values: dict[str, Any], faulty: Iterable[Place], origin: str) -> tuple[StudySpec, set[Place]]:
    """Return the study without the values at these places and what needs them, and the places of the latter."""
    kept = {"title": UNREAD_TITLE, **_without(values, faulty)}
    try:
        return _validated(kept), set()
    except ValidationError as error:
        gone: set[Place] = {detail["loc"][:2] for detail in error.errors(include_url=False)}
    if () in gone:
        raise _unusable("holds a text that is not Unicode", origin)
    kept = _without(kept, gone)
    lists = {name: value for name, value in kept.items() if isinstance(value, list)}
    for name, items in lists.items():
        kept[name] = [item for index, item in enumerate(items) if (name, index) not in gone]
    return _validated(kept), gone


def _without(values: dict[str, Any], places: Iterable[Place]) -> dict[str, Any]:
    """Remove the values at these places; in a list an empty table takes their place."""
    kept = copy.deepcopy(values)
    for place in filter(None, places):
        parents, last = place[:-1], place[-1]
        table: Any = kept
        for parent in parents:
            table = {} if isinstance(table, dict) and parent not in table else table[parent]
        if isinstance(table, dict):
            table.pop(last, None)
        else:
            table[last] = {}
    return kept


def _unusable(fault: str, origin: str) -> SpecError:
    return SpecError(problems=[Problem("the study", fault, origin=origin)])


def _validated(values: Mapping[str, Any]) -> StudySpec:
    """As JSON, as specs are."""
    return StudySpec.model_validate_json(json.dumps(values, default=str), strict=True)


def _translated(detail: ErrorDetails) -> Problem:
    """One of pydantic's errors as a problem with its dotted path."""
    parts = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        owner = OWNERS[parts[0]] if len(parts) > 1 else StudySpec
        return Problem(dotted(parts), "unknown field", did_you_mean(parts[-1], owner.model_fields))
    if detail["type"] == "missing":
        return Problem(dotted(parts), "is missing")
    return Problem(dotted(parts), worded(detail["msg"]), value=shown_input(detail["input"]))
