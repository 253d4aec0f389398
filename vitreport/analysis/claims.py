"""Published claims against what was measured."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt
from typing import Literal

from vitreport.analysis.comparisons import accuracies, are_on_the_same_images, difference_of, why_no_difference
from vitreport.analysis.datasets import Dataset
from vitreport.analysis.groups import Group
from vitreport.analysis.pairs import group_of_spec
from vitreport.formatting import SIGNIFICANCE, Estimate, counted, percent
from vitreport.intervals import DIFFERENCE_OF_SHARES, SHARE, welch_interval

Outcome = Literal["reproduced", "above", "below", "within interval", "not comparable", "not run"]
Rule = Literal["spread below", "converged at", "gap above"]
Relation = Literal["is", "above", "like"] | Rule
TIGHT = 0.01  # a wider interval says too little to call a value reproduced
MOST_DIGITS = 12
ABOUT = 0.2  # "at about epoch 15" means 12 to 18


@dataclass(frozen=True)
class Claim:
    """A published statement about the test accuracy of a group, by its id.

    With `relation` "is" that it is `value`, given with so many `digits` of its percentage; with "above" that it is
    above that of the group `other`, with "like" that the two do not differ. The other relations are those of
    `Rule`, about `value` and, of a whole ablation, the `others`. `split` "train" is about the training accuracy
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
    claim = replace(claim, not_comparable=claim.not_comparable or _why_incomparable(there, changed))
    found = _found(claim, there)
    if not claim.not_comparable:
        return found
    here = found.reason
    if claim.relation == "is" and found.measured:
        here = f"{found.measured.in_percent()}{_chosen(claim)}"
    return Verdict(claim, "not comparable", f"{claim.not_comparable}; here {here}", found.measured)


def _found(claim: Claim, about: Sequence[Group]) -> Verdict:
    relation, value = claim.relation, claim.value
    if relation == "above" or relation == "like":
        return _comparison(claim, *about)
    assert value is not None
    match relation:
        case "is":
            return _value(claim, value, about[0])
        case "spread below":
            return _spread(claim, value, about)
        case "converged at":
            return _convergence(claim, value, about[0])
        case "gap above":
            return _gap(claim, value, about[0])


def _why_incomparable(about: Sequence[Group], changed: Collection[str]) -> str:
    """Why what was measured is no answer to what was published."""
    if any(group.dataset in changed for group in about):
        return "the images are not the published ones"
    if not all(are_on_the_same_images(about[0], group) for group in about):
        return "the two were measured on other images"
    diverged = next((group for group in about if group.diverged), None)
    return f"{diverged.diverged} of {counted(len(diverged.runs), 'seed')} diverged" if diverged else ""


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


def _value(claim: Claim, published: float, group: Group) -> Verdict:
    """What was published is one more run: it lies beside these in the prediction interval, not in that of the mean."""
    measured = _measured(claim, group)
    assert measured is not None
    if measured.n == 1 or measured.interval is None:
        here = f"{measured.in_percent()}{_chosen(claim)}"
        return Verdict(claim, "not comparable", f"{why_no_difference([group])}; here {here}", measured)
    low, high = _of_one_more(measured, claim.digits)
    digits = _digits(published, claim.digits, low, high)
    shown, here = percent(published, claim.digits), measured.in_percent(digits)
    interval = f"the 95% interval of one more run, {percent(low, digits)} to {percent(high, digits)}"
    if not low <= published <= high:
        side: Outcome = "above" if published < low else "below"
        reason = f"measured {here} is {side} {shown}, which is outside {interval}{_chosen(claim)}"
        return Verdict(claim, side, reason, measured)
    is_tight = measured.reach <= TIGHT
    wide = "" if is_tight else "; that of the mean is wide"
    reason = f"{shown} lies in {interval}; measured {here}{wide}{_chosen(claim)}"
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
        is_tight = max(map(abs, difference.interval or (1.0,))) <= TIGHT
        outcome: Outcome = "reproduced" if claim.relation == "like" and is_tight else "within interval"
        return Verdict(claim, outcome, f"no difference shown ({difference.signed_evidence()})", difference)
    side: Outcome = "above" if difference.value > 0 else "below"
    reason = f"{difference.points()} {side} ({difference.evidence()})"
    return Verdict(claim, "reproduced" if claim.relation == side else side, reason, difference)


def _spread(claim: Claim, bound: float, groups: Sequence[Group]) -> Verdict:
    """Judge whether the accuracies of any two groups differ by less than `bound`.

    They do if the 95% interval of each difference lies within the bound: one that does not is enough to leave the
    question open, so nothing has to be adjusted. They do not if a difference is above the bound in an interval adjusted
    by Bonferroni, because the pair is chosen after looking.
    """
    samples = sorted((list(accuracies(group).values()) for group in groups), key=lambda of: sum(of) / (len(of) or 1))
    pairs = [(higher, lower) for lower, higher in combinations(samples, 2)]
    if min(map(len, samples)) < 2:
        return Verdict(claim, "not comparable", why_no_difference(groups))
    plain = [each for pair in pairs if (each := welch_interval(*pair, possible=DIFFERENCE_OF_SHARES))]
    if len(plain) < len(pairs):
        return Verdict(claim, "not comparable", why_no_difference(groups))
    widest = max(plain, key=lambda each: each.value)
    measured = replace(widest, n=min(map(len, samples)), p=None, comparisons=len(pairs))
    apart = f"the best and the worst of {len(groups)} values are {measured.points()} apart ({measured.evidence()})"
    reason = f"{apart}; the rule is that any two differ by less than {percent(bound, 0)}"
    if all(-bound < low and high < bound for low, high in _intervals(plain)):
        return Verdict(claim, "reproduced", reason, measured)
    confidence = 1 - SIGNIFICANCE / len(pairs)
    adjusted = [welch_interval(*pair, confidence, DIFFERENCE_OF_SHARES) for pair in pairs]
    outcome: Outcome = "above" if any(low > bound for low, _ in _intervals(adjusted)) else "within interval"
    return Verdict(claim, outcome, reason, measured)


def _intervals(differences: Iterable[Estimate | None]) -> list[tuple[float, float]]:
    return [each.interval for each in differences if each and each.interval]


def _convergence(claim: Claim, epoch: float, group: Group) -> Verdict:
    """Judge whether test accuracy reaches 95% of its total increase at about the published epoch."""
    measured = group.test_converged
    if measured is None or measured.interval is None:
        told = f"; here epoch {measured.in_numbers()}" if measured else ""
        return Verdict(claim, "not comparable", f"{why_no_difference([group])}{told}", measured)
    tolerance = max(1.0, ABOUT * epoch)
    low, high = epoch - tolerance, epoch + tolerance
    reached = f"test accuracy reached 95% of its total increase by epoch {measured.in_numbers()}"
    reason = f"{reached}; the rule for about {epoch:g} is {low:g} to {high:g}"
    if low <= measured.interval[0] and measured.interval[1] <= high:
        return Verdict(claim, "reproduced", reason, measured)
    outcome: Outcome = "above" if measured.interval[0] > high else "within interval"
    return Verdict(claim, "below" if measured.interval[1] < low else outcome, reason, measured)


def _gap(claim: Claim, bound: float, group: Group) -> Verdict:
    """Judge whether training accuracy is more than `bound` above test accuracy."""
    measured = group.gap
    if measured is None or measured.n == 1 or measured.interval is None:
        return Verdict(claim, "not comparable", why_no_difference([group]), measured)
    side = "above" if measured.value >= 0 else "below"
    apart = f"training accuracy is {measured.points()} {side} test accuracy ({measured.evidence()})"
    reason = f"{apart}; the rule is more than {percent(bound, 0)}"
    if measured.interval[0] > bound:
        return Verdict(claim, "reproduced", reason, measured)
    return Verdict(claim, "below" if measured.interval[1] < bound else "within interval", reason, measured)
