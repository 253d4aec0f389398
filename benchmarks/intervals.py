"""How often the intervals of reports hold, and how often a family of them is wrong, by simulation.

    python -m benchmarks.intervals [--repetitions 1000] [-o benchmarks/intervals.json]

Each repetition draws new test images and, for each group, new seeds. Whether a seed classifies an image correctly is a
probit model: an image is difficult for all groups alike, more difficult for some, a seed is lucky or not, and the rest
is noise. The true accuracy of a group is that over all seeds and images. The table says how often an interval contains
it, or the true difference or interaction of groups, how often a family of five comparisons with a baseline has a false
finding, and how often a "best" group is named where all are equal. Last come 100 cases with a group that is better by a
known amount and 100 where all are equal.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from vitreport.formatting import Estimate
from vitreport.intervals import PROPORTION, Sample, contrast, difference, mean_accuracy, t_interval

IMAGES = (360, 2000, 10_000)
SEEDS = (2, 3, 5, 10)
SEED_DEVIATIONS = (0.0, 0.5, 1.0, 2.0)  # of the accuracies of seeds, in percentage points
ACCURACY = 0.9
SHARED, OWN = 2.0, 0.7  # standard deviations of the difficulty of images, for all groups and for one, in probits
OTHERS = 5
INTERACTION = (1.0, -1.0, -1.0, 1.0)  # the weights of four groups: all combinations of two values of two fields


class Population:
    """Groups with given true accuracies; each draw has new images and new seeds."""

    def __init__(self, accuracies: Sequence[float], seeds: int, images: int, seed_deviation: float) -> None:
        """Translate accuracies and the deviation of seeds (percentage points at ACCURACY) into probits."""
        self.seeds, self.images = seeds, images
        spread = sqrt(1 + SHARED**2 + OWN**2)
        self.between = seed_deviation / 100 * spread / norm.pdf(norm.ppf(ACCURACY))
        self.thresholds = norm.ppf(accuracies) * sqrt(spread**2 + self.between**2)

    def draw(self, random: np.random.Generator) -> list[Sample]:
        """Draw one experiment: a sample of each group."""
        shared = SHARED * random.standard_normal(self.images)
        return [self._sample(threshold + shared, random) for threshold in self.thresholds]

    def _sample(self, easiness: NDArray[np.float64], random: np.random.Generator) -> Sample:
        latent = easiness + OWN * random.standard_normal(self.images)
        latent = latent + self.between * random.standard_normal((self.seeds, 1))
        correct = latent + random.standard_normal((self.seeds, self.images)) > 0
        padded = np.pad(correct, ((0, 0), (-self.images % 8, 0)))
        answers = [int.from_bytes(np.packbits(row).tobytes(), "big") for row in padded]
        return Sample.from_bits(answers, self.images, "simulated")


def excludes(estimate: Estimate | None, value: float) -> bool:
    """Return whether there is an interval and the value lies outside."""
    return estimate is not None and not estimate.low <= value <= estimate.high  # type: ignore[operator]


def best_of(samples: Sequence[Sample]) -> int | None:
    """Return the index of the group that is above every other, if there is one."""
    first = max(range(len(samples)), key=lambda index: float(np.mean(samples[index].values)))
    differences = [difference(samples[first], other) for index, other in enumerate(samples) if index != first]
    return first if all(each and each.low and each.low > 0 for each in differences) else None


def coverage(seeds: int, images: int, seed_deviation: float, repetitions: int) -> dict[str, float]:
    """Simulate one cell of the grid; shares of the repetitions, and the median width of a difference in points."""
    population = Population([ACCURACY] * (OTHERS + 1), seeds, images, seed_deviation)
    random = np.random.default_rng([seeds, images, round(10 * seed_deviation)])
    covered, student, apart, crossed, family, best = 0, 0, 0, 0, 0, 0
    widths = []
    for _ in range(repetitions):
        first, *others = samples = population.draw(random)
        covered += not excludes(mean_accuracy(first), ACCURACY)
        low, high = t_interval(first.values, PROPORTION) or (first.values[0], first.values[0])
        student += low <= ACCURACY <= high
        found = difference(first, others[0])
        apart += not excludes(found, 0)
        crossed += not excludes(contrast(list(zip(INTERACTION, samples, strict=False))), 0)
        widths.append(100 * (found.high - found.low) if found else 0.0)  # type: ignore[operator]
        family += any(excludes(difference(each, first, OTHERS), 0) for each in others)
        best += best_of(samples) is not None
    shares = {"mean": covered, "student": student, "difference": apart, "interaction": crossed}
    counts = {**shares, "family": family, "best": best}
    width = round(float(np.median(widths)), 3)
    return {**{name: count / repetitions for name, count in counts.items()}, "width": width}


def planted(lead: float, cases: int = 100, seeds: int = 3, images: int = 2000) -> dict[str, Any]:
    """Count in how many cases the better of six groups is named, and any where all are equal."""
    random = np.random.default_rng(2026)
    better = Population([ACCURACY + lead / 100, *[ACCURACY] * OTHERS], seeds, images, 0.5)
    equal = Population([ACCURACY] * (OTHERS + 1), seeds, images, 0.5)
    named = [best_of(better.draw(random)) for _ in range(cases)]
    false = 0
    for _ in range(cases):
        first, *others = samples = equal.draw(random)
        in_table = any(excludes(difference(each, first, OTHERS), 0) for each in others)
        false += in_table or best_of(samples) is not None
    wrong = sum(each not in (0, None) for each in named)
    return {"lead": lead, "cases": cases, "right": named.count(0), "wrong": wrong, "false": false}


def table(rows: Iterable[dict[str, float]]) -> str:
    """Return the grid as a Markdown table."""
    shares = ("mean", "student", "difference", "interaction", "family", "best", "width")
    names = ("seeds", "images", "seed_deviation", *shares)
    lines = ["| " + " | ".join(names) + " |", "|" + " ---: |" * len(names)]
    return "\n".join([*lines, *("| " + " | ".join(f"{row[name]:g}" for name in names) + " |" for row in rows)])


def main() -> None:
    """Simulate the grid, print it, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    rows: list[dict[str, float]] = []
    for images in IMAGES:
        repetitions = given.repetitions if images < 10_000 else given.repetitions * 2 // 5
        for seeds in SEEDS:
            for deviation in SEED_DEVIATIONS:
                cell = {"seeds": seeds, "images": images, "seed_deviation": deviation, "repetitions": repetitions}
                rows.append({**cell, **coverage(seeds, images, deviation, repetitions)})
    cases = planted(lead=4.0)
    print(table(rows), json.dumps(cases), sep="\n\n")
    if given.output:
        given.output.write_text(json.dumps({"grid": rows, "planted": cases}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
