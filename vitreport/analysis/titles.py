"""What the subjects of a report are called, the same in every sentence, heading and caption."""

from collections.abc import Mapping

from vitreport.analysis.summary import Ablation, Group, Pair, Summary
from vitreport.data.registry import dataset_title


def titles(summary: Summary) -> dict[str, str]:
    """What architectures and data sets are called, by their names."""
    named = {pair.dataset: dataset_title(pair.dataset) for pair in summary.pairs}
    named |= {each.name: each.title for each in summary.architectures}
    return named | {each.id: each.title for each in summary.datasets}


def where_of(subject: Pair | Group | Ablation, names: Mapping[str, str]) -> str:
    """Perceiver IO on CIFAR-10"""
    return f"{names.get(subject.architecture, subject.architecture)} on {names.get(subject.dataset, subject.dataset)}"


def subject_of(ablation: Ablation, names: Mapping[str, str]) -> str:
    """Perceiver IO on CIFAR-10 by learning_rate, at batch_size 16; CIFAR-10 by model"""
    dataset = names.get(ablation.dataset, ablation.dataset)
    where = dataset if varies_architecture(ablation) else where_of(ablation, names)
    return ", ".join(filter(None, [f"{where} by {', '.join(ablation.axes)}", ablation.qualifier]))


def varies_architecture(ablation: Ablation) -> bool:
    """Whether its levels are architectures: each has its own preset, so that more than the axis differs."""
    return any("model" in axis.split(", ") for axis in ablation.axes)
