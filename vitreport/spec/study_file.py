"""The files of studies: those that come with vitreport, by name, and those of users."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vitreport.errors import Problem, SpecError
from vitreport.spec.fields import did_you_mean
from vitreport.spec.load import read_table
from vitreport.spec.problems import MOST_PROBLEMS, and_more, dotted, shown_input, worded
from vitreport.spec.section import Section
from vitreport.spec.study import AblationSpec, ClaimSpec, PartSpec, SectionSpec, StudySpec

FOLDER = Path(__file__).parent.parent / "studies"
SUFFIXES = (".toml", ".json")
OWNERS: dict[str, type[Section]] = {
    "runs": PartSpec,
    "ablations": AblationSpec,
    "claims": ClaimSpec,
    "sections": SectionSpec,
}


def study_names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def study_title(study: str) -> str:
    """What a study is called, given by its name or its file: the stem of the file."""
    return Path(study).stem


def read_study(study: str) -> StudySpec:
    """A study by its name, or from a file of the user's own.

    Raises SpecError with every problem of the file, or with the nearest names.
    """
    if study in study_names():
        return _checked(read_table(FOLDER / f"{study}.toml"), "")
    if Path(study).suffix in SUFFIXES or "/" in study or "\\" in study:
        return _checked(read_table(Path(study)), study)
    nearest = did_you_mean(study, study_names())
    hint = nearest if nearest.endswith("?") else f"{nearest}."
    raise SpecError(f"unknown study {study!r}", f"{hint} A file of your own ends with .toml")


def _checked(values: Mapping[str, Any], origin: str) -> StudySpec:
    """Validated as JSON, as specs are."""
    try:
        return StudySpec.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems = [_translated(detail) for detail in details[:MOST_PROBLEMS]]
        problems += and_more(len(details) - len(problems), "the study")
    except SpecError as error:
        problems = list(error.problems)
    except ValueError:  # json.dumps refuses such numbers
        problems = [Problem("the study", "holds a whole number of more than 4300 digits")]
    raise SpecError(problems=[replace(problem, origin=origin) for problem in problems])


def _translated(detail: ErrorDetails) -> Problem:
    """One of pydantic's errors as a problem with its dotted path."""
    parts = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        owner = OWNERS[parts[0]] if len(parts) > 1 else StudySpec
        return Problem(dotted(parts), "unknown field", did_you_mean(parts[-1], owner.model_fields))
    if detail["type"] == "missing":
        return Problem(dotted(parts), "is missing")
    return Problem(dotted(parts), worded(detail["msg"]), value=shown_input(detail["input"]))
