"""What the subjects of a report are called, the same in every sentence, heading and caption."""

from vitreport.analysis.groups import Group
from vitreport.analysis.references import architecture_title
from vitreport.analysis.summary import Ablation, Pair
from vitreport.data.registry import dataset_title


def where_of(subject: Pair | Group | Ablation) -> str:
    """Perceiver IO on CIFAR-10"""
    return f"{architecture_title(subject.architecture)} on {dataset_title(subject.dataset)}"


def subject_of(ablation: Ablation) -> str:
    """Perceiver IO on CIFAR-10 by learning_rate, at batch_size 16; CIFAR-10 by model"""
    where = dataset_title(ablation.dataset) if varies_architecture(ablation) else where_of(ablation)
    return ", ".join(filter(None, [f"{where} by {', '.join(ablation.axes)}", ablation.qualifier]))


def varies_architecture(ablation: Ablation) -> bool:
    """Whether its levels are architectures: each has its own preset, so that more than the axis differs."""
    return any("model" in axis.split(", ") for axis in ablation.axes)
