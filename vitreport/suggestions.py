"""Suggest names for one that is unknown."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Name the nearest allowed names as a hint; without a near one, all of them where they are few."""
    names = list(dict.fromkeys(allowed))
    holding = [each for each in names if len(name) > 2 and name in each]
    if near := difflib.get_close_matches(name, names, n=2, cutoff=0.6) or holding[:2]:
        return f"did you mean {' or '.join(near)}?"
    return f"use one of {', '.join(names)}" if 0 < len(names) <= 20 else ""
