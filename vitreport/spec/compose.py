"""Layers of values become one checked spec, with the origin of every value."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from vitreport.errors import Problem, SpecError
from vitreport.spec.data import DatasetFacts, DataSpec, Lowered
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.problems import MOST_PROBLEMS, and_more, dotted, problems_of, unknown_field
from vitreport.spec.run import RunSpec, fit_problems
from vitreport.spec.section import Section, members, tags_of

Describe = Callable[[str, int | None], DatasetFacts]
"""Return the facts of a data set, given its name or path and the image size that the user chose, if any."""


@dataclass(frozen=True)
class Layer:
    """Values from one place, nested like a spec, and what could not be read there.

    A whole spec (a file, a preset) yields: where a stronger layer chooses another model or optimizer, the fields
    of the former one fall away. A field that was given alone never does.

    `is_recipe` marks a preset, whose batch size gives way to a smaller limit; `is_varied` marks the values of a sweep's
    trial, which never give way.
    """

    origin: str
    values: Mapping[str, Any]
    problems: Sequence[Problem] = ()
    yields: bool = False
    is_recipe: bool = False
    is_varied: bool = False


@dataclass(frozen=True)
class Composed:
    """A checked spec.

    Attributes:
        spec: The spec.
        origins: For each dotted path the place that its value came from.
        data_dir: The folder that holds the dataset.
        lowered: The batch size before and after it was lowered to a limit, if it was.
        preset: The preset that the spec rests on, if there is one.
    """

    spec: RunSpec
    origins: Mapping[str, str]
    data_dir: Path
    lowered: Lowered | None = None
    preset: str | None = None


@dataclass(frozen=True)
class _Given:
    """A value, and the rank of the layer that it is from: the higher rank is the stronger layer."""

    value: Any
    rank: int


def compose(layers: Sequence[Layer], describe: Describe) -> Composed:
    """Merge layers (the strongest last), fill in what follows from the data set, and check everything.

    Raises:
        SpecError: With every problem at once.
        DatasetError: Where `describe` finds a damaged data set.
    """
    tree: dict[str, Any] = {}
    for rank, layer in enumerate(layers):
        _overlay(tree, layer.values, rank)
    _drop_former_members(tree, layers)
    given = {dotted(path): leaf for path, leaf in _leaves(tree)}
    origins = {path: layers[leaf.rank].origin for path, leaf in given.items()}
    values = _plain(tree)
    facts, unknown = _facts(values, describe)
    derived = _derived(values, facts)
    for (section, name), value in derived.items():
        if name not in values.setdefault(section, {}):
            values[section][name] = value
            origins[f"{section}.{name}"] = "derived"
    if isinstance(_section(values, "data").get("dataset"), str):
        values["data"]["dataset"] = facts.name
    sections, faults = _sections(values)
    lowered = _lower_batch(sections, given, layers, facts.train_images)
    if lowered:
        former = origins.get("train.batch_size", "default")
        origins["train.batch_size"] = f"lowered from {lowered.before} ({former}) to fit data.limit"
    found = [*unknown, *faults, *([] if unknown else fit_problems(sections, facts))]
    settled = [f"{section}.{name}" for section, name in derived]
    problems = [
        *(problem for layer in layers for problem in layer.problems),
        *(_with_origin(problem, settled, origins) for problem in found),
    ]
    if problems:
        raise SpecError(problems=problems)
    return Composed(RunSpec(**sections), origins, facts.data_dir, lowered)


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values by their dotted paths; lists stay whole."""
    return {dotted(path): value for path, value in _leaves(values)}


def _overlay(tree: dict[str, Any], values: Mapping[str, Any], rank: int) -> None:
    """A value replaces a table and the other way round; an empty table adds nothing to one that is there."""
    for key, value in values.items():
        name = str(key)
        has_table = isinstance(tree.get(name), dict)
        if isinstance(value, Mapping) and (value or has_table):
            tree[name] = tree[name] if has_table else {}
            _overlay(tree[name], value, rank)
        else:
            tree[name] = _Given(value, rank)


def _drop_former_members(tree: dict[str, Any], layers: Sequence[Layer]) -> None:
    """Drop what a preset or a file gives, where stronger layers have chosen a member of the union without that field.

    A member is chosen by its name, or by its name and implementation.
    """
    for section, field in RunSpec.model_fields.items():
        table, kinds = _section(tree, section), members(field.annotation)
        tags = {tag: table[tag] for kind in kinds for tag in tags_of(kind) if isinstance(table.get(tag), _Given)}
        for name in [*table]:
            rank = max(leaf.rank for _, leaf in _leaves({name: table[name]}))
            stronger = {tag: leaf.value for tag, leaf in tags.items() if leaf.rank > rank}
            chosen = [kind for kind in kinds if all(stronger.get(*tag) == tag[1] for tag in tags_of(kind).items())]
            owners = [kind for kind in kinds if name in kind.model_fields]
            if layers[rank].yields and chosen and owners and not set(chosen) & set(owners):
                del tree[section][name]


def _leaves(tree: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*prefix, str(name)))
        else:
            yield (*prefix, str(name)), value


def _plain(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {name: leaf.value if isinstance(leaf, _Given) else _plain(leaf) for name, leaf in tree.items()}


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


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name)
    return section if isinstance(section, Mapping) else {}


def _count(value: Any) -> int | None:
    """A value that can be a size or a number of classes, else None."""
    return value if type(value) is int and 0 < value < 2**31 else None


def _derived(values: Mapping[str, Any], facts: DatasetFacts) -> dict[tuple[str, str], Any]:
    """What the data set and the architecture settle where the user is silent."""
    data, model = _section(values, "data"), _section(values, "model")
    derived: dict[tuple[str, str], Any] = {}
    if isinstance(values.get("data", {}), Mapping):
        derived |= {("data", "image_size"): facts.image_size, ("data", "num_classes"): facts.num_classes}
        if data.get("validation", "folder" if facts.has_validation else "fraction") == "folder":
            derived |= {("data", "validation"): "folder", ("data", "validation_fraction"): 0.0}
    image_size = _count(data.get("image_size")) or facts.image_size
    num_classes = _count(data.get("num_classes")) or facts.num_classes
    name = model.get("name")
    if isinstance(name, str) and (architecture := ARCHITECTURES.get(name)):
        fields = architecture.derived(model, image_size, num_classes)
        derived |= {("model", field): value for field, value in fields.items()}
    return derived


def _sections(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The sections that are valid by themselves, and what is wrong with the others."""
    unknown = [name for name in values if name not in RunSpec.model_fields]
    problems = [unknown_field([name], RunSpec) for name in unknown[:MOST_PROBLEMS]]
    problems += and_more(len(unknown) - MOST_PROBLEMS, "the spec")
    sections: dict[str, Any] = {}
    for name, field in RunSpec.model_fields.items():
        if name not in values and not field.is_required():
            sections[name] = field.get_default()
            continue
        value = values.get(name, {})
        if isinstance(field.default, Section) and isinstance(value, dict):
            value = tags_of(type(field.default)) | value  # the default member of the union, where none is named
        try:
            # as JSON, because JSON mode is strict about types and still takes lists for tuples
            sections[name] = _adapter(name).validate_json(json.dumps(value, default=str), strict=True)
        except ValidationError as error:
            problems += problems_of(error, name, field)
        except ValueError:  # json.dumps refuses such numbers
            problems.append(Problem(name, "holds a whole number of more than 4300 digits"))
    return sections, problems


@cache
def _adapter(section: str) -> TypeAdapter[Any]:
    field = RunSpec.model_fields[section]
    return TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]


def _lower_batch(
    sections: dict[str, Any], given: Mapping[str, _Given], layers: Sequence[Layer], available: int | None
) -> Lowered | None:
    """Lower a batch size of a preset, or the default, that is larger than what a limit of the user's leaves.

    A batch size that the user gave stays, and is a problem. So does that of a sweep over limits, whose trials
    would differ in more than the limit.
    """
    data, train = sections.get("data"), sections.get("train")
    limit, batch = given.get("data.limit"), given.get("train.batch_size")
    if not (data and train and limit and data.limit) or (available and data.limit >= available):
        return None
    images = data.images_to_train_on(available or data.limit)
    from_user = not (layers[limit.rank].is_recipe or layers[limit.rank].is_varied)
    if not from_user or (batch and not layers[batch.rank].is_recipe) or not 0 < images < train.batch_size:
        return None
    sections["train"] = train.model_copy(update={"batch_size": images})
    return Lowered(train.batch_size, images)


def _with_origin(problem: Problem, settled: Sequence[str], origins: Mapping[str, str]) -> Problem:
    """Say where the field, or the list or table that holds it, was given."""
    hint = problem.hint
    if problem.value == "none" and problem.field in settled:
        hint = "leave it out: it follows from the data set"
    parts = problem.field.split(".")
    paths = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    origin = next((origins[path] for path in paths if path in origins), "")
    return replace(problem, hint=hint, origin="" if origin == "derived" else origin)
