"""The spec of a study: runs and ablations with their names, published claims, and the sections of the report."""

import itertools
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from vitreport.errors import Problem, gathered
from vitreport.formatting import percent
from vitreport.spec.fields import dotted, flat
from vitreport.spec.section import Fraction, PositiveInt, Section
from vitreport.spec.sweep import AxisSpec, field_axis, shown_value, variant_axis, zipped

ONLY = "Runs and ablations"  # the title of the one section of a study that names none
FIGURE = r"(\d{1,3}(\.\d{1,10})?(e-\d{1,2})?)(%?)"
FIGURE_FAULT = "must be a fraction from 0 to 1, or a percentage in quotes such as '67.70%'"
Relation = Literal["is", "above", "like", "spread below", "converged at", "gap above"]
RELATIONS: dict[Relation, str] = {
    each: "value" if each == "is" else each.replace(" ", "_") for each in get_args(Relation)
}
"""The relations that a claim can state, each with its field."""
Labels = tuple[str, ...]
Key = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(max_length=400)]


class PartSpec(Section):
    """A model on a dataset, trained as its preset or another one says; `set` changes fields of that."""

    model: str
    dataset: str
    preset: str | None = None
    set: Mapping[str, Any] = {}

    def read_axes(self) -> tuple[list[AxisSpec], list[Problem]]:
        """Return what is varied, and what is wrong with the rest of it, by its place in the part: nothing in a run."""
        return [], []

    @property
    def axes(self) -> list[AxisSpec]:
        """What is varied, in the order of the file."""
        return self.read_axes()[0]

    @property
    def baseline_labels(self) -> Labels | None:
        """What the other combinations are compared with, if it is named."""
        return self.combinations().get(combination(getattr(self, "baseline", None)))

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
            with gathered(problems, dotted(["params", name])):
                axes.append(field_axis(name, values))
        if self.zip and axes and not problems:
            with gathered(problems, "params"):
                axes = [zipped(axes)]
        for name, variants in self.variants.items():
            with gathered(problems):
                axes.append(variant_axis(name, {label: flat(fields) for label, fields in variants.items()}))
        return axes, problems


class FigureSpec(Section):
    """A published accuracy: a fraction of the images, and the number of digits of its percentage."""

    fraction: Fraction
    digits: Annotated[int, Field(ge=0, le=10)]

    @property
    def shown(self) -> str:
        """The percentage as it was published: 67.70%."""
        return percent(self.fraction, self.digits)


def _as_published(given: Any) -> Any:
    """Read a figure in quotes ("67.70%" or "0.6770"). A number without quotes has lost its last zeros."""
    match = re.fullmatch(FIGURE, str(given))
    fraction = Decimal(match[1]).scaleb(-2 if match[4] else 0) if match else Decimal(-1)
    if not 0 <= fraction <= 1:
        raise PydanticCustomError("figure", FIGURE_FAULT)
    return {"fraction": float(fraction), "digits": max(0, -int(fraction.as_tuple().exponent) - 2)}


Figure = Annotated[FigureSpec, BeforeValidator(_as_published)]


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else given


class ClaimSpec(Section):
    """A published statement about the run or ablation `of`, there about the combination of values `at`.

    A claim states one thing:

    - `value`: the accuracy.
    - `above`, `like`: a comparison with another combination of the ablation, or with another run.
    - `spread_below`, about a whole ablation: the accuracies of any two of its combinations differ by less than this.
    - `converged_at`: the test accuracy has converged at about this epoch.
    - `gap_above`: training accuracy is more than this above test accuracy (over-fitting).

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
    metric: Literal["test_accuracy", "best_test_accuracy", "best_train_accuracy"] = "test_accuracy"
    source: Text
    says: Text = ""
    fault: Annotated[Labels, BeforeValidator(_several)] = ()

    @model_validator(mode="after")
    def _states_one_thing(self) -> Self:
        if sum(getattr(self, field) is not None for field in RELATIONS.values()) != 1:
            raise PydanticCustomError("claim", f"must have exactly one of {', '.join(RELATIONS.values())}")
        if self.spread_below and self.at is not None:
            raise PydanticCustomError("claim", "must not have both spread_below, which is about all values, and at")
        return self

    @property
    def relation(self) -> Relation:
        """What the claim states."""
        return next(relation for relation, field in RELATIONS.items() if getattr(self, field) is not None)

    @property
    def other(self) -> Any:
        """What it is compared with."""
        return self.above if self.like is None else self.like


class SectionSpec(Section):
    """A section of the report: its question, and the runs and ablations that answer it."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    question: Text = ""
    runs: tuple[str, ...] = ()
    ablations: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its runs and ablations."""
        return (*self.runs, *self.ablations)


class StudySpec(Section):
    """A study; `faults` names what was wrong with the published one. Each run and ablation is in one section."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    faults: Mapping[Key, Text] = {}
    runs: Mapping[Key, PartSpec] = {}
    ablations: Mapping[Key, AblationSpec] = {}
    claims: tuple[ClaimSpec, ...] = ()
    sections: tuple[SectionSpec, ...] = ()

    @property
    def order(self) -> tuple[SectionSpec, ...]:
        """The sections; if the file has none, one with everything."""
        return self.sections or (SectionSpec(title=ONLY, runs=tuple(self.runs), ablations=tuple(self.ablations)),)

    @property
    def named(self) -> dict[str, PartSpec]:
        """The runs and the ablations, in the order of the file."""
        return {**self.runs, **self.ablations}

    @property
    def parts(self) -> dict[str, PartSpec]:
        """The runs and the ablations, in the order of the sections."""
        known = self.named
        return {name: known[name] for section in self.order for name in section.parts}

    def claims_about(self, names: Collection[str]) -> list[ClaimSpec]:
        """Return the claims about these runs and ablations alone, also in what a run is compared with."""
        known = (None, *names)
        return [each for each in self.claims if each.of in names and (each.of in self.ablations or each.other in known)]

    def place_of(self, name: str) -> str:
        """Return the place of a run or an ablation in the file: ablations."perceiver-io/batch-size"."""
        return dotted(["runs" if name in self.runs else "ablations", name])


def combination(value: Any) -> str:
    """Word a combination as a file gives it: one value, or a list with one for each axis; "" for None."""
    if value is None:
        return ""
    return ", ".join(map(shown_value, value)) if isinstance(value, list) else shown_value(value)
