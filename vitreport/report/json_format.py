"""A report for programs, as JSON. Its published JSON Schema is made of the types and comments of `Document`."""

from dataclasses import dataclass, fields
from typing import Any, Literal

from vitreport.analysis.claims import Claim, Verdict
from vitreport.analysis.groups import Group, mixed_randomness
from vitreport.analysis.runs import Dataset, RunSummary
from vitreport.analysis.summary import Ablation, Architecture, Finding, Level, Pair, Provenance, Section
from vitreport.formatting import json_document
from vitreport.records.reader import Damage
from vitreport.report import blocks
from vitreport.report.sections import Page
from vitreport.spec.sweep import ValueSpec


@dataclass(frozen=True)
class NamedGroup:
    """A group by the name that it has in a section."""

    name: str
    group: Group


@dataclass(frozen=True)
class Question:
    """A question, with what was run to answer it and the names of what was not."""

    title: str
    question: str
    text: str  # what the author of a study says, in Markdown
    runs: tuple[NamedGroup, ...]
    not_run: tuple[str, ...]
    ablations: tuple[str, ...]  # the names of ablations


@dataclass(frozen=True, kw_only=True)
class Document:
    """A report of vitreport.

    Each group is written out once, in `groups`; everything else names it by its id. Accuracies are fractions of
    images, losses are in nats, times are in seconds, and FLOPs are those of one image. `low` and `high` bound a 95%
    confidence interval, null where there is none.
    """

    schema_version: Literal[10] = 10  # changes whenever keys or their words change
    title: str
    headline: tuple[str, ...]  # the answer, in one sentence for each dataset
    introduction: str  # what the author of a study says, in Markdown
    contents: tuple[blocks.Section, ...]
    runs: int  # how many runs the report is about
    architectures: tuple[Architecture, ...]
    datasets: tuple[Dataset, ...]
    groups: tuple[Group, ...]
    pairs: tuple[Pair, ...]  # the architectures with the best one first, each on every dataset
    ablations: tuple[Ablation, ...]
    sections: tuple[Question, ...]
    conclusion: str  # what the author of a study says, in Markdown
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    figures: tuple[blocks.Figure, ...]  # in words
    unplaced: tuple[RunSummary, ...]  # runs without a readable spec
    damage: tuple[Damage, ...]
    provenance: Provenance
    mixed_randomness: tuple[str, ...]  # groups whose seeds were drawn by several randomness versions
    bibliography: tuple[str, ...]  # BibTeX entries of what is cited


KEYS: dict[type, tuple[str, ...]] = {
    RunSummary: ("id", "seed", "state", "epoch", "epochs", "accuracies", "note"),
    Group: (*(field.name for field in fields(Group)), "command", "is_preset"),
    Claim: (*(field.name for field in fields(Claim) if field.name != "faults"), "not_comparable"),
    Verdict: ("claim", "outcome", "reason", "measured"),
    Level: ("values", "state", "accuracy", "difference", "group", "missing", "paired"),
    ValueSpec: tuple(ValueSpec.model_fields),
    blocks.Section: ("title", "anchor"),
    blocks.Figure: ("name", "kind", "title", "alt", "caption"),
}
"""The attributes that are keys of an object, where they are not the fields of a dataclass."""


def render_json(page: Page) -> str:
    """Return everything that the page says; for its figures, only the words."""
    parts = vars(page.summary) | vars(page)
    parts |= {
        "schema_version": Document.schema_version,
        "contents": page.sections,
        "sections": tuple(map(_question, page.summary.sections)),
        "figures": page.figures,
        "mixed_randomness": mixed_randomness(page.summary.groups),
    }
    return json_document(Document(**{name: parts[name] for name in keys_of(Document)}), _object) + "\n"


def keys_of(kind: type) -> tuple[str, ...]:
    """Return the keys of an object."""
    return KEYS.get(kind) or tuple(field.name for field in fields(kind))


def _object(part: Any) -> dict[str, Any]:
    """Return a part of the document as an object; its group is named by its id."""
    values = {key: getattr(part, key) for key in keys_of(type(part))}
    return {key: value.id if isinstance(value, Group) else value for key, value in values.items()}


def _question(section: Section) -> Question:
    runs = tuple(NamedGroup(name, group) for part in section.comparisons for name, group in part.groups)
    not_run = tuple(name for part in section.comparisons for name in part.missing)
    ablations = tuple(ablation.name for ablation in section.ablations)
    return Question(section.title, section.question, section.text, runs, not_run, ablations)
