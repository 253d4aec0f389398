"""How many seeds and test images would show a difference of one percentage point."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean
from typing import NamedTuple

from vitreport.analysis.groups import group_runs
from vitreport.analysis.runs import sample_of, summarize_run
from vitreport.data.sources import count_images
from vitreport.formatting import listed
from vitreport.intervals import Sample, detectable_difference, image_parts
from vitreport.records.reader import Run
from vitreport.sweep.plan import Plan

WANTED, POWER, MANY = 0.01, 0.8, 1_000_000  # more seeds than that change nothing


class Spread(NamedTuple):
    """The variance of seeds beyond what the images make, that of answers, and that of images in a difference."""

    seeds: float
    answers: float
    images: float


ASSUMED = Spread(0.005**2, 0.025, 0.05)
ASSUMPTION = "assuming that seeds vary by 0.5 pp and two values classify 10% of the images differently"


@dataclass(frozen=True)
class ToSettle:
    """The seeds per group and the test images that there are, and those that would show one percentage point."""

    now_seeds: int
    now_images: int  # 0 where the answers per image are not known
    seeds: int
    images: int

    def in_words(self, each: str) -> str:
        """Say what is needed, without a full stop; `each` is what has so many seeds, such as a value."""
        if self.now_seeds < 2:
            return f"at least two seeds per {each} are needed to show a difference"
        if self.now_seeds == 2:
            return f"two seeds per {each} are too few to estimate how many would show a difference of 1 pp"
        if self.images > self.now_images > 0:
            more = f"{self.seeds:,} seeds per {each} (now {self.now_seeds}) and {self.images:,} test images"
            return f"about {more} (now {self.now_images:,}) are needed to show a difference of 1 pp"
        if self.seeds <= self.now_seeds:
            return f"{self.now_seeds} seeds per {each} can show a difference of 1 pp; the true one may be smaller"
        same = "" if self.now_images else " on these test images"
        more = f"about {self.seeds:,} seeds per {each} (now {self.now_seeds})"
        return f"{more} are needed to show a difference of 1 pp{same}"


TWO_SEEDS = ToSettle(1, 0, 2, 0)


def smallest_difference(spread: Spread, seeds: int, images: int, comparisons: int = 1) -> float:
    """Return the true difference that n seeds per group and N images show in 80% of repetitions.

    Its variance is 2(s + r/N)/n + b/N, with s the variance of seeds, r that of answers and b that of images.
    """
    of_group = (spread.seeds + spread.answers / (images or 1)) / seeds, seeds - 1
    parts, least = [of_group, of_group], 0.0
    if images:
        parts, least = [*parts, (spread.images / images, max(1, images - 1))], 1 / images**2
    return detectable_difference(parts, least, seeds, comparisons, POWER)


def needed(spread: Spread, images: int, comparisons: int = 1) -> tuple[int, int]:
    """Return the seeds that show one percentage point, and the images: too few become so many as make half of V."""
    limit = smallest_difference(spread, MANY, images, comparisons) / WANTED
    if images and limit > 1:
        images = int(float(f"{2 * images * limit**2:.1e}"))
    sizes = range(2, MANY)
    place = bisect_left(sizes, -WANTED, key=lambda seeds: -smallest_difference(spread, seeds, images, comparisons))
    return int(float(f"{2 + place:.1e}")), images


def spread_of(samples: Sequence[Sample]) -> tuple[Spread, int]:
    """Return the mean spread of groups, and the number of their test images; 0 where the answers are not known."""
    images = min(0 if sample.images is None else len(sample.images) for sample in samples)
    answers = mean(sample.residual for sample in samples) if images else 0.0
    seeds = mean(sample.variance for sample in samples) - answers / (images or 1)
    pairs = [
        sum(part for part, _ in image_parts([(1.0, first), (-1.0, second)])) for first, second in pairwise(samples)
    ]
    return Spread(max(0.0, seeds), answers, images * mean(pairs) if pairs else ASSUMED.images), images


def foreseen(plan: Plan, runs: Iterable[Run]) -> tuple[float | None, str]:
    """Return the smallest difference from the baseline that a sweep can show, and that in words, "" without any.

    Seeds are expected to vary as those on record of the same architectures and datasets, or else as assumed.
    """
    levels = {trial.values: trial for trial in plan.trials}
    seeds = len(plan.trials) // len(levels)
    if plan.baseline is None or len(levels) < 2:
        return None, ""
    if seeds < 2:
        return None, "one seed per value cannot show a difference; at least two are needed"
    about = {(trial.spec.model.whole_label, trial.spec.data.dataset) for trial in levels.values()}
    groups = (each for each in group_runs(list(map(summarize_run, runs))) if (each.architecture, each.dataset) in about)
    samples = {group.id: sample for group in groups if (sample := sample_of(group.runs)).images is not None}
    spread, source = ASSUMED, ASSUMPTION
    if samples:
        spread = spread_of(list(samples.values()))[0]
        source = f"if seeds vary as much as those of {listed(list(samples), 2)}"
    places = {(trial.spec.data.dataset, trial.data_dir) for trial in levels.values()}
    images = min(count_images(*place)["test"] for place in places)
    found = smallest_difference(spread, seeds, images, len(levels) - 1)
    size = f"{seeds} seeds per value and {images:,} test images"
    return found, f"{size} can show a difference of {100 * found:.1f} pp (with a power of 80%), {source}"
