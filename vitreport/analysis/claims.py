"""Published claims against what was measured."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

from vitreport.analysis.comparisons import are_on_the_same_images, difference_of, why_no_difference
from vitreport.analysis.prose import Outcome, Prose, answer
from vitreport.analysis.representative import group_of_spec
from vitreport.analysis.summary import Dataset, Group
from vitreport.formatting import Estimate, counted, percent
from vitreport.intervals import SHARE

Relation = Literal["is", "above", "like"] | Prose
TIGHT = 0.01  # a wider interval says too little to call a value reproduced
MOST_DIGITS = 12


@dataclass(frozen=True)
class Claim:
    """A published statement about the test accuracy of a group, by its id.

    With `relation` "is" that it is `value`, given with so many `digits` of its percentage; with "above" that it is
    above that of the group `other`, with "like" that the two do not differ. The other relations are those of
    `prose`, about `value` and, of a whole ablation, the `others`. `split` "train" is about the training accuracy
    instead. `best_over_epochs` says that the epoch was chosen on the test images. `not_comparable` tells why nothing
    measured here can answer it, `changed` why the runs that are here cannot: in both cases what is measured is shown
    with it. `command` trains what it is about.
    """

    statement: str
    source: str
    group: str
    relation: Relation = "is"
    value: float | None = None
    digits: int = 2
    other: str = ""
    others: tuple[str, ...] = ()
    split: Literal["train", "test"] = "test"
    best_over_epochs: bool = False
    not_comparable: str = ""
    changed: str = ""
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
        """Whether the seeds say otherwise; of a single one nothing is judged."""
        return self.outcome in ("above", "below")


def judge(claims: Iterable[Claim], groups: Sequence[Group], datasets: Iterable[Dataset]) -> list[Verdict]:
    """A verdict on each claim, in their order."""
    changed = {each.id for each in datasets if each.is_altered}
    return [_judged(claim, groups, changed) for claim in claims]


def _judged(claim: Claim, groups: Sequence[Group], changed: Collection[str]) -> Verdict:
    """`changed` are the data sets that are not the published bytes."""
    group = group_of_spec(groups, claim.group)
    others = [name for name in (claim.other, *claim.others) if name]
    about = [group, *(group_of_spec(groups, name, group.dataset if group else "") for name in others)]
    if missing := _missing(claim, about):
        fault = f"; a run would not be comparable: {claim.not_comparable}" if claim.not_comparable else ""
        return Verdict(claim, "not run", f"{missing}{fault}")
    there = [each for each in about if each]
    claim = replace(claim, not_comparable=claim.changed or claim.not_comparable or _why_incomparable(there, changed))
    found = _found(claim, there)
    return _incomparable(found) if claim.not_comparable else found


def _found(claim: Claim, about: Sequence[Group]) -> Verdict:
    match claim.relation:
        case "is":
            return _value(claim, about[0])
        case "above" | "like":
            return _comparison(claim, *about)
        case relation:
            assert claim.value is not None
            return Verdict(claim, *answer(relation, claim.value, about))


def _why_incomparable(about: Sequence[Group], changed: Collection[str]) -> str:
    """Why what was measured is no answer to what was published."""
    if any(group.dataset in changed for group in about):
        return "the images are not the published ones"
    if not all(are_on_the_same_images(about[0], group) for group in about):
        return "the two were measured on other images"
    diverged = next((group for group in about if group.diverged), None)
    return f"{diverged.diverged} of {counted(len(diverged.runs), 'seed')} diverged" if diverged else ""


def _incomparable(found: Verdict) -> Verdict:
    """Why it cannot be judged, with what is measured instead."""
    claim, measured = found.claim, found.measured
    told = f"{measured.in_percent()}{_chosen(claim)}" if claim.relation == "is" and measured else found.reason
    return Verdict(claim, "not comparable", f"{claim.not_comparable}; here {told}", measured)


def _missing(claim: Claim, about: Iterable[Group | None]) -> str:
    for group in about:
        if group is None:
            return "there is no run of it"
        if _measured(claim, group) is None:
            return f"its runs have no such result: {group.state}"
    return ""


def _measured(claim: Claim, group: Group) -> Estimate | None:
    if claim.relation in ("converged at", "gap above"):
        return group.test_converged if claim.relation == "converged at" else group.gap
    if claim.split == "train":
        return group.train
    return group.best_test if claim.best_over_epochs else group.test


def _value(claim: Claim, group: Group) -> Verdict:
    """What was published is one more run: it lies beside these in the prediction interval, not in that of the mean."""
    measured = _measured(claim, group)
    assert measured is not None
    assert claim.value is not None
    if measured.n == 1 or measured.low is None or measured.high is None:
        here = f"{measured.in_percent()}{_chosen(claim)}"
        return Verdict(claim, "not comparable", f"{why_no_difference([group])}; here {here}", measured)
    low, high = _of_one_more(measured, claim.digits)
    digits = _digits(claim.value, claim.digits, low, high)
    published, told = percent(claim.value, claim.digits), measured.in_percent(digits)
    interval = f"the 95% interval of one more run, {percent(low, digits)} to {percent(high, digits)}"
    if not low <= claim.value <= high:
        side: Outcome = "above" if claim.value < low else "below"
        reason = f"measured {told} is {side} {published}, which is outside {interval}{_chosen(claim)}"
        return Verdict(claim, side, reason, measured)
    is_tight = measured.reach <= TIGHT
    wide = "" if is_tight else "; that of the mean is wide"
    reason = f"{published} lies in {interval}; measured {told}{wide}{_chosen(claim)}"
    return Verdict(claim, "reproduced" if is_tight else "within interval", reason, measured)


def _digits(published: float, digits: int, low: float, high: float) -> int:
    """Those that were published, one at least, and as many more as tell on which side of the bounds it lies."""
    is_inside, told = low <= published <= high, round(100 * published, digits)
    enough = (
        more
        for more in range(max(1, digits), MOST_DIGITS)
        if (round(100 * low, more) <= told <= round(100 * high, more)) == is_inside
    )
    return next(enough, MOST_DIGITS)


def _of_one_more(measured: Estimate, digits: int) -> tuple[float, float]:
    """The prediction interval for one more run, from the interval of the mean of n runs.

    About the same centre it is sqrt(n + 1) times as wide: t s sqrt(1 + 1/n) instead of t s / sqrt(n); and wider by
    half of the last digit that was published. Where both ends of the mean's interval were cut it is all of 0 to 1.
    """
    last_digit = 0.01 * 10.0**-digits
    half_width = measured.reach * sqrt(measured.n + 1) + last_digit / 2
    return SHARE.clip(measured.value - half_width, measured.value + half_width)


def _chosen(claim: Claim) -> str:
    """How the epoch was chosen, where that was not as it should be."""
    return "; both are the best over epochs, chosen by the test images" if claim.best_over_epochs else ""


def _comparison(claim: Claim, group: Group, other: Group) -> Verdict:
    difference = difference_of(group, other)
    if difference is None:
        return Verdict(claim, "not comparable", why_no_difference([group, other]))
    if not difference.is_shown:
        outcome: Outcome = "reproduced" if claim.relation == "like" and _is_tight(difference) else "within interval"
        return Verdict(claim, outcome, f"no difference shown ({difference.signed_evidence()})", difference)
    side: Outcome = "above" if difference.value > 0 else "below"
    reason = f"{difference.points()} {side} ({difference.evidence()})"
    return Verdict(claim, "reproduced" if claim.relation == side else side, reason, difference)


def _is_tight(difference: Estimate) -> bool:
    return difference.low is not None and difference.high is not None and max(-difference.low, difference.high) <= TIGHT
