"""A report for programs, as JSON. `Document` is its format: the published JSON Schema is generated from it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from vitreport.analysis.claims import Verdict
from vitreport.analysis.curves import Curve
from vitreport.analysis.group_details import Details
from vitreport.analysis.groups import Cost, mixed_randomness
from vitreport.analysis.power import ToSettle
from vitreport.analysis.runs import Dataset, State
from vitreport.analysis.summary import Architecture, Effect, Finding, Interaction, Paired, Provenance
from vitreport.formatting import Estimate, json_document
from vitreport.records.reader import Damage
from vitreport.report.blocks import Kind
from vitreport.report.sections import Page
from vitreport.spec.sweep import ValueSpec

GroupId = Annotated[str, BeforeValidator(lambda group: getattr(group, "id", group))]


class Part(BaseModel):
    """A part of the document, read from the attributes of what it shows."""

    model_config = ConfigDict(from_attributes=True, defer_build=True)


class Heading(Part):
    """A section of the page, and its anchor in HTML."""

    title: str
    anchor: str


class Run(Part):
    """One training of one spec with one seed."""

    id: str
    seed: int | None
    state: State
    epoch: int  # the best epoch; without a result the last one
    epochs: int | None  # how many epochs are planned
    accuracies: Mapping[str, float]  # those of the best epoch by split (train, val, test); empty without a result
    note: str  # the error that ended it


class Group(Part):
    """Runs that differ by seed alone: one result. Of each seed only the newest attempt counts."""

    id: str
    architecture: str
    dataset: str  # the `id` of a dataset
    label: str  # how it differs from the group that represents its architecture on its dataset
    state: State
    fields: Mapping[str, Any]  # the values of the spec by their dotted paths, without the seed
    runs: tuple[Run, ...]
    train: Estimate | None
    validation: Estimate | None
    test: Estimate | None
    test_loss: Estimate | None
    balanced_accuracy: float | None  # of the test split: the mean recall of the classes, a mean over seeds
    macro_f1: float | None  # of the test split: the mean F1 of the classes, a mean over seeds; null if not recorded
    unequal_classes: str  # names the largest and the smallest class of the test split if they are unequal
    gap: Estimate | None  # the generalization gap: training accuracy minus test accuracy
    converged: Estimate | None  # the epoch by which the training loss made 95% of its total decrease
    shares_apart: float | None  # how far the class shares of training and test images differ, if recorded
    cost: Cost | None
    curves: tuple[Curve, ...]
    details: Details | None  # only of groups that represent an architecture on a dataset
    command: str  # the command that trains its runs
    is_preset: bool  # whether it is trained as its preset says


class Pair(Part):
    """One architecture on one dataset, and the group that represents it; null if nothing was run."""

    architecture: str
    dataset: str
    group: GroupId | None
    chosen: str  # why this group of several
    command: str


class Level(Part):
    """One value of each axis of an ablation, with its result and its difference from the baseline."""

    values: tuple[ValueSpec, ...]
    state: State
    accuracy: Estimate | None  # the test accuracy
    difference: Estimate | None
    group: GroupId | None
    missing: int  # how many of the planned runs have no result
    paired: Paired | None  # of single runs: the comparison with the baseline on the same test images


class Ablation(Part):
    """What was varied while all else was equal."""

    name: str  # unique in a report
    architecture: str
    dataset: str
    axes: tuple[str, ...]
    levels: tuple[Level, ...]
    baseline: int | None  # an index of `levels`
    source: Literal["sweep", "inferred", "study"]  # inferred: the groups were found to differ in one field only
    ends: Estimate | None  # the last level minus the first
    design: str  # the id of the sweep, or of the part of a study
    command: str  # trains what is missing of a part of a study
    to_settle: ToSettle | None  # where differences from the baseline are not shown
    qualifier: str  # which one it is, where others of its architecture and dataset vary the same
    effects: tuple[Effect, ...]  # of a grid: two fields, with several seeds of every combination
    interactions: tuple[Interaction, ...]


class NamedGroup(Part):
    """A group by the name that it has in a section."""

    name: str
    group: GroupId


class Section(Part):
    """A question, with what was run to answer it and the names of what was not."""

    title: str
    question: str
    text: str  # what the author of a study says, in Markdown
    runs: tuple[NamedGroup, ...]
    not_run: tuple[str, ...]
    ablations: tuple[str, ...]  # the names of ablations


class Figure(Part):
    """A figure in words."""

    name: str
    kind: Kind
    title: str
    alt: str  # what one sees, with numbers
    caption: str


class Document(Part):
    """A report of vitreport.

    Each group is written out once, in `groups`; everything else names it by its id. Accuracies are fractions of
    images, losses are in nats, times are in seconds, and FLOPs are those of one image. `low` and `high` bound a 95%
    confidence interval, null where there is none.
    """

    schema_version: Literal[8] = 8  # changes whenever the keys change
    title: str
    headline: tuple[str, ...]  # the answer, in one sentence for each dataset
    introduction: str  # what the author of a study says, in Markdown
    contents: tuple[Heading, ...]
    runs: int  # how many runs the report is about
    architectures: tuple[Architecture, ...]
    datasets: tuple[Dataset, ...]
    groups: tuple[Group, ...]
    pairs: tuple[Pair, ...]  # the architectures with the best one first, each on every dataset
    ablations: tuple[Ablation, ...]
    sections: tuple[Section, ...]
    conclusion: str  # what the author of a study says, in Markdown
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    figures: tuple[Figure, ...]
    unplaced: tuple[Run, ...]  # runs without a readable spec
    damage: tuple[Damage, ...]
    provenance: Provenance
    mixed_randomness: tuple[str, ...]  # groups whose seeds were drawn by several randomness versions
    bibliography: tuple[str, ...]  # BibTeX entries of what is cited


def render_json(page: Page) -> str:
    """Return everything that the page says; of its figures, the words."""
    sections = [
        {
            "title": section.title,
            "question": section.question,
            "text": section.text,
            "runs": [{"name": name, "group": each} for part in section.comparisons for name, each in part.groups],
            "not_run": [name for part in section.comparisons for name in part.missing],
            "ablations": [ablation.name for ablation in section.ablations],
        }
        for section in page.summary.sections
    ]
    values = {
        **vars(page.summary),
        **{
            name: getattr(page, name)
            for name in ("title", "headline", "findings", "verdicts", "figures", "bibliography")
        },
        "contents": page.sections,
        "sections": sections,
        "mixed_randomness": mixed_randomness(page.summary.groups),
    }
    return json_document(Document.model_validate(values).model_dump()) + "\n"
