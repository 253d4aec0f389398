"""Suggest names for one that is unknown."""

import difflib
from collections.abc import Iterable, Sequence

MAX_NAMED = 20


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Name the nearest allowed names as a hint; without a near one, all of them where they are few."""
    names = list(dict.fromkeys(allowed))
    if near := nearest(name, names):
        return f"did you mean {' or '.join(near)}?"
    return one_of(names) if 0 < len(names) <= MAX_NAMED else ""


def nearest(name: str, names: Sequence[str]) -> list[str]:
    """Return up to two names that are similar to this one or contain it."""
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    return near or [each for each in names if len(name) > 2 and name in each][:2]


def one_of(names: Sequence[str]) -> str:
    """Return a hint that lists the allowed names, or the first of them if there are many."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"use one of {', '.join(names[:MAX_NAMED])}{more}"
