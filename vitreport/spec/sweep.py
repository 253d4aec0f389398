"""The spec of a sweep: axes of values, and the seeds that every combination of them is trained with."""

import itertools
import json
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from vitreport.errors import Problem, SpecError, gathered
from vitreport.spec.fields import dotted, field_paths, fields_of, find_field
from vitreport.spec.load import parse_value
from vitreport.spec.section import Section

MAX_SEED = 2**31 - 1
MOST_SEEDS = 10_000
LARGE_ROUND = re.compile(r"\A(-?[1-9])(0{5,})\.0\Z")
SEEDS_HINT = "a number of seeds, a list such as 0,1,2, or a range such as 0..4"


class ValueSpec(Section):
    """One value of an axis.

    Attributes:
        label: What tables call it.
        value: The value itself; of an axis over several fields a list of their values, of variants the label.
        fields: The fields that it sets, by their full paths.
    """

    label: str
    value: Any
    fields: Mapping[str, Any]


class AxisSpec(Section):
    """Something that is varied: a field, several fields together, or variants that have names."""

    name: str
    values: Annotated[tuple[ValueSpec, ...], Field(min_length=1)]

    @property
    def fields(self) -> set[str]:
        return {path for value in self.values for path in value.fields}


def field_axis(name: str, values: Iterable[Any]) -> AxisSpec:
    """Return an axis over the values of one field, named as in `--set`.

    Raises:
        SpecError: The field is unknown, or there is no list of values.
    """
    path = find_field(name)
    if path == "seed":
        raise SpecError(
            problems=[Problem("seed", "cannot be an axis of a sweep", "leave it out: a sweep has its own seeds")]
        )
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise SpecError(problems=[Problem(path, "is one value, not a list", "for example [16, 32]", repr(values))])
    specs = tuple(ValueSpec(label=shown_value(value), value=value, fields=fields_of(path, value)) for value in values)
    if not specs:
        raise SpecError(problems=[Problem(path, "has no values", "give at least one")])
    return AxisSpec(name=short_name(path), values=specs)


def read_axes(params: Iterable[tuple[str, str]], origin: str) -> list[AxisSpec]:
    """Read axes from the names of fields and texts of their values. Raises SpecError with the problems of all."""
    axes: list[AxisSpec] = []
    problems: list[Problem] = []
    for name, text in params:
        try:
            axes.append(field_axis(name, parse_list(text)))
        except SpecError as error:
            for problem in error.problems_at(name):
                hint = f"--seeds takes {SEEDS_HINT}" if problem.field == "seed" else problem.hint
                problems.append(replace(problem, origin=origin, hint=hint))
    if problems:
        raise SpecError(problems=problems)
    return axes


def variant_axis(name: str, variants: Mapping[str, Mapping[str, Any]]) -> AxisSpec:
    """Return an axis over named sets of fields. Raises SpecError with every unknown field, by its label and name."""
    problems: list[Problem] = []
    sets: dict[str, dict[str, Any]] = {label: {} for label in variants}
    for label, fields in variants.items():
        for field, value in fields.items():
            with gathered(problems, dotted(["variants", name, label, field])):
                sets[label] |= fields_of(find_field(field), value)
    if problems:
        raise SpecError(problems=problems)
    values = tuple(ValueSpec(label=label, value=label, fields=fields) for label, fields in sets.items())
    return AxisSpec(name=name, values=values)


def called(axes: Iterable[str], values: Iterable[str]) -> str:
    """Word a combination of values, one of each axis: batch_size 16, optimizer sgd."""
    return ", ".join(f"{axis} {shown_level([value])}" for axis, value in zip(axes, values, strict=True))


def shown_level(values: Iterable[str]) -> str:
    """Word a level: 16; of several fields (16, 2)."""
    text = ", ".join(values)
    return f"({text})" if len(_split(text)) > 1 else text


def zipped(axes: Sequence[AxisSpec]) -> AxisSpec:
    """Return one axis that pairs the values of several side by side. Raises SpecError where the lengths differ."""
    lengths = {axis.name: len(axis.values) for axis in axes}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise SpecError(f"zip pairs lists of equal length, but {counts} values", "leave zip out for a grid")
    return AxisSpec(
        name=", ".join(lengths),
        values=tuple(
            ValueSpec(
                label=", ".join(value.label for value in values),
                value=[value.value for value in values],
                fields={path: given for value in values for path, given in value.fields.items()},
            )
            for values in zip(*(axis.values for axis in axes), strict=True)
        ),
    )


def parse_list(text: str) -> list[Any]:
    """Read values between commas as `--set` reads one; commas in brackets or quotes belong to a value."""
    parts = _split(text)
    if "" in parts:
        raise SpecError(f"{text!r} holds an empty value", "values with commas between them, such as 16,32,64")
    return [parse_value(part) for part in parts]


def parse_seeds(text: str) -> tuple[int, ...]:
    """`3` is 0, 1, 2; `0,1,4` is just that; `0..4` holds both ends. Raises SpecError for anything else."""
    seeds: Sequence[int] = ()
    if match := re.fullmatch(r"(\d{1,10})\.\.(\d{1,10})", text.strip()):
        seeds = range(int(match[1]), int(match[2]) + 1)
    elif re.fullmatch(r"\d{1,10}", text.strip()):
        seeds = range(int(text))
    elif re.fullmatch(r"\d{1,10}( *, *\d{1,10})+", text.strip()):
        seeds = [int(part) for part in text.split(",")]
    if fault := _fault(seeds):
        raise SpecError(problems=[Problem("--seeds", fault, SEEDS_HINT, repr(text))])
    return tuple(seeds)


def checked_seeds(seeds: Iterable[Any], field: str) -> tuple[int, ...]:
    """Return the seeds as they are given. Raises SpecError, at `field`, where they are not seeds, or not each once."""
    hint = f"whole numbers from 0 to {MAX_SEED}, such as (0, 1, 2)"
    try:
        given = tuple(itertools.islice(seeds, MOST_SEEDS + 1))
        numbers = tuple(operator.index(seed) for seed in given)  # also those of numpy
    except TypeError as error:
        raise SpecError(problems=[Problem(field, "is no list of whole numbers", hint, repr(seeds))]) from error
    if fault := _fault(numbers):
        raise SpecError(problems=[Problem(field, fault, hint, repr(seeds)[:80])])
    return numbers


def shown_value(value: Any) -> str:
    """Write a value as tables do: text as it is, None as "none", anything else as JSON; 1000000.0 is 1e6."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    return LARGE_ROUND.sub(lambda match: f"{match[1]}e{len(match[2])}", json.dumps(value, default=str))


def short_name(path: str) -> str:
    """Return the name of a field in a table: its last part where that is unique; `optimizer.name` is `optimizer`."""
    last = path.rpartition(".")[2]
    if last == "name":
        return path.removesuffix(".name")
    return last if sum(known.rpartition(".")[2] == last for known in field_paths()) == 1 else path


def _fault(seeds: Sequence[int]) -> str:
    if not seeds:
        return "names no seeds"
    if len(seeds) > MOST_SEEDS:
        return f"names more than {MOST_SEEDS:,} seeds"
    if min(seeds) < 0:
        return "names a seed below 0"
    if max(seeds) > MAX_SEED:
        return f"names a seed above {MAX_SEED}"
    return "names a seed twice" if len(set(seeds)) < len(seeds) else ""


def _split(text: str) -> list[str]:
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]
