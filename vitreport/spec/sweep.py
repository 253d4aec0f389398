"""The spec of a sweep: axes of values, and the seeds that every combination of them is trained with."""

import itertools
import json
import operator
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from vitreport.errors import Problem, SpecError, collect_problems, raise_problems
from vitreport.spec.base import BaseSpec
from vitreport.spec.fields import dotted_path, field_paths, fields_of, find_field
from vitreport.spec.load import parse_value

DEFAULT_SEEDS = "3"
PAIR = ", "  # between the names of an axis over several fields, and between the values of its labels
MAX_SEED = 2**31 - 1
MAX_SEEDS = 10_000
Labels = tuple[str, ...]
"""The labels of a level: one value of each axis."""
Seeds: TypeAlias = int | str | Iterable[int]
"""A number of seeds (3 means 0, 1 and 2), a list of seeds, or a string as in `--seeds`: "3", "0,1,4" or "0..4"."""


class ValueSpec(BaseSpec):
    """One value of an axis."""

    label: str  # what tables call it
    value: Any  # of an axis over several fields a list of their values, of variants the label
    fields: Mapping[str, Any]  # what it sets, by full paths


class AxisSpec(BaseSpec):
    """Something that is varied: a field, several fields together, or variants that have names."""

    name: str
    values: Annotated[tuple[ValueSpec, ...], Field(min_length=1)]

    @property
    def fields(self) -> set[str]:
        """The full paths of the fields that its values set."""
        return {path for value in self.values for path in value.fields}


def field_axis(name: str, values: Iterable[Any]) -> AxisSpec:
    """Return an axis over the values of one field, named as in `--set`. Raises SpecError if that cannot be."""
    path = find_field(name)
    if path == "seed":
        raise SpecError(problems=[Problem("seed", "cannot be varied", "leave it out: a sweep has its own seeds")])
    given = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else []
    if not given:
        raise SpecError(problems=[Problem(path, "must be a list of values", "such as [16, 32]", repr(values))])
    specs = tuple(ValueSpec(label=format_value(value), value=value, fields=fields_of(path, value)) for value in given)
    return AxisSpec(name=short_name(path), values=specs)


def read_axes(params: Iterable[tuple[str, str]], origin: str) -> list[AxisSpec]:
    """Read axes from the names of fields and texts of their values. Raises SpecError with the problems of all."""
    axes: list[AxisSpec] = []
    problems: list[Problem] = []
    for name, text in params:
        with collect_problems(problems, name, origin):
            axes.append(field_axis(name, parse_list(text)))
    raise_problems(problems)
    return axes


def variant_axis(name: str, variants: Mapping[str, Mapping[str, Any]]) -> AxisSpec:
    """Return an axis over named sets of fields. Raises SpecError with unknown fields, by their places in a study."""
    problems: list[Problem] = []
    values: list[ValueSpec] = []
    for label, given in variants.items():
        fields: dict[str, Any] = {}
        for field, value in given.items():
            with collect_problems(problems, dotted_path(["variants", name, label, field])):
                fields |= fields_of(find_field(field), value)
        values.append(ValueSpec(label=label, value=label, fields=fields))
    raise_problems(problems)
    return AxisSpec(name=name, values=tuple(values))


def describe_level(axes: Iterable[str], values: Iterable[str]) -> str:
    """Word a combination of values, one of each axis: batch_size 16, optimizer sgd; also where they are paired."""
    return ", ".join(_describe(axis, value) for axis, value in zip(axes, values, strict=True))


def _describe(axis: str, label: str) -> str:
    names, read = axis.split(PAIR), parse_value(f"[{label}]")
    values = read if isinstance(read, list) else label.split(PAIR)
    if len(names) == len(values) > 1:
        return PAIR.join(f"{name} {format_value(value)}" for name, value in zip(names, values, strict=True))
    return f"{axis} {format_level([label])}"


def format_level(values: Iterable[str]) -> str:
    """Write a level: 16; for several fields (16, 2)."""
    text = ", ".join(values)
    return f"({text})" if "," in text and isinstance(parse_value(text), str) else text


def zipped(axes: Sequence[AxisSpec]) -> AxisSpec:
    """Return one axis that pairs the values of several. Raises SpecError if their numbers differ."""
    lengths = {axis.name: len(axis.values) for axis in axes}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise SpecError(f"zip needs lists of equal length ({counts})", "leave out zip for a grid")
    pairs = [
        ValueSpec(
            label=PAIR.join(value.label for value in values),
            value=[value.value for value in values],
            fields={path: given for value in values for path, given in value.fields.items()},
        )
        for values in zip(*(axis.values for axis in axes), strict=True)
    ]
    return AxisSpec(name=PAIR.join(lengths), values=tuple(pairs))


def parse_list(text: str) -> list[Any]:
    """Read values between commas: a list of TOML without its brackets, or each value as `--set` reads one."""
    values = parse_value(f"[{text},]")  # TOML refuses a second comma at the end
    values = values if isinstance(values, list) else [parse_value(part) for part in text.split(",")]
    if "" in values:
        raise SpecError(f"{text!r} contains an empty value", "separate the values with commas, such as 16,32,64")
    return values


def read_seeds(given: Seeds) -> tuple[int, ...]:
    """Return the seeds that a `Seeds` value gives; numpy integers work, too. Raises SpecError for anything else."""
    numbers: tuple[int, ...] = ()
    with suppress(TypeError, ValueError):
        numbers = tuple(map(operator.index, itertools.islice(_seeds(given), MAX_SEEDS + 1)))
    if 0 < len(numbers) == len(set(numbers)) <= MAX_SEEDS and 0 <= min(numbers) <= max(numbers) <= MAX_SEED:
        return numbers
    fault = f"must be 1 to {MAX_SEEDS:,} different whole numbers from 0 to {MAX_SEED}"
    hint = "give a number of seeds, a list such as 0,1,2, or a range such as 0..4"
    raise SpecError(problems=[Problem("--seeds", fault, hint, repr(given)[:80])])


def _seeds(given: Seeds) -> Iterable[int]:
    if not isinstance(given, str):
        return given if isinstance(given, Iterable) else range(operator.index(given))
    first, dots, last = given.partition("..")
    if dots:
        return range(int(first), int(last) + 1)
    return map(int, given.split(",")) if "," in given else range(int(given))


def seeds_option(given: Seeds) -> str:
    """Write seeds in the form that `--seeds` accepts."""
    if isinstance(given, int | str):
        return str(given)
    numbers = read_seeds(given)
    return ",".join(map(str, numbers)) if len(numbers) > 1 else f"{numbers[0]}..{numbers[0]}"


def format_value(value: Any) -> str:
    """Write a value as tables do: text as it is, None as "none", anything else as JSON."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def short_name(path: str) -> str:
    """Return the name of a field in a table: its last part where that is unique; `optimizer.name` is `optimizer`."""
    last = path.split(".")[-1]
    if last == "name":
        return path.removesuffix(".name")
    return last if sum(known.split(".")[-1] == last for known in field_paths()) == 1 else path
