"""The spec of a study, its runs, ablations, published claims and sections, and the files that contain one."""

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from vitreport.errors import Problem, SpecError, collect_problems, raise_problems
from vitreport.formatting import percent
from vitreport.spec.base import BaseSpec, Fraction, PositiveInt
from vitreport.spec.engine import EngineSpec, engine_problems
from vitreport.spec.fields import dotted_path, flatten, validate
from vitreport.spec.load import read_table
from vitreport.spec.study_text import Levels, Prose, read_prose
from vitreport.spec.sweep import AxisSpec, Labels, field_axis, format_value, variant_axis, zipped
from vitreport.suggestions import did_you_mean

FOLDER = Path(__file__).parent.parent / "studies"
LEVEL = "combination of values"
DEFAULT_TITLE = "Runs and ablations"  # the title of the one section of a study that names none
ClaimMetric = Literal["test_accuracy", "best_test_accuracy", "best_train_accuracy"]
Relation = Literal["value", "above", "like", "spread_below", "converged_at", "gap_above"]  # each is a field of a claim
RELATIONS: tuple[Relation, ...] = get_args(Relation)
Key = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(max_length=400)]


class PartSpec(BaseSpec):
    """A model on a dataset, trained as its preset or another one says; `set` changes fields of that."""

    model: str
    dataset: str
    preset: str | None = None
    set: Mapping[str, Any] = {}

    def read_axes(self) -> tuple[list[AxisSpec], list[Problem]]:
        """Return the axes and the problems found. A run has neither."""
        return [], []

    @property
    def axes(self) -> list[AxisSpec]:
        """What is varied, in the order of the file."""
        return self.read_axes()[0]

    def combinations(self) -> dict[str, Labels]:
        """Return the labels of each combination of values, one of each axis, by what a claim calls it."""
        labels = itertools.product(*([value.label for value in axis.values] for axis in self.axes))
        return {", ".join(combined): combined for combined in labels}


class AblationSpec(PartSpec):
    """A part that is varied: values of fields, and variants (label -> fields) along further axes.

    With `zip` the values of all fields are paired instead of making a grid. `baseline` is the combination that the
    others are compared with, if it is not the one that the preset has.
    """

    params: Mapping[str, Annotated[list[Any], Field(min_length=1)]] = {}
    zip: bool = False
    variants: Mapping[str, Annotated[Mapping[str, Mapping[str, Any]], Field(min_length=1)]] = {}
    baseline: Any = None

    def read_axes(self) -> tuple[list[AxisSpec], list[Problem]]:
        """Return the axes in the order of the file, and the problems of fields that do not exist."""
        axes: list[AxisSpec] = []
        problems: list[Problem] = []
        for name, values in self.params.items():
            with collect_problems(problems, dotted_path(["params", name])):
                axes.append(field_axis(name, values))
        if self.zip and axes and not problems:
            with collect_problems(problems, "params"):
                axes = [zipped(axes)]
        for name, variants in self.variants.items():
            with collect_problems(problems):
                axes.append(variant_axis(name, {label: flatten(fields) for label, fields in variants.items()}))
        return axes, problems


class FigureSpec(BaseSpec):
    """A published accuracy: a fraction of the images, and the number of digits of its percentage."""

    fraction: Fraction
    digits: Annotated[int, Field(ge=0, le=10)]

    @property
    def shown(self) -> str:
        """The percentage as it was published: 67.70%."""
        return percent(self.fraction, self.digits)


def _as_published(given: Any) -> Any:
    """Read a figure in quotes ("67.70%" or "0.6770"). A number without quotes has lost its last zeros."""
    match = re.fullmatch(r"(\d{1,3}(\.\d{1,10})?(e-\d{1,2})?)(%?)", str(given))
    fraction = Decimal(match[1]).scaleb(-2 if match[4] else 0) if match else Decimal(-1)
    if not 0 <= fraction <= 1:
        fault = "must be a fraction from 0 to 1, or a percentage in quotes such as '67.70%'"
        raise PydanticCustomError("figure", fault)
    return {"fraction": float(fraction), "digits": max(0, -int(fraction.as_tuple().exponent) - 2)}


Figure = Annotated[FigureSpec, BeforeValidator(_as_published)]


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else given


class ClaimSpec(BaseSpec):
    """A published statement about the run or ablation `of`, there about the combination of values `at`.

    A claim states one thing:

    - `value`: the accuracy.
    - `above`, `like`: a comparison with another combination of the ablation, or with another run.
    - `spread_below`, about a whole ablation: the accuracies of any two of its combinations differ by less than this.
    - `converged_at`: the test accuracy has converged at about this epoch.
    - `gap_above`: training accuracy is more than this above test accuracy.

    `says` gives it in words. A `fault` (the name of a fault of the study, or a list of them) makes it not comparable.
    """

    of: str
    at: Any = None
    value: Figure | None = None
    above: Any = None
    like: Any = None
    spread_below: Figure | None = None
    converged_at: PositiveInt | None = None
    gap_above: Figure | None = None
    metric: ClaimMetric = "test_accuracy"
    source: Text
    says: Text = ""
    fault: Annotated[Labels, BeforeValidator(_several)] = ()

    @model_validator(mode="after")
    def _states_one_thing(self) -> Self:
        if sum(getattr(self, relation) is not None for relation in RELATIONS) != 1:
            raise PydanticCustomError("claim", f"must have exactly one of {', '.join(RELATIONS)}")
        if self.spread_below and self.at is not None:
            raise PydanticCustomError("claim", "must not have both spread_below (which is about all values) and at")
        return self

    @property
    def relation(self) -> Relation:
        """What the claim states."""
        return next(relation for relation in RELATIONS if getattr(self, relation) is not None)

    @property
    def other(self) -> Any:
        """What it is compared with."""
        return self.above if self.like is None else self.like


class SectionSpec(BaseSpec):
    """A section of the report: its question, and the runs and ablations that answer it; `text` is in Markdown."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    question: Text = ""
    text: Prose = ""
    runs: tuple[str, ...] = ()
    ablations: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its runs and ablations."""
        return (*self.runs, *self.ablations)


class StudySpec(BaseSpec):
    """A study; `faults` names what was wrong with the published one. Each run and ablation is in one section."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    introduction: Prose = ""
    conclusion: Prose = ""
    engine: EngineSpec | None = None
    faults: Mapping[Key, Text] = {}
    runs: Mapping[Key, PartSpec] = {}
    ablations: Mapping[Key, AblationSpec] = {}
    claims: tuple[ClaimSpec, ...] = ()
    sections: tuple[SectionSpec, ...] = ()

    @property
    def order(self) -> tuple[SectionSpec, ...]:
        """The sections; if the file has none, one with everything."""
        whole = SectionSpec(title=DEFAULT_TITLE, runs=tuple(self.runs), ablations=tuple(self.ablations))
        return self.sections or (whole,)

    @property
    def named(self) -> dict[str, PartSpec]:
        """The runs and the ablations, in the order of the file."""
        return {**self.runs, **self.ablations}

    @property
    def parts(self) -> dict[str, PartSpec]:
        """The runs and the ablations, in the order of the sections."""
        known = self.named
        return {name: known[name] for section in self.order for name in section.parts}

    @property
    def texts(self) -> dict[str, str]:
        """The texts in Markdown, by their places in the file."""
        texts = {f"sections.{index}.text": section.text for index, section in enumerate(self.sections)}
        return {"introduction": self.introduction, **texts, "conclusion": self.conclusion}

    def claims_about(self, names: Collection[str]) -> list[ClaimSpec]:
        """Return the claims about these runs and ablations alone, also in what a run is compared with."""
        known = (None, *names)
        return [each for each in self.claims if each.of in names and (each.of in self.ablations or each.other in known)]

    def place_of(self, name: str) -> str:
        """Return the place of a run or an ablation in the file: ablations."perceiver-io/batch-size"."""
        return dotted_path(["runs" if name in self.runs else "ablations", name])


def combination(value: Any) -> str:
    """Word a combination as a file gives it: one value, or a list with one for each axis; "" for None."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    return ", ".join(map(format_value, values))


def study_names() -> list[str]:
    """Return the names of the studies that come with vitreport."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def study_origin(study: str) -> str:
    """Return what messages call the file of a study."""
    return f"study {study}" if study in study_names() else study


def read_study(study: str) -> StudySpec:
    """Read a study by its name, or from a TOML file. Raises SpecError with all problems of its form, or else names."""
    found, problems = read_with_problems(study)
    raise_problems(problems)
    return found


def read_with_problems(study: str) -> tuple[StudySpec, list[Problem]]:
    """Read a study, and find the problems of the names in it. Raises SpecError with all problems of its form."""
    names, origin, problems = study_names(), study_origin(study), list[Problem]()
    if study not in names and not (Path(study).suffix or "/" in study or "\\" in study):
        hint = f"{did_you_mean(study, names)} (the name of a file must end with .toml)"
        raise SpecError(f"unknown study {study!r}", hint)
    values = read_table(FOLDER / f"{study}.toml" if study in names else Path(study))
    with collect_problems(problems, origin=origin):
        found = validate(StudySpec, values)
        return found, [replace(problem, origin=origin) for problem in _problems(found)]
    raise SpecError(problems=problems)


def _problems(study: StudySpec) -> Iterator[Problem]:
    """Yield what does not fit together: names that are not there, combinations that are not varied."""
    axes = {name: part.read_axes() for name, part in study.ablations.items()}
    yield from [] if study.named else [Problem("runs", "is missing", "a study needs runs or ablations")]
    yield from engine_problems(study.engine) if study.engine else ()
    for part, (sound, problems) in axes.items():
        yield from (replace(problem, field=f"{study.place_of(part)}.{problem.field}") for problem in problems)
        if not sound and not problems:
            yield Problem(study.place_of(part), "varies nothing", "it needs params or variants")
    faulty = {part for part, (_, problems) in axes.items() if problems}
    levels: Levels = {name: None if name in faulty else part.combinations() for name, part in study.named.items()}
    for place, kind, name, known in _references(study, levels):
        if name not in known:
            hint = did_you_mean(name, filter(None, known)) or "leave it out"
            yield Problem(place, f"unknown {kind}" if name else "is missing", hint, name and repr(name))
    yield from (replace(each, field=at) for at, text in study.texts.items() for each in read_prose(text, levels)[1])
    placed = Counter(name for section in study.order for name in section.parts)
    for name in study.named:
        if name in study.runs and name in study.ablations:
            yield Problem(study.place_of(name), "is the name of an ablation, too", "give each a different name")
        elif placed[name] != 1:
            fault = f"is in {placed[name] or 'no'} sections"
            yield Problem(study.place_of(name), fault, "each run and ablation must be in exactly one section")


def _references(study: StudySpec, levels: Levels) -> Iterator[tuple[str, str, str, Iterable[str]]]:
    """Yield each name in a study with its place, its kind and what is known; those of faulty ablations are left out."""
    for name, part in study.ablations.items():
        if part.baseline is not None and (own := levels[name]) is not None:
            yield f"{study.place_of(name)}.baseline", LEVEL, combination(part.baseline), own
    for index, claim in enumerate(study.claims):
        place, kind = f"claims.{index}", "run or ablation" if claim.spread_below is None else "ablation"
        yield from ((f"{place}.fault", "fault", name, study.faults) for name in claim.fault)
        yield f"{place}.of", kind, claim.of, study.named if claim.spread_below is None else study.ablations
        if (own := levels.get(claim.of)) is not None:
            if claim.spread_below is None:
                yield f"{place}.at", LEVEL, combination(claim.at), own
            if claim.other is not None:
                kind, known = ("run", study.runs) if claim.of in study.runs else (LEVEL, own)
                yield f"{place}.{claim.relation}", kind, combination(claim.other), known
    for index, section in enumerate(study.sections):
        yield from ((f"sections.{index}.runs", "run", name, study.runs) for name in section.runs)
        yield from ((f"sections.{index}.ablations", "ablation", name, study.ablations) for name in section.ablations)
