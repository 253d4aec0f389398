"""What a group or an ablation is called beside others, and the tables of fields by which groups differ."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from pydantic import BaseModel

from vitreport.analysis.summary import Ablation, FieldTable, Group
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


def group_label(group: Group, representative: Group | None, siblings: Sequence[Group]) -> str:
    """How a group differs from the representative of its pair, or from its siblings; else the hash in its id."""
    if representative:
        return settings(group.fields, [group.fields, representative.fields])
    return settings(group.fields, [each.fields for each in siblings]) or f"group {hash_in_group(group.spec_id)}"


def qualified(ablations: Sequence[Ablation], groups: Iterable[Group]) -> list[Ablation]:
    """Qualify ablations that vary the same by what each holds constant, else by its sweep; make their names unique."""
    fields = {group.id: group.fields for group in groups}
    alike: dict[tuple[str, str, tuple[str, ...]], list[int]] = defaultdict(list)
    for place, ablation in enumerate(ablations):
        alike[ablation.architecture, ablation.dataset, ablation.axes].append(place)
    found = list(ablations)
    for places in alike.values():
        if len(places) > 1:
            constant = [
                _constant([fields[level.group] for level in ablations[place].levels if level.group]) for place in places
            ]
            shared = [path for path in constant[0] if all(path in each for each in constant)]
            among = [{path: each[path] for path in shared} for each in constant]
            labels = [settings(own, among) for own in among]
            for place, label in zip(places, labels, strict=True):
                qualifier = f"at {label}" if labels.count(label) == 1 else _origin(ablations[place])
                found[place] = replace(ablations[place], qualifier=qualifier)
    many = Counter(each.name for each in found)
    return [
        each if many[each.name] == 1 else replace(each, name=f"{each.name}, {each.qualifier or _origin(each)}")
        for each in found
    ]


def _constant(members: Sequence[Fields]) -> Fields:
    """The fields that all members have with the same value."""
    first = members[0] if members else {}
    return {path: value for path, value in first.items() if all(path in own and own[path] == value for own in members)}


def _origin(ablation: Ablation) -> str:
    """Which sweep it is, or which part of a study; of an inferred one the group that it begins with."""
    if ablation.source == "study":
        return ablation.name
    known_by = ablation.design or ablation.levels[0].group or ""
    return f"{'sweep' if ablation.design else 'group'} {known_by.rpartition('-')[2]}"


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
