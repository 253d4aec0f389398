"""What does not fit together in a study: names that are not there, combinations that are not varied."""

import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from math import prod
from typing import Any, TypeVar

from vitreport.errors import Problem
from vitreport.formatting import did_you_mean
from vitreport.spec.problems import dotted
from vitreport.spec.study import AblationSpec, ClaimSpec, PartSpec, StudySpec, combination

MOST_COMBINATIONS = 2000  # of all runs and ablations, each seed aside
KINDS = ("runs", "ablations")
SAID = ("value", "above", "like", "spread_below", "converged_at", "gap_above")
PARTS = frozenset((kind,) for kind in KINDS)
Place = tuple[int | str, ...]
"""A place in the file: ("runs",), ("runs", "small"), ("claims", 3)."""
Item = TypeVar("Item")


def is_too_large(study: StudySpec) -> bool:
    ablations = (ablation.read_axes()[0] for ablation in study.ablations.values())
    return len(study.runs) + sum(prod(len(axis.values) for axis in axes) for axes in ablations) > MOST_COMBINATIONS


def study_faults(study: StudySpec, unread: Collection[Place], gone: Collection[Place]) -> Iterator[Problem]:
    """Yield what does not fit together.

    Args:
        study: The study as far as it could be read.
        unread: Places that could not be read whole; consequences of what is missing there are not reported.
        gone: Places that are not in the study at all.
    """
    yield from _faults_of_parts(study, unread)
    if PARTS.isdisjoint(unread):
        yield from _faults_of_claims(study, unread, gone)
        yield from _faults_of_sections(study, unread, gone)


def _faults_of_parts(study: StudySpec, unread: Collection[Place]) -> Iterator[Problem]:
    if not study.named and not _names(unread, *KINDS) and PARTS.isdisjoint(unread):
        yield Problem("runs", "is missing", "a study has runs or ablations")
    for name in filter(study.ablations.__contains__, study.runs):
        yield Problem(dotted(["runs", name]), "is the name of an ablation too", "give each its own")
    for name, ablation in study.ablations.items():
        place = dotted(["ablations", name])
        axes, problems = ablation.read_axes()
        yield from (replace(problem, field=f"{place}.{problem.field}") for problem in problems)
        if problems or ("ablations", name) in unread:
            continue
        if not axes:
            yield Problem(place, "varies nothing", "it needs params or variants")
        elif ablation.baseline is not None:
            yield from _unknown_combination(f"{place}.baseline", ablation.baseline, ablation)


def _faults_of_claims(study: StudySpec, unread: Collection[Place], gone: Collection[Place]) -> Iterator[Problem]:
    faults = {*study.faults, *_names(unread, "faults")}
    hidden = {name for name, part in study.named.items() if part.read_axes()[1]} | {*_names(unread, *KINDS)}
    for index, claim in _numbered("claims", study.claims, gone):
        place = f"claims.{index}"
        yield from _faults_of_references(claim, place, study, hidden)
        if len(claim.given) != 1 and ("claims", index) not in unread:
            yield Problem(place, "makes no claim, or more than one", f"give one of {', '.join(SAID)}")
        for name in claim.fault if ("faults",) not in unread else ():
            if name not in faults:
                yield _unknown(f"{place}.fault", "fault", name, faults)


def _faults_of_references(claim: ClaimSpec, place: str, study: StudySpec, hidden: Collection[str]) -> Iterator[Problem]:
    """Of what a claim is about, and of what that is compared with; what is `hidden` can be neither."""
    if claim.of in hidden:
        return
    part = study.named.get(claim.of)
    if part is None:
        yield _unknown(f"{place}.of", "run or ablation", claim.of, [*study.named, *hidden])
        return
    if claim.spread_below is not None:
        yield from _faults_of_spread(claim, place, part)
        return
    yield from _unknown_combination(f"{place}.at", claim.at, part)
    if claim.other is None:
        return
    if isinstance(part, AblationSpec):
        yield from _unknown_combination(f"{place}.{claim.relation}", claim.other, part)
    elif claim.other not in study.runs and claim.other not in hidden:
        yield _unknown(f"{place}.{claim.relation}", "run", str(claim.other), study.runs)


def _faults_of_spread(claim: ClaimSpec, place: str, part: PartSpec) -> Iterator[Problem]:
    if not isinstance(part, AblationSpec):
        yield Problem(f"{place}.spread_below", f"{claim.of} is a run", "name an ablation")
    elif claim.at is not None:
        yield Problem(f"{place}.at", "does not go with spread_below, which is about all values", "leave it out")


def _faults_of_sections(study: StudySpec, unread: Collection[Place], gone: Collection[Place]) -> Iterator[Problem]:
    placed: set[str] = set()
    for index, section in _numbered("sections", study.sections, gone):
        both = (("runs", section.runs, study.runs), ("ablations", section.ablations, study.ablations))
        for kind, names, parts in both:
            place, known = f"sections.{index}.{kind}", [*parts, *_names(unread, kind)]
            for name in names:
                if name not in known:
                    yield _unknown(place, kind.removesuffix("s"), name, known)
                elif name in placed:
                    yield Problem(place, "is in a section already", value=repr(name))
                placed.add(name)
    if study.sections and ("sections",) not in unread and not _names(unread, "sections"):
        for name in filter(lambda name: name not in placed, study.named):
            yield Problem(study.place_of(name), "is in no section", "each run and ablation is in one")


def _numbered(section: str, items: Iterable[Item], gone: Collection[Place]) -> Iterator[tuple[int, Item]]:
    """Each with its place in the file."""
    places = (index for index in itertools.count() if (section, index) not in gone)
    return zip(places, items, strict=False)


def _names(unread: Collection[Place], *sections: str) -> list[str]:
    return [str(place[1]) for place in unread if place[0] in sections and len(place) > 1]


def _unknown_combination(place: str, value: Any, part: PartSpec) -> Iterator[Problem]:
    known = part.combinations()
    if (name := combination(value)) not in known:
        fault = "no such combination of values" if name else "is missing"
        hint = did_you_mean(name, known) if part.axes() else "leave it out: a run varies nothing"
        yield Problem(place, fault, hint, name and repr(name))


def _unknown(place: str, kind: str, name: str, known: Iterable[str]) -> Problem:
    return Problem(place, f"unknown {kind}", did_you_mean(name, known), repr(name))
