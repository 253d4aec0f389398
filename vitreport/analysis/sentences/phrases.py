"""What curves and comparisons image by image are called in words."""

from collections.abc import Sequence

from vitreport.analysis.measured import Metric, Paired
from vitreport.formatting import by_holm, joined, p_value, percent

SPLITS = {"train": "train", "val": "validation", "test": "test"}
LARGE_LOSS = 1e4


def moments(splits: Sequence[str]) -> str:
    """What the points of curves are: train: mean over the batches of an epoch, ...; validation: after the epoch"""
    told = ["train: mean over the batches of an epoch, with any augmentation and dropout"] if "train" in splits else []
    if after := [SPLITS[split] for split in splits if split != "train"]:
        told.append(f"{joined(after)}: after the epoch")
    return "; ".join(told)


def measured(metric: Metric, value: float) -> str:
    """56.3% of an accuracy, 1.234 of a loss, 3e+38 of that of a network about to diverge"""
    if metric == "accuracy":
        return percent(value, 1)
    return f"{value:.3f}" if abs(value) < LARGE_LOSS else f"{value:.3g}"


def paired_evidence(pair: Paired) -> str:
    """McNemar's exact test, p = 0.025 by Holm over 2 comparisons"""
    return f"McNemar's exact test, {p_value(pair.p, pair.comparisons)}"


def each_with_paired_evidence(found: Sequence[tuple[str, Paired]]) -> str:
    """A (p = 0.025) and B (p = 0.1); McNemar's exact test, p by Holm over 2 comparisons"""
    (name, first), *others = found
    if not others:
        return f"{name} ({paired_evidence(first)})"
    told = joined(f"{each} ({p_value(pair.p)})" for each, pair in found)
    return f"{told}; McNemar's exact test, p{by_holm(first.comparisons)}"
