"""Fields of specs as tables: what all rows share is said once, what differs has a column."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

from vitreport.analysis.summary import FieldTable, Group
from vitreport.run_id import hash_in_group
from vitreport.spec.compose import flat
from vitreport.spec.run import RunSpec
from vitreport.spec.section import is_later, later_defaults, members
from vitreport.spec.sweep import short_name, shown_value

Fields = Mapping[str, Any]

MOST_IN_A_LABEL = 3
MISSING = "-"
TOLD_BY_THE_ROW = frozenset({"model.name", "data.dataset"})


def field_table(groups: Sequence[Group], belongs: Callable[[str], bool]) -> FieldTable:
    """The fields for which `belongs` holds, one row a group; later additions that none of them uses are left out."""
    paths = [path for path in _paths(group.fields for group in groups) if belongs(path) and path not in TOLD_BY_THE_ROW]
    columns = {path: [_shown(group.fields, path) for group in groups] for path in paths}
    unused = {path for path, shown in columns.items() if {*shown} <= {_later_defaults().get(path), MISSING}}
    differing = [path for path in paths if len(set(columns[path])) > 1]
    return FieldTable(
        shared=tuple((short_name(path), columns[path][0]) for path in paths if path not in {*differing, *unused}),
        names=tuple(map(short_name, differing)),
        rows=tuple((group.id, tuple(columns[path][index] for path in differing)) for index, group in enumerate(groups)),
    )


def label_of(group: Group, standard: Group) -> str:
    """What sets a group apart from the one that stands for its pair, of which nothing is said."""
    return settings(group.fields, [group.fields, standard.fields])


def label_among(group: Group, siblings: Sequence[Group]) -> str:
    """What sets a group apart from others of its pair, where none stands for it; alone, the end of its id."""
    return settings(group.fields, [each.fields for each in siblings]) or f"group {hash_in_group(group.spec_id)}"


def settings(own: Fields, among: Sequence[Fields]) -> str:
    """The first of those fields that are not the same among all, as they are in one: batch_size 16 and 2 more."""
    differing = [path for path in _paths(among) if len({_shown(each, path) for each in among}) > 1]
    told = [f"{short_name(path)} {_shown(own, path)}" for path in differing[:MOST_IN_A_LABEL]]
    more = len(differing) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


@cache
def _later_defaults() -> dict[str, str]:
    """The fields that the first specs did not have, with the values at which they change nothing.

    A path that is an older field in another member of a union (`model.attn_dropout`) is none of them.
    """
    found: dict[str, str] = {}
    older: set[str] = set()
    for section, part in RunSpec.model_fields.items():
        for member in members(part.annotation):
            older |= {f"{section}.{name}" for name, field in member.model_fields.items() if not is_later(field)}
            for name, default in later_defaults(member).items():
                plain = default.model_dump() if isinstance(default, BaseModel) else default
                values = flat({section: {name: plain}})
                found |= {path: shown_value(value) for path, value in values.items()}
    return {path: value for path, value in found.items() if path not in older}


def _paths(among: Iterable[Fields]) -> list[str]:
    return list(dict.fromkeys(path for fields in among for path in fields))


def _shown(fields: Fields, path: str) -> str:
    return shown_value(fields[path]) if path in fields else MISSING
