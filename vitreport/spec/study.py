"""A study: runs and ablations with their names, what was published of them, and the sections of their report."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, model_validator

from vitreport.errors import Problem, SpecError
from vitreport.spec.compose import flat
from vitreport.spec.fields import did_you_mean
from vitreport.spec.problems import dotted
from vitreport.spec.section import Fraction, Section
from vitreport.spec.sweep import AxisSpec, field_axis, shown_value, variant_axis, zipped

MOST_CELLS = 2000  # of all runs and ablations, each seed aside
ONLY = "Runs and ablations"  # the title of the one section of a study that names none
Relation = Literal["is", "above", "like"]
Labels = tuple[str, ...]
Key = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(max_length=400)]


class PartSpec(Section):
    """A model on a data set, trained as its preset says, or another that is named; `set` changes fields of that."""

    model: str
    dataset: str
    preset: str | None = None
    set: Mapping[str, Any] = {}

    def axes(self) -> tuple[AxisSpec, ...]:
        """What is varied: nothing in a run."""
        return ()

    @property
    def baseline_labels(self) -> Labels | None:
        """What the other combinations are compared with, where it is named."""
        return None

    def cells(self) -> dict[str, Labels]:
        """The labels of each combination of values, of each axis one, by what a claim calls it."""
        labels = itertools.product(*([value.label for value in axis.values] for axis in self.axes()))
        return {", ".join(each): each for each in labels}


Part = TypeVar("Part", bound=PartSpec)


class AblationSpec(PartSpec):
    """What is varied besides: values of fields, and variants (label -> fields) along further axes.

    With `zip` the fields go side by side instead of making a grid. `baseline` is the combination that the others are
    compared with, where it is not the one that the preset has itself.
    """

    params: Mapping[str, Annotated[list[Any], Field(min_length=1)]] = {}
    zip: bool = False
    variants: Mapping[str, Annotated[Mapping[str, Mapping[str, Any]], Field(min_length=1)]] = {}
    baseline: Any = None

    def axes(self) -> tuple[AxisSpec, ...]:
        """The axes in the order of the file. Raises SpecError for a field that does not exist."""
        params = [field_axis(name, values) for name, values in self.params.items()]
        variants = [
            variant_axis(name, {label: flat(fields) for label, fields in labels.items()})
            for name, labels in self.variants.items()
        ]
        return (*([zipped(params)] if self.zip and params else params), *variants)

    @property
    def baseline_labels(self) -> Labels | None:
        return None if self.baseline is None else self.cells()[combination(self.baseline)]


class ClaimSpec(Section):
    """A published statement of the run or ablation `of`, there of the combination of values `at`.

    It is `value`, or above that of another, or like it: of another combination of the ablation, or of another run.
    `says` has it in words. A `fault` (a name of the study's) makes it not comparable.
    """

    of: str
    at: Any = None
    value: Fraction | None = None
    above: Any = None
    like: Any = None
    metric: Literal["test_accuracy", "best_test_accuracy"] = "test_accuracy"
    source: Text
    says: Text = ""
    fault: str = ""

    @property
    def relation(self) -> Relation:
        if self.above is not None:
            return "above"
        return "is" if self.like is None else "like"

    @property
    def other(self) -> Any:
        """What it is compared with."""
        return self.above if self.like is None else self.like


class SectionSpec(Section):
    """A part of the report: what it asks, and the runs and ablations that answer."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    question: Text = ""
    runs: tuple[str, ...] = ()
    ablations: tuple[str, ...] = ()


class StudySpec(Section):
    """A study; `faults` names what was wrong with the published one. Each run and ablation stands in one section."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    faults: Mapping[Key, Text] = {}
    runs: Mapping[Key, PartSpec] = {}
    ablations: Mapping[Key, AblationSpec] = {}
    claims: tuple[ClaimSpec, ...] = ()
    sections: tuple[SectionSpec, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> "StudySpec":
        if found := [*_unsound_parts(self)] or [*_unsound_claims(self), *_unsound_sections(self)]:
            raise SpecError(problems=found)
        return self

    @property
    def order(self) -> tuple[SectionSpec, ...]:
        """The sections; one that holds all where the file has none."""
        return self.sections or (SectionSpec(title=ONLY, runs=tuple(self.runs), ablations=tuple(self.ablations)),)

    @property
    def parts(self) -> dict[str, PartSpec]:
        """The runs and the ablations, in the order of the sections."""
        known = {**self.runs, **self.ablations}
        return {name: known[name] for section in self.order for name in (*section.runs, *section.ablations)}


def combination(value: Any) -> str:
    """A combination of values as a file names it: one value, or a list with one for each axis; "" for none."""
    if value is None:
        return ""
    return ", ".join(map(shown_value, value)) if isinstance(value, list) else shown_value(value)


def choose(parts: Mapping[str, Part], names: Sequence[str]) -> dict[str, Part]:
    """The parts of these names, all where none is given. Raises SpecError with the nearest names."""
    fault = "no such part of the study"
    if unknown := [name for name in names if name not in parts]:
        raise SpecError(problems=[Problem("--only", fault, did_you_mean(name, parts), repr(name)) for name in unknown])
    return {name: part for name, part in parts.items() if name in names or not names}


def _unsound_parts(study: StudySpec) -> Iterator[Problem]:
    if not study.runs and not study.ablations:
        yield Problem("runs", "is missing", "a study has runs or ablations")
    for name in filter(study.ablations.__contains__, study.runs):
        yield Problem(dotted(["runs", name]), "is the name of an ablation too", "give each its own")
    counts = []
    for name, ablation in study.ablations.items():
        path = dotted(["ablations", name])
        try:
            counts.append(prod(len(axis.values) for axis in ablation.axes()))
        except SpecError as error:
            told = error.problems or [Problem("", error.message, error.hint)]
            yield from (replace(each, field=f"{path}.{each.field}".rstrip(".")) for each in told)
            continue
        if not ablation.axes():
            yield Problem(path, "varies nothing", "it needs params or variants")
        elif sum(counts) <= MOST_CELLS and ablation.baseline is not None:
            yield from _unknown_cell(f"{path}.baseline", ablation.baseline, ablation)
    if len(study.runs) + sum(counts) > MOST_CELLS:
        yield Problem("ablations", f"have more than {MOST_CELLS:,} combinations of values")


def _unsound_claims(study: StudySpec) -> Iterator[Problem]:
    parts = {**study.runs, **study.ablations}
    for index, claim in enumerate(study.claims):
        path = f"claims.{index}"
        if claim.of not in parts:
            yield _unknown(f"{path}.of", "run or ablation", claim.of, parts)
            continue
        part = parts[claim.of]
        yield from _unknown_cell(f"{path}.at", claim.at, part)
        if sum(each is not None for each in (claim.value, claim.above, claim.like)) != 1:
            yield Problem(path, "says nothing, or more than one thing", "give value, above or like")
        elif claim.other is not None and isinstance(part, AblationSpec):
            yield from _unknown_cell(f"{path}.{claim.relation}", claim.other, part)
        elif claim.other is not None and claim.other not in study.runs:
            yield _unknown(f"{path}.{claim.relation}", "run", str(claim.other), study.runs)
        if claim.fault and claim.fault not in study.faults:
            yield _unknown(f"{path}.fault", "fault", claim.fault, study.faults)


def _unsound_sections(study: StudySpec) -> Iterator[Problem]:
    placed: set[str] = set()
    for index, section in enumerate(study.sections):
        both = (("runs", section.runs, study.runs), ("ablations", section.ablations, study.ablations))
        for kind, names, known in both:
            path = f"sections.{index}.{kind}"
            for name in names:
                if name not in known:
                    yield _unknown(path, kind.removesuffix("s"), name, known)
                elif name in placed:
                    yield Problem(path, "stands in a section already", value=repr(name))
                placed.add(name)
    for kind, known in (("runs", study.runs), ("ablations", study.ablations)):
        for name in known:
            if study.sections and name not in placed:
                yield Problem(dotted([kind, name]), "stands in no section", "each run and ablation stands in one")


def _unknown_cell(path: str, value: Any, part: PartSpec) -> Iterator[Problem]:
    cells = part.cells()
    if (name := combination(value)) not in cells:
        fault = "no such combination of values" if name else "is missing"
        hint = did_you_mean(name, cells) if part.axes() else "leave it out: a run varies nothing"
        yield Problem(path, fault, hint, name and repr(name))


def _unknown(path: str, kind: str, name: str, known: Mapping[str, Any]) -> Problem:
    return Problem(path, f"unknown {kind}", did_you_mean(name, known), repr(name))
