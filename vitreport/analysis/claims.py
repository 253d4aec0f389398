"""Published claims against what was measured."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from vitreport.analysis.comparisons import are_comparable, difference_of, why_no_difference
from vitreport.analysis.groups import Group
from vitreport.analysis.representatives import group_of_spec
from vitreport.analysis.runs import Dataset
from vitreport.formatting import Estimate, counted, percent
from vitreport.intervals import PROPORTION, Range, mean_over_seeds, prediction_interval
from vitreport.spec.study import ClaimMetric, Relation

Outcome = Literal["reproduced", "above", "below", "undecided", "not comparable", "not run"]
UNJUDGED: tuple[Outcome, ...] = ("not comparable", "not run")
TIGHT = 0.01  # a wider interval says too little to call a value reproduced
MAX_DIGITS = 12
NO_CURVE = "this needs a test curve that increases, see train.monitor_test"
ABOUT = 0.2  # "at about epoch 15" means 12 to 18


@dataclass(frozen=True)
class Claim:
    """A published statement about the test accuracy of a group."""

    subject: str  # what it is about: Perceiver IO on CIFAR-10, batch_size 16
    published: str  # what it says, in short: 50.67%, above 32, epoch 15
    source: str
    group: str  # the id of a group
    part: str = ""  # the name of a run of a study, or of an ablation in the report
    relation: Relation = "value"
    value: float | None = None
    digits: int = 2  # how many digits of its percentage were published
    others: tuple[str, ...] = ()  # the group that `group` is above or like, or the rest of an ablation
    metric: ClaimMetric = "test_accuracy"
    faults: tuple[str, ...] = ()  # why no result here is comparable
    command: str = ""

    @property
    def not_comparable(self) -> str:
        """Why no result here is comparable."""
        return "; ".join(self.faults)

    def in_words(self, measured: Estimate, *, seeds: bool = True) -> str:
        """Write what was measured: an accuracy, an epoch, or a difference in percentage points."""
        if self.relation == "converged_at":
            return f"epoch {measured.in_numbers(seeds=seeds)}"
        return measured.in_percent(seeds=seeds) if self.relation == "value" else f"{measured.in_signed_pp()} pp"


@dataclass(frozen=True)
class Verdict:
    """The verdict of the measurements on a claim; `measured` is an accuracy, or for a comparison the difference."""

    claim: Claim
    outcome: Outcome
    why: str  # without the faults of the claim
    measured: Estimate | None = None

    @property
    def reason(self) -> str:
        """The reason, with the faults of the claim."""
        would = "would not be comparable: " if self.claim.faults and self.outcome == "not run" else ""
        return "; ".join(filter(None, (self.why, f"{would}{self.claim.not_comparable}")))

    @property
    def contradicts(self) -> bool:
        """Whether several seeds contradict the claim."""
        return self.outcome in ("above", "below")

    @property
    def difference(self) -> Estimate | None:
        """The measured minus the published accuracy, without an interval; None if the claim is of another kind."""
        if self.measured is None or self.claim.relation != "value":
            return None
        return replace(self.measured, value=self.measured.value - (self.claim.value or 0.0), low=None, high=None)


def judge(claims: Iterable[Claim], groups: Sequence[Group], datasets: Iterable[Dataset]) -> list[Verdict]:
    """Return a verdict on each claim, in their order."""
    altered = {each.id for each in datasets if each.is_altered}
    return [_judged(claim, groups, altered) for claim in claims]


def _judged(claim: Claim, groups: Sequence[Group], altered: Collection[str]) -> Verdict:
    group = group_of_spec(groups, claim.group)
    about = [group, *(group_of_spec(groups, name, group.dataset if group else "") for name in claim.others)]
    there = [each for each in about if each]
    unmeasured = next((each for each in there if each.test is None), None)
    if len(there) < len(about) or unmeasured:
        return Verdict(claim, "not run", f"its runs have no result: {unmeasured.state}" if unmeasured else "no run yet")
    if any(_measured(claim, each) is None for each in there):
        return Verdict(replace(claim, command=""), "not comparable", NO_CURVE)
    found, why = _found(claim, there), "" if claim.faults else _why_incomparable(there, altered)
    return replace(found, outcome="not comparable", why=why) if claim.faults or why else found


def _found(claim: Claim, about: Sequence[Group]) -> Verdict:
    """Judge whether the interval of what was measured is within the range that the claim states."""
    measured, value = _measured(claim, about[0]), claim.value or 0.0
    if claim.relation == "spread_below":
        return _spread(claim, value, about)
    if claim.relation == "value" and measured:
        return _value(claim, value, about[0], measured)
    if claim.relation in ("above", "like"):
        measured = difference_of(about[0], about[1])
    if measured is None or measured.interval is None or measured.n == 1:
        return Verdict(claim, "not comparable", why_no_difference(about), measured)
    (low, high, bounds), (start, end) = _range(claim.relation, value), measured.interval
    if low <= start and end <= high:
        return Verdict(claim, "reproduced", f"the interval is within {bounds}", measured)
    if low <= end and start <= high:
        return Verdict(claim, "undecided", f"the interval is partly within {bounds}", measured)
    return Verdict(claim, "above" if start > high else "below", f"the interval is outside {bounds}", measured)


def _range(relation: Relation, value: float) -> tuple[float, float, str]:
    """Return the ends of the range that a claim states, and the range in words."""
    if relation == "converged_at":
        low, high = value - max(1.0, ABOUT * value), value + max(1.0, ABOUT * value)
        return low, high, f"epochs {low:g} to {high:g}"
    if relation == "like":
        return -TIGHT, TIGHT, f"{100 * TIGHT:g} pp of 0"
    return value, 1.0, f"the range above {100 * value:g} pp"


def _why_incomparable(about: Sequence[Group], altered: Collection[str]) -> str:
    if any(group.dataset in altered for group in about):
        return "the images are not the published ones"
    if not all(are_comparable(about[0], group) for group in about):
        return "the two were measured on different images"
    diverged = [group for group in about if group.diverged]
    return why_no_difference(diverged) if diverged else ""


def _measured(claim: Claim, group: Group) -> Estimate | None:
    done = [run for run in group.runs if run.state == "done"]
    if claim.relation == "converged_at":
        return mean_over_seeds([run.test_converged for run in done if run.test_converged], Range(1, group.epochs))
    if claim.metric == "best_test_accuracy":
        return mean_over_seeds([run.best_test for run in done if run.best_test is not None], PROPORTION)
    if claim.relation == "gap_above":
        return group.gap
    return group.train if claim.metric == "best_train_accuracy" else group.test


def _value(claim: Claim, published: float, group: Group, measured: Estimate) -> Verdict:
    """Judge a published figure as one more run, up to half of its last digit."""
    chosen = "; both epochs were chosen on the test images" if claim.metric == "best_test_accuracy" else ""
    if (interval := prediction_interval(measured)) is None:
        return Verdict(claim, "not comparable", f"{why_no_difference([group])}{chosen}", measured)
    rounding = 0.01 * 10.0**-claim.digits / 2
    low, high = PROPORTION.clip(interval[0] - rounding, interval[1] + rounding)
    digits = _digits(published, claim.digits, low, high)
    prediction = f"the 95% prediction interval, {percent(low, digits)} to {percent(high, digits)}"
    if not low <= published <= high:
        side: Outcome = "above" if published < low else "below"
        return Verdict(claim, side, f"the published value is outside {prediction}{chosen}", measured)
    wide = "" if measured.reach <= TIGHT else "; the interval of the mean is wide"
    reason = f"the published value is within {prediction}{wide}{chosen}"
    return Verdict(claim, "undecided" if wide else "reproduced", reason, measured)


def _digits(published: float, digits: int, low: float, high: float) -> int:
    """Return the published digits, at least one, and as many more as show on which side of the bounds it lies."""
    is_inside, shown = low <= published <= high, round(100 * published, digits)
    for more in range(max(1, digits), MAX_DIGITS):
        if (round(100 * low, more) <= shown <= round(100 * high, more)) == is_inside:
            return more
    return MAX_DIGITS


def _spread(claim: Claim, bound: float, groups: Sequence[Group]) -> Verdict:
    """Judge whether the accuracies of any two groups differ by less than `bound`.

    They do if the interval of each difference lies within the bound; nothing has to be adjusted for that. They do not
    if one of the intervals that hold together is beyond it.
    """
    ordered = sorted(groups, key=lambda group: group.accuracy_or_zero, reverse=True)
    pairs = list(combinations(ordered, 2))
    plain = [each.interval for pair in pairs if (each := difference_of(*pair)) and each.interval]
    together = [each for pair in pairs if (each := difference_of(*pair, len(pairs)))]
    if len(plain) < len(pairs):
        return Verdict(claim, "not comparable", why_no_difference(groups))
    measured = max(together, key=lambda each: each.value)
    largest = f"the largest of {counted(len(pairs), 'difference')}"
    if all(-bound < low and high < bound for low, high in plain):
        return Verdict(claim, "reproduced", f"{largest}; all intervals are below the bound", measured)
    if any(each.interval and each.interval[0] > bound for each in together):
        return Verdict(claim, "above", f"{largest}; its interval is above the bound", measured)
    return Verdict(claim, "undecided", f"{largest}; some intervals include the bound", measured)
