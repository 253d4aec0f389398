"""What the subjects of a report are called, the same in every sentence, heading and caption."""

from vitreport.analysis.summary import Ablation, Group, Pair, Summary
from vitreport.data.registry import dataset_title


class Titles(dict[str, str]):
    """The titles of architectures and data sets by their names; an unknown name is its own title."""

    def __missing__(self, name: str) -> str:
        return name


def titles(summary: Summary) -> Titles:
    """Return the titles of all that a summary speaks of."""
    named = {pair.dataset: dataset_title(pair.dataset) for pair in summary.pairs}
    named |= {each.name: each.title for each in summary.architectures}
    return Titles(named | {each.id: each.title for each in summary.datasets})


def where_of(subject: Pair | Group | Ablation, names: Titles) -> str:
    """Perceiver IO on CIFAR-10"""
    return f"{names[subject.architecture]} on {names[subject.dataset]}"


def subject_of(ablation: Ablation, names: Titles) -> str:
    """Perceiver IO on CIFAR-10 by learning_rate, at batch_size 16; CIFAR-10 by model"""
    where = names[ablation.dataset] if varies_architecture(ablation) else where_of(ablation, names)
    return ", ".join(filter(None, [f"{where} by {', '.join(ablation.axes)}", ablation.qualifier]))


def varies_architecture(ablation: Ablation) -> bool:
    """Whether its levels are architectures: each has its own preset, so that more than the axis differs."""
    return any("model" in axis.split(", ") for axis in ablation.axes)
