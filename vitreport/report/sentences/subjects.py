"""What the subjects of a report are called, the same in every sentence, heading and caption."""

from collections.abc import Mapping

from vitreport.report.facts.references import DATASET_TITLES
from vitreport.report.facts.summary import Ablation, Cell, Group, Summary


def titles(summary: Summary) -> dict[str, str]:
    """What architectures and data sets are called, by their names."""
    named = {cell.dataset: DATASET_TITLES.get(cell.dataset, cell.dataset) for cell in summary.cells}
    named |= {each.name: each.title for each in summary.architectures}
    return named | {each.id: each.title for each in summary.datasets}


def where_of(subject: Cell | Group | Ablation, names: Mapping[str, str]) -> str:
    """Perceiver IO on CIFAR-10"""
    return f"{names.get(subject.architecture, subject.architecture)} on {names.get(subject.dataset, subject.dataset)}"


def subject_of(ablation: Ablation, names: Mapping[str, str]) -> str:
    """Perceiver IO on CIFAR-10 by learning_rate, at batch_size 16"""
    return ", ".join(filter(None, [f"{where_of(ablation, names)} by {', '.join(ablation.axes)}", ablation.apart]))
