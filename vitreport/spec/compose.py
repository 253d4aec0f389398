"""Layers of values become one checked spec, with the origin of every value."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from vitreport.errors import Problem, SpecError
from vitreport.spec.data import DatasetFacts, DataSpec
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.problems import translated, unknown_field
from vitreport.spec.run import RunSpec, cross_problems

Path = tuple[str, ...]
Describe = Callable[[str, int | None], DatasetFacts]


@dataclass(frozen=True)
class Layer:
    """Values from one place, nested like a spec."""

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Composed:
    """A checked spec, and for each dotted path the place that its value came from."""

    spec: RunSpec
    origins: Mapping[str, str]


def compose(layers: Sequence[Layer], describe: Describe) -> Composed:
    """Merge layers (the strongest last), fill in what follows from the data set, and check everything.

    `describe` tells the facts of a data set by its name or path and the image size that the user chose, if any.
    Raises SpecError with every problem at once; a DatasetError of `describe` passes through.
    """
    merged = _merge(layers)
    values = _nested({path: value for path, (value, _) in merged.items()})
    origins = {".".join(path): origin for path, (_, origin) in merged.items()}
    facts, problems = _facts(values, describe)
    for path, value in _derived(values, facts).items():
        if path not in merged:
            _put(values, path, value)
            origins[".".join(path)] = "derived"
    if isinstance(_section(values, "data").get("dataset"), str):
        values["data"]["dataset"] = facts.name
    sections, faults = _sections(values)
    problems += faults + ([] if problems else cross_problems(sections))
    if problems:
        raise SpecError(problems=[_with_origin(problem, origins) for problem in problems])
    return Composed(RunSpec(**sections), origins)


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values by their dotted paths; lists stay whole."""
    return {".".join(path): value for path, value in _leaves(values)}


def _facts(values: Mapping[str, Any], describe: Describe) -> tuple[DatasetFacts, list[Problem]]:
    """The facts of the data set, or stand-ins and the reason, so that the rest can still be checked."""
    data = _section(values, "data")
    dataset = data.get("dataset", DataSpec.model_fields["dataset"].default)
    size = data.get("image_size")
    stand_in = DatasetFacts(name=str(dataset), num_classes=10, image_size=32)
    if not isinstance(dataset, str):
        return stand_in, []
    try:
        return describe(dataset, size if type(size) is int and size > 0 else None), []
    except SpecError as error:
        return stand_in, list(error.problems)


def _merge(layers: Sequence[Layer]) -> dict[Path, tuple[Any, str]]:
    merged: dict[Path, tuple[Any, str]] = {}
    for layer in layers:
        for path, value in _leaves(layer.values):
            covered = [old for old in merged if _covers(old, path) or _covers(path, old)]
            if covered and value == {}:
                continue
            for old in covered:
                del merged[old]
            merged[path] = (value, layer.origin)
    return merged


def _covers(outer: Path, inner: Path) -> bool:
    return inner[: len(outer)] == outer


def _leaves(values: Mapping[str, Any], prefix: Path = ()) -> list[tuple[Path, Any]]:
    found: list[tuple[Path, Any]] = []
    for name, value in values.items():
        path = (*prefix, str(name))
        if isinstance(value, Mapping) and value:
            found += _leaves(value, path)
        else:
            found.append((path, value))
    return found


def _nested(flat: Mapping[Path, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, value in flat.items():
        _put(values, path, value)
    return values


def _put(values: dict[str, Any], path: Path, value: Any) -> None:
    *parents, last = path
    for parent in parents:
        values = values.setdefault(parent, {})
    values[last] = value


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name)
    return section if isinstance(section, Mapping) else {}


def _derived(values: Mapping[str, Any], facts: DatasetFacts) -> dict[Path, Any]:
    """What the data set and the architecture settle where the user is silent."""
    data, model = _section(values, "data"), _section(values, "model")
    if not isinstance(values.get("data", {}), Mapping):
        return {}
    image_size = data.get("image_size", facts.image_size)
    num_classes = data.get("num_classes", facts.num_classes)
    derived: dict[Path, Any] = {("data", "image_size"): image_size, ("data", "num_classes"): num_classes}
    if type(image_size) is type(num_classes) is int:
        for architecture in ARCHITECTURES:
            if architecture.model_fields["name"].default == model.get("name"):
                fields = architecture.derived(image_size, num_classes)
                derived |= {("model", name): value for name, value in fields.items()}
    return derived


def _sections(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The sections that are valid by themselves, and what is wrong with the others."""
    sections: dict[str, Any] = {}
    problems = [unknown_field(name, RunSpec) for name in values if name not in RunSpec.model_fields]
    for name, field in RunSpec.model_fields.items():
        if name not in values and not field.is_required():
            sections[name] = field.get_default()
            continue
        try:
            sections[name] = _validated(field, values.get(name, {}))
        except ValidationError as error:
            problems += [translated(detail, name, field) for detail in error.errors(include_url=False)]
        except ValueError as error:
            problems.append(Problem(name, f"cannot be read: {error}"))
    return sections, problems


def _validated(field: FieldInfo, value: Any) -> Any:
    """Validated as JSON, because JSON mode is strict about types and still takes lists for tuples."""
    adapter = TypeAdapter[Any](Annotated[field.annotation, field])  # type: ignore[arg-type]
    return adapter.validate_json(json.dumps(value, default=str), strict=True)


def _with_origin(problem: Problem, origins: Mapping[str, str]) -> Problem:
    origin = origins.get(problem.field, "")
    return replace(problem, origin="" if origin == "derived" else origin)
