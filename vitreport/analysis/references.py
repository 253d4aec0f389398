"""What is cited, in BibTeX, and what architectures, pairs and ablations are called."""

import inspect
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vitreport.data.registry import dataset_title
from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.base import members, tag_of
from vitreport.spec.model import ARCHITECTURES
from vitreport.spec.run import RunSpec

if TYPE_CHECKING:
    from vitreport.analysis.groups import Group
    from vitreport.analysis.summary import Ablation, Pair, Summary

FILE = Path(__file__).with_name("references.bib")
LABEL_LENGTH = 20
SETTING_REFERENCES = {
    (f"{section}.name", tag_of(kind)): kind.citation
    for section in ("optimizer", "schedule")
    for kind in members(RunSpec.model_fields[section].annotation)
}
STATISTICS_REFERENCES = {
    *("student1908t", "wilson1927interval", "welch1947t", "newcombe1998difference", "mcnemar1947correlated"),
    *("sidak1967rectangular", "satterthwaite1946approximate", "owen2012bootstrapping", "bloom1995minimum"),
}
"""The statistics that the methods section of a report and the notes below its tables name."""


def architecture_title(name: str) -> str:
    """Return Perceiver IO; an architecture of timm as it is typed; an unknown name as it is."""
    return ARCHITECTURES[name].title if name in ARCHITECTURES else model_word(name)


def architecture_label(name: str) -> str:
    """Return the title of an architecture for a small place: its name in place of a long title."""
    title = architecture_title(name)
    return title if len(title) <= LABEL_LENGTH else model_word(name)


def model_word(name: str) -> str:
    """Return an architecture as a command takes it: timm/mixer_b16_224."""
    return f"timm/{name.removeprefix('timm-')}" if name.startswith("timm-") else name


def architecture_kind(name: str) -> type[ArchitectureSpec]:
    """Return the spec of an architecture, with what it cites."""
    return ARCHITECTURES["timm" if name.startswith("timm-") else name]


def architecture_summary(name: str) -> str:
    """Return the first line of the description of an architecture."""
    return (inspect.getdoc(architecture_kind(name)) or "").partition("\n")[0]


def where_of(subject: "Pair | Group | Ablation") -> str:
    """Return Perceiver IO on CIFAR-10."""
    return f"{architecture_title(subject.architecture)} on {dataset_title(subject.dataset)}"


def subject_of(ablation: "Ablation") -> str:
    """Return Perceiver IO on CIFAR-10 by learning_rate, at batch_size 16; CIFAR-10 by model."""
    varies_architecture = any("model" in axis.split(", ") for axis in ablation.axes)
    where = dataset_title(ablation.dataset) if varies_architecture else where_of(ablation)
    return ", ".join(filter(None, [f"{where} by {', '.join(ablation.axes)}", ablation.qualifier]))


def bibliography(summary: "Summary") -> list[str]:
    """Return the entries of what a summary rests on, in the order of the file; those of statistics always."""
    cited = (
        STATISTICS_REFERENCES
        | {each.reference for each in summary.architectures}
        | {each.reference for each in summary.datasets}
    )
    for group in summary.groups:
        cited |= {key for (path, value), key in SETTING_REFERENCES.items() if group.fields.get(path) == value}
    return [entry for key, entry in entries().items() if key in cited]


@cache
def entries() -> dict[str, str]:
    """Return the BibTeX entries by their keys."""
    found = ("@" + entry.strip() for entry in FILE.read_text(encoding="utf-8").split("@")[1:])
    return {entry.partition("{")[2].partition(",")[0]: entry for entry in found}
