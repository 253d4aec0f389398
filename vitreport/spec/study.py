"""The studies that come with vitreport: named ablations, one TOML file a study."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import model_validator

from vitreport.errors import Problem, SpecError
from vitreport.spec.fields import did_you_mean
from vitreport.spec.section import Section
from vitreport.spec.sweep import AxisSpec, field_axis, variant_axis, zipped

FOLDER = Path(__file__).parent.parent / "studies"


class AblationSpec(Section):
    """A model on a data set, and what is varied: values of fields, and variants (label -> fields) along further axes.

    The pair's preset counts; `set` changes it for every cell. `baseline` holds one label for each axis.
    """

    model: str
    dataset: str
    set: Mapping[str, Any] = {}
    params: Mapping[str, list[Any]] = {}
    zip: bool = False
    variants: Mapping[str, Mapping[str, Mapping[str, Any]]] = {}
    baseline: list[str] | None = None

    @model_validator(mode="after")
    def _varies_something(self) -> "AblationSpec":
        if not self.params and not self.variants:
            raise ValueError("varies nothing: it needs params or variants")
        return self

    def axes(self) -> tuple[AxisSpec, ...]:
        """The axes in the order of the file. Raises SpecError for a field that does not exist."""
        params = [field_axis(name, values) for name, values in self.params.items()]
        variants = [variant_axis(name, labels) for name, labels in self.variants.items()]
        return (*([zipped(params)] if self.zip else params), *variants)


class StudySpec(Section):
    """A study, with its ablations by name."""

    title: str
    ablations: Mapping[str, AblationSpec]

    def chosen(self, names: list[str]) -> dict[str, AblationSpec]:
        """The ablations of these names, all where none is given. Raises SpecError with the nearest names."""
        unknown = [name for name in names if name not in self.ablations]
        if unknown:
            raise SpecError(
                problems=[
                    Problem("--only", "unknown ablation", did_you_mean(name, self.ablations), repr(name))
                    for name in unknown
                ]
            )
        return {name: self.ablations[name] for name in names or self.ablations}


def study_names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read_study(name: str) -> StudySpec:
    """A study by its name. Raises SpecError with the nearest names."""
    if name not in study_names():
        raise SpecError(problems=[Problem("--study", "unknown study", did_you_mean(name, study_names()), repr(name))])
    return StudySpec.model_validate(tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")))
