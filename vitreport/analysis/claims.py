"""Published claims against what was measured."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from vitreport.analysis.comparisons import are_on_the_same_images, difference_of, why_no_difference
from vitreport.analysis.groups import Group
from vitreport.analysis.pairs import group_of_spec
from vitreport.analysis.runs import Dataset
from vitreport.formatting import Estimate, percent
from vitreport.intervals import SHARE, one_more_run
from vitreport.spec.study import Relation

Outcome = Literal["reproduced", "above", "below", "within interval", "not comparable", "not run"]
TIGHT = 0.01  # a wider interval says too little to call a value reproduced
MOST_DIGITS = 12
ABOUT = 0.2  # "at about epoch 15" means 12 to 18


@dataclass(frozen=True)
class Claim:
    """A published statement about the test accuracy of a group."""

    statement: str
    source: str
    group: str  # the id of a group
    part: str = ""  # the name of the part of a study
    relation: Relation = "is"
    value: float | None = None
    digits: int = 2  # how many digits of its percentage were published
    other: str = ""  # the group that `group` is above or like
    others: tuple[str, ...] = ()  # the rest of an ablation
    split: Literal["train", "test"] = "test"
    best_over_epochs: bool = False  # whether the epoch was chosen on the test images
    not_comparable: str = ""  # why nothing measured here can answer it
    command: str = ""


@dataclass(frozen=True)
class Verdict:
    """What was measured says of a claim; `measured` is the accuracy, or for a comparison the difference."""

    claim: Claim
    outcome: Outcome
    reason: str
    measured: Estimate | None = None

    @property
    def contradicts(self) -> bool:
        """Whether several seeds contradict the claim."""
        return self.outcome in ("above", "below")


def judge(claims: Iterable[Claim], groups: Sequence[Group], datasets: Iterable[Dataset]) -> list[Verdict]:
    """Return a verdict on each claim, in their order."""
    altered = {each.id for each in datasets if each.is_altered}
    return [_judged(claim, groups, altered) for claim in claims]


def _judged(claim: Claim, groups: Sequence[Group], altered: Collection[str]) -> Verdict:
    group = group_of_spec(groups, claim.group)
    others = [name for name in (claim.other, *claim.others) if name]
    about = [group, *(group_of_spec(groups, name, group.dataset if group else "") for name in others)]
    there = [each for each in about if each]
    unmeasured = next((each for each in there if _measured(claim, each) is None), None)
    if len(there) < len(about) or unmeasured:
        missing = f"its runs have no such result: {unmeasured.state}" if unmeasured else "there is no run of it"
        fault = f"; a run would not be comparable: {claim.not_comparable}" if claim.not_comparable else ""
        return Verdict(claim, "not run", f"{missing}{fault}")
    found = _found(claim, there)
    incomparable = claim.not_comparable or _why_incomparable(there, altered)
    if incomparable:
        measured = found.measured
        here = f"; here {measured.in_percent() if claim.relation == 'is' else found.reason}" if measured else ""
        found = Verdict(claim, "not comparable", f"{incomparable}{here}", measured)
    return found


def _found(claim: Claim, about: Sequence[Group]) -> Verdict:
    """Judge by the rule of the relation."""
    measured, value = _measured(claim, about[0]), claim.value or 0.0
    assert measured
    match claim.relation:
        case "above" | "like":
            return _comparison(claim, *about)
        case "spread below":
            return _spread(claim, value, about)
        case "is":
            return _value(claim, value, about[0], measured)
        case "converged at":
            tolerance = max(1.0, ABOUT * value)
            low, high = value - tolerance, value + tolerance
            reached = f"test accuracy reached 95% of its total increase by epoch {measured.in_numbers()}"
            reason = f"{reached}; the rule for about {value:g} is {low:g} to {high:g}"
        case "gap above":
            low, high, side = value, 1.0, "above" if measured.value >= 0 else "below"
            gap = f"training accuracy is {measured.points()} {side} test accuracy"
            reason = f"{gap}; the rule is more than {value:.0%}"
    if measured.interval is None or measured.n == 1:
        return Verdict(claim, "not comparable", f"{why_no_difference(about)}; here {reason}", measured)
    outcome: Outcome = "within interval"
    if low <= measured.interval[0] and measured.interval[1] <= high:
        outcome = "reproduced"
    elif measured.interval[0] > high or measured.interval[1] < low:
        outcome = "above" if measured.interval[0] > high else "below"
    return Verdict(claim, outcome, reason, measured)


def _why_incomparable(about: Sequence[Group], altered: Collection[str]) -> str:
    if any(group.dataset in altered for group in about):
        return "the images are not the published ones"
    if not all(are_on_the_same_images(about[0], group) for group in about):
        return "the two were measured on different images"
    diverged = [group for group in about if group.diverged]
    return why_no_difference(diverged) if diverged else ""


def _measured(claim: Claim, group: Group) -> Estimate | None:
    if claim.relation in ("converged at", "gap above"):
        return group.test_converged if claim.relation == "converged at" else group.gap
    if claim.split == "train":
        return group.train
    return group.best_test if claim.best_over_epochs else group.test


def _value(claim: Claim, published: float, group: Group, measured: Estimate) -> Verdict:
    """Judge a published figure as one more run, up to half of its last digit."""
    chosen = "; both are the best over epochs, chosen by the test images" if claim.best_over_epochs else ""
    if (interval := one_more_run(measured)) is None:
        reason = f"{why_no_difference([group])}; here {measured.in_percent()}{chosen}"
        return Verdict(claim, "not comparable", reason, measured)
    rounding = 0.01 * 10.0**-claim.digits / 2
    low, high = SHARE.clip(interval[0] - rounding, interval[1] + rounding)
    digits = _digits(published, claim.digits, low, high)
    shown, here = percent(published, claim.digits), measured.in_percent(digits)
    prediction = f"the 95% interval of one more run, {percent(low, digits)} to {percent(high, digits)}"
    if not low <= published <= high:
        side: Outcome = "above" if published < low else "below"
        return Verdict(
            claim, side, f"measured {here} is {side} {shown}, which is outside {prediction}{chosen}", measured
        )
    is_tight = measured.reach <= TIGHT
    wide = "" if is_tight else "; the interval of the mean is wide"
    reason = f"{shown} lies in {prediction}; measured {here}{wide}{chosen}"
    return Verdict(claim, "reproduced" if is_tight else "within interval", reason, measured)


def _digits(published: float, digits: int, low: float, high: float) -> int:
    """Return the published digits, at least one, and as many more as show on which side of the bounds it lies."""
    is_inside, shown = low <= published <= high, round(100 * published, digits)
    for more in range(max(1, digits), MOST_DIGITS):
        if (round(100 * low, more) <= shown <= round(100 * high, more)) == is_inside:
            return more
    return MOST_DIGITS


def _comparison(claim: Claim, group: Group, other: Group) -> Verdict:
    difference = difference_of(group, other)
    if difference is None or difference.interval is None:
        return Verdict(claim, "not comparable", why_no_difference([group, other]))
    side: Outcome = "above" if difference.value > 0 else "below"
    if difference.is_shown:
        outcome = "reproduced" if claim.relation == side else side
        return Verdict(claim, outcome, f"{difference.points()} {side}", difference)
    is_alike = claim.relation == "like" and max(map(abs, difference.interval)) <= TIGHT
    reason = f"no difference shown: {difference.signed_points()} pp"
    return Verdict(claim, "reproduced" if is_alike else "within interval", reason, difference)


def _spread(claim: Claim, bound: float, groups: Sequence[Group]) -> Verdict:
    """Judge whether the accuracies of any two groups differ by less than `bound`.

    They do if the interval of each difference lies within the bound; nothing has to be adjusted for that. They do not
    if one of the intervals that hold together is beyond it.
    """
    ordered = sorted(groups, key=lambda group: group.test.value if group.test else 0.0, reverse=True)
    pairs = list(combinations(ordered, 2))
    plain = [each.interval for pair in pairs if (each := difference_of(*pair)) and each.interval]
    together = [each for pair in pairs if (each := difference_of(*pair, len(pairs)))]
    if len(plain) < len(pairs):
        return Verdict(claim, "not comparable", why_no_difference(groups))
    measured = max(together, key=lambda each: each.value)
    apart = f"the best and the worst of {len(groups)} values are {measured.points()} apart"
    outcome: Outcome = "within interval"
    if all(-bound < low and high < bound for low, high in plain):
        outcome = "reproduced"
    elif any(each.interval and each.interval[0] > bound for each in together):
        outcome = "above"
    reason = f"{apart}; the rule is that any two differ by less than {percent(bound, 0)}"
    return Verdict(claim, outcome, reason, measured)
