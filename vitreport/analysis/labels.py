"""How groups and ablations differ: their names, and the tables of the fields that differ."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from vitreport.analysis.groups import Group
from vitreport.analysis.summary import Ablation
from vitreport.spec.fields import flatten
from vitreport.spec.run import hashed_values
from vitreport.spec.sweep import format_value, short_name

Fields = Mapping[str, Any]

MAX_IN_A_LABEL = 3
MISSING = "-"
IN_EVERY_ROW = frozenset({"model.name", "data.dataset"})


def field_values(groups: Sequence[Group], belongs: Callable[[str], bool]) -> dict[str, list[str]]:
    """Return the value of each group in the fields that `belongs` selects, by their names in tables.

    Leave out fields that no group uses and that change no hash.
    """
    specs = [group.runs[0].spec for group in groups]
    used = {path for spec in specs if spec for path in flatten(hashed_values(spec))}
    paths = [path for path in _paths(group.fields for group in groups) if belongs(path) and path not in IN_EVERY_ROW]
    values = {path: [_shown(group.fields, path) for group in groups] for path in paths}
    return {short_name(path): shown for path, shown in values.items() if path in used or len(set(shown)) > 1}


def group_label(group: Group, representative: Group | None, groups: Iterable[Group]) -> str:
    """Word how a group differs from the representative of its pair, else from the other groups of the pair."""
    if representative:
        return differing_settings(group.fields, [group.fields, representative.fields])
    pair = group.architecture, group.dataset
    siblings = [each.fields for each in groups if (each.architecture, each.dataset) == pair]
    return differing_settings(group.fields, siblings) or f"group {group.spec_id[-8:]}"


def differing_settings(own: Fields, among: Sequence[Fields]) -> str:
    """Word the fields that differ among several, as they are in one: batch_size 16 and 2 more."""
    differing = [path for path in _paths(among) if len({_shown(each, path) for each in among}) > 1]
    words = [f"{short_name(path)} {_shown(own, path)}" for path in differing[:MAX_IN_A_LABEL]]
    more = len(differing) - len(words)
    return ", ".join(words) + (f" and {more} more" if more else "")


def with_distinct_names(ablations: Sequence[Ablation]) -> list[Ablation]:
    """Add the sweep, or the first group, to titles and names that several ablations would have."""
    titles = Counter((each.architecture, each.dataset, each.axes, each.qualifier) for each in ablations)
    names, found = Counter(each.name for each in ablations), []
    for each in ablations:
        known_by = each.design or each.groups[0][1].id
        origin = f"{'sweep' if each.design else 'group'} {known_by.rpartition('-')[2]}"
        is_alike = titles[each.architecture, each.dataset, each.axes, each.qualifier] > 1
        name = f"{each.name}, {origin}" if names[each.name] > 1 else each.name
        found.append(replace(each, name=name, qualifier=origin if is_alike else each.qualifier))
    return found


def _paths(among: Iterable[Fields]) -> list[str]:
    return list(dict.fromkeys(path for fields in among for path in fields))


def _shown(fields: Fields, path: str) -> str:
    return format_value(fields[path]) if path in fields else MISSING
