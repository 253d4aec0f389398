"""Published claims against what was measured."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from vitreport.report.estimates import difference_of, is_shown
from vitreport.report.measured import Estimate
from vitreport.report.phrases import accuracy, evidence, points
from vitreport.report.summary import Group
from vitreport.text import percent

Outcome = Literal["reproduced", "above", "below", "within interval", "not comparable", "not run"]
TIGHT = 0.01  # a wider interval says too little to call a value reproduced


@dataclass(frozen=True)
class Claim:
    """A published statement about the test accuracy of a group, by its id.

    With `relation` "is" that it is `value`, with "above" that it is above that of the group `other`, with "like"
    that the two do not differ. `best_over_epochs` says that the epoch was chosen on the test images.
    `not_comparable` tells why nothing measured here can answer it: what is measured is shown beside it.
    `command` trains what it is about.
    """

    statement: str
    source: str
    group: str
    relation: Literal["is", "above", "like"] = "is"
    value: float | None = None
    other: str = ""
    best_over_epochs: bool = False
    not_comparable: str = ""
    command: str = ""


@dataclass(frozen=True)
class Verdict:
    """`measured` is the accuracy, or for a comparison the difference."""

    claim: Claim
    outcome: Outcome
    reason: str
    measured: Estimate | None = None

    @property
    def contradicts(self) -> bool:
        """Whether several seeds say otherwise; a single run cannot."""
        return self.outcome in ("above", "below") and self.measured is not None and self.measured.n > 1


def judge(claims: Iterable[Claim], groups: Iterable[Group]) -> list[Verdict]:
    """A verdict on each claim, in their order."""
    by_id = {group.id: group for group in groups}
    return [_judged(claim, by_id) for claim in claims]


def _judged(claim: Claim, groups: Mapping[str, Group]) -> Verdict:
    about = [groups.get(name) for name in (claim.group, claim.other) if name]
    if missing := _missing(claim, about):
        found = Verdict(claim, "not run", missing)
    elif claim.relation == "is":
        found = _value(claim, groups[claim.group])
    else:
        found = _comparison(claim, groups[claim.group], groups[claim.other])
    return _incomparable(found) if claim.not_comparable else found


def _incomparable(found: Verdict) -> Verdict:
    """Why it cannot be judged, with what is measured instead."""
    claim, measured = found.claim, found.measured
    if found.outcome == "not run":
        return Verdict(claim, "not comparable", claim.not_comparable)
    told = f"{accuracy(measured)}{_chosen(claim)}" if claim.relation == "is" and measured else found.reason
    return Verdict(claim, "not comparable", f"{claim.not_comparable}; here {told}", measured)


def _missing(claim: Claim, about: Iterable[Group | None]) -> str:
    for group in about:
        if group is None:
            return "there is no run of it"
        if _measured(claim, group) is None:
            return f"its runs have no such result: {group.state}"
    return ""


def _measured(claim: Claim, group: Group) -> Estimate | None:
    return group.best_test if claim.best_over_epochs else group.test


def _value(claim: Claim, group: Group) -> Verdict:
    measured = _measured(claim, group)
    assert measured is not None
    assert claim.value is not None
    published, told = percent(claim.value), accuracy(measured)
    if measured.low is None or measured.high is None:
        return Verdict(claim, "not comparable", f"{told}: a single run, no interval{_chosen(claim)}", measured)
    doubt = f"{_caution(measured)}{_chosen(claim)}"
    if claim.value < measured.low:
        return Verdict(claim, "above", f"measured {told} is above {published}{doubt}", measured)
    if claim.value > measured.high:
        return Verdict(claim, "below", f"measured {told} is below {published}{doubt}", measured)
    if measured.n > 1 and (measured.high - measured.low) / 2 <= TIGHT:
        return Verdict(claim, "reproduced", f"{published} lies in the interval of {told}{_chosen(claim)}", measured)
    reason = f"{published} lies in the wide interval of {told}{_chosen(claim)}"
    return Verdict(claim, "within interval", reason, measured)


def _chosen(claim: Claim) -> str:
    """How the epoch was chosen, where that was not as it should be."""
    return "; both are the best over epochs, chosen by the test images" if claim.best_over_epochs else ""


def _comparison(claim: Claim, group: Group, other: Group) -> Verdict:
    difference = difference_of(group, other)
    if difference is None:
        return Verdict(claim, "not comparable", "single runs: the spread between seeds is not known")
    if not is_shown(difference):
        outcome: Outcome = "reproduced" if claim.relation == "like" and _is_tight(difference) else "within interval"
        return Verdict(claim, outcome, f"no difference shown ({evidence(difference)})", difference)
    side: Outcome = "above" if difference.value > 0 else "below"
    reason = f"{points(difference)} {side} ({evidence(difference)})"
    return Verdict(claim, "reproduced" if claim.relation == side else side, reason, difference)


def _is_tight(difference: Estimate) -> bool:
    return difference.low is not None and difference.high is not None and max(-difference.low, difference.high) <= TIGHT


def _caution(measured: Estimate) -> str:
    return "" if measured.n > 1 else "; one seed, whose spread is not known"
