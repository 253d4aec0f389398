"""Layers of values become one checked spec, with the origin of every value."""

import dataclasses
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from vitreport.errors import Problem, SpecError
from vitreport.spec.data import DatasetFacts, DataSpec, Lowered
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.problems import MOST_PROBLEMS, and_more, dotted, problems_of, unknown_field
from vitreport.spec.run import RunSpec, fit_problems
from vitreport.spec.section import Section, members, tags_of

ENVIRONMENT = "environment"
Path = tuple[str, ...]
Describe = Callable[[str, int | None], DatasetFacts]


@dataclass(frozen=True)
class Layer:
    """Values from one place, nested like a spec, and what could not be read there.

    A whole spec (a file, a preset) yields: where a stronger layer chooses another model or optimizer, the fields
    of the former one fall away. A field that was given alone never does. `variables` are the names, by dotted path,
    of the environment variables that the values are from.

    `is_recipe` marks a preset, whose batch size gives way to a smaller limit; `is_varied` the values of a trial, which
    never give way.
    """

    origin: str
    values: Mapping[str, Any]
    problems: Sequence[Problem] = ()
    yields: bool = False
    is_recipe: bool = False
    is_varied: bool = False
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Composed:
    """A checked spec, and for each dotted path the place that its value came from."""

    spec: RunSpec
    origins: Mapping[str, str]
    lowered: Lowered | None = None


@dataclass(frozen=True)
class _Given:
    """A value from one layer; of two layers that with the higher rank is the stronger."""

    value: Any
    origin: str
    rank: int
    yields: bool


def compose(layers: Sequence[Layer], describe: Describe) -> Composed:
    """Merge layers (the strongest last), fill in what follows from the data set, and check everything.

    `describe` tells the facts of a data set by its name or path and the image size that the user chose, if any.
    Raises SpecError with every problem at once; a DatasetError of `describe` passes through.
    """
    merged = _merge(layers)
    values = _nested({path: given.value for path, given in merged.items()})
    origins = {dotted(path): given.origin for path, given in merged.items()}
    facts, unknown = _facts(values, describe)
    _name_defaults(values)
    derived = _derived(values, facts)
    for path, value in derived.items():
        if path[-1] not in values.setdefault(path[0], {}):
            values[path[0]][path[-1]] = value
            origins[dotted(path)] = "derived"
    if isinstance(_section(values, "data").get("dataset"), str):
        values["data"]["dataset"] = facts.name
    sections, faults = _sections(values)
    lowered = _lower_batch(sections, merged, layers, facts.train_images)
    if lowered:
        former = origins.get("train.batch_size", "default")
        origins["train.batch_size"] = f"lowered from {lowered.before} ({former}) to fit data.limit"
    problems = [*unknown, *faults, *([] if unknown else fit_problems(sections, facts))]
    told = [problem for layer in layers for problem in layer.problems]
    if told or problems:
        settled = {dotted(path) for path in derived}
        named = origins | {path: name for path, name in _variables(layers).items() if origins.get(path) == ENVIRONMENT}
        raise SpecError(problems=[*told, *(_with_origin(_with_way_out(each, settled), named) for each in problems)])
    return Composed(RunSpec(**sections), origins, lowered)


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values by their dotted paths; lists stay whole."""
    return {dotted(path): value for path, value in _leaves(values)}


def _variables(layers: Iterable[Layer]) -> dict[str, str]:
    """The environment variable of each path that has its value from one."""
    return {
        dotted(path): layer.variables[name]
        for layer in layers
        for path, _ in _leaves(layer.values)
        for name in (".".join(path[:length]) for length in range(1, len(path) + 1))
        if name in layer.variables
    }


def _facts(values: Mapping[str, Any], describe: Describe) -> tuple[DatasetFacts, list[Problem]]:
    """The facts of the data set, or stand-ins and the reason, so that the rest can still be checked."""
    data = _section(values, "data")
    dataset = data.get("dataset", DataSpec.model_fields["dataset"].default)
    stand_in = DatasetFacts(name="", num_classes=10, image_size=32)
    if not isinstance(dataset, str):
        return stand_in, []
    try:
        return describe(dataset, _count(data.get("image_size"))), []
    except SpecError as error:
        return replace(stand_in, name=dataset.replace("\\", "/").rpartition("/")[2]), list(error.problems)


def _merge(layers: Iterable[Layer]) -> dict[Path, _Given]:
    """Values by their paths, of which none leads through another."""
    merged: dict[Path, _Given] = {}
    for rank, layer in enumerate(layers):
        given = {path: _Given(value, layer.origin, rank, layer.yields) for path, value in _leaves(layer.values)}
        merged = _overlaid(merged, given)
    return {path: given for path, given in merged.items() if not _is_of_former_member(path, given, merged)}


def _overlaid(weaker: dict[Path, _Given], stronger: dict[Path, _Given]) -> dict[Path, _Given]:
    """A value replaces a table and the other way round; an empty table adds nothing to one that is there."""
    tables = _tables(weaker)
    stronger = {path: given for path, given in stronger.items() if given.value != {} or path not in tables}
    replaced = _tables(stronger)
    kept = {
        path: given
        for path, given in weaker.items()
        if path not in replaced and not any(path[:length] in stronger for length in range(1, len(path) + 1))
    }
    return kept | stronger


def _tables(paths: Iterable[Path]) -> set[Path]:
    return {path[:length] for path in paths for length in range(1, len(path))}


def _is_of_former_member(path: Path, given: _Given, merged: Mapping[Path, _Given]) -> bool:
    """Whether stronger layers have chosen another member of a union, which lacks this field of a preset or a file."""
    section = RunSpec.model_fields.get(path[0])
    if section is None or len(path) == 1 or not given.yields:
        return False
    stronger = {
        other[1]: each.value
        for other, each in merged.items()
        if other[0] == path[0] and each.rank > given.rank and len(other) == 2
    }
    kinds = members(section.annotation)
    chosen = [kind for kind in kinds if all(stronger.get(tag, value) == value for tag, value in tags_of(kind).items())]
    with_field = [kind for kind in kinds if path[1] in kind.model_fields]
    return bool(with_field and chosen) and not set(with_field) & set(chosen)


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
    for (*parents, last), value in flat.items():
        table = values
        for parent in parents:
            table = table.setdefault(parent, {})
        table[last] = value
    return values


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name)
    return section if isinstance(section, Mapping) else {}


def _count(value: Any) -> int | None:
    """A value that can be a size or a number of classes, else None."""
    return value if type(value) is int and 0 < value < 2**31 else None


def _name_defaults(values: dict[str, Any]) -> None:
    """A section that does not say which member of its union it is, is the default one."""
    for name, field in RunSpec.model_fields.items():
        if isinstance(field.default, Section) and isinstance(values.get(name), dict):
            values[name] = tags_of(type(field.default)) | values[name]


def _derived(values: Mapping[str, Any], facts: DatasetFacts) -> dict[Path, Any]:
    """What the data set and the architecture settle where the user is silent."""
    data, model = _section(values, "data"), _section(values, "model")
    derived: dict[Path, Any] = {}
    if isinstance(values.get("data", {}), Mapping):
        derived |= {("data", "image_size"): facts.image_size, ("data", "num_classes"): facts.num_classes}
        if data.get("validation", "folder" if facts.has_validation else "fraction") == "folder":
            derived |= {("data", "validation"): "folder", ("data", "validation_fraction"): 0.0}
    image_size = _count(data.get("image_size")) or facts.image_size
    num_classes = _count(data.get("num_classes")) or facts.num_classes
    if isinstance(name := model.get("name"), str) and (architecture := ARCHITECTURES.get(name)):
        fields = architecture.derived(model, image_size, num_classes)
        derived |= {("model", name): value for name, value in fields.items()}
    return derived


def _sections(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The sections that are valid by themselves, and what is wrong with the others."""
    sections: dict[str, Any] = {}
    problems = _unknown_sections(values)
    for name, field in RunSpec.model_fields.items():
        if name not in values and not field.is_required():
            sections[name] = field.get_default()
            continue
        try:
            sections[name] = _validated(name, values.get(name, {}))
        except ValidationError as error:
            problems += problems_of(error, name, field)
        except ValueError:  # json.dumps refuses such numbers
            problems.append(Problem(name, "holds a whole number of more than 4300 digits"))
    return sections, problems


def _lower_batch(
    sections: dict[str, Any], merged: Mapping[Path, _Given], layers: Sequence[Layer], available: int | None
) -> Lowered | None:
    """Lower a batch size of a preset, or the default, that is larger than what a limit of the user's leaves.

    A batch size that the user gave stays, and is a problem. So does that of a sweep over limits, whose trials
    would differ in more than the limit.
    """
    data, train = sections.get("data"), sections.get("train")
    limit = merged.get(("data", "limit"))
    if not (data and train and limit and data.limit) or (available and data.limit >= available):
        return None
    batch = merged.get(("train", "batch_size"))
    images = data.images_to_train_on(available or data.limit)
    from_user = not (layers[limit.rank].is_recipe or layers[limit.rank].is_varied)
    if not from_user or (batch and not layers[batch.rank].is_recipe) or not 0 < images < train.batch_size:
        return None
    sections["train"] = train.model_copy(update={"batch_size": images})
    return Lowered(train.batch_size, images)


def _unknown_sections(values: Mapping[str, Any]) -> list[Problem]:
    unknown = [name for name in values if name not in RunSpec.model_fields]
    told = [unknown_field([name], RunSpec) for name in unknown[:MOST_PROBLEMS]]
    return told + and_more(len(unknown) - len(told), "the spec")


def _validated(section: str, value: Any) -> Any:
    """Validated as JSON, because JSON mode is strict about types and still takes lists for tuples."""
    return _adapter(section).validate_json(json.dumps(value, default=str), strict=True)


@cache
def _adapter(section: str) -> TypeAdapter[Any]:
    field = RunSpec.model_fields[section]
    return TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]


def _with_way_out(problem: Problem, settled: Collection[str]) -> Problem:
    """Of a field that was set to nothing, although the data set settles it."""
    if problem.value != "none" or problem.field not in settled:
        return problem
    return replace(problem, hint="leave it out: it follows from the data set")


def _with_origin(problem: Problem, origins: Mapping[str, str]) -> Problem:
    """Say where the field, or the list or table that holds it, was given."""
    parts = problem.field.split(".")
    paths = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    origin = next((origins[path] for path in paths if path in origins), "")
    return replace(problem, origin="" if origin == "derived" else origin)
