"""A Hugging Face model card of one group: metadata that the Hub reads, and what to know before using the weights."""

from collections.abc import Iterator

from vitreport.analysis.datasets import Dataset
from vitreport.analysis.groups import Group
from vitreport.analysis.protocol import placeholder_of
from vitreport.analysis.summary import Summary
from vitreport.errors import SpecError
from vitreport.formatting import percent
from vitreport.report import tables
from vitreport.report.blocks import NOTHING, Code, Table, table
from vitreport.report.markdown import render_template
from vitreport.report.page import Page

TEMPLATE = "model_card.md.j2"


def render_model_card(page: Page, title: str | None = None) -> str:
    """Raises SpecError where the page is not about one group with a test accuracy."""
    if len(page.summary.groups) != 1:
        found = f"{len(page.summary.groups)} groups of runs"
        raise SpecError(f"a model card is about one group, here are {found}", "name a run, or an id without its seed")
    (group,) = page.summary.groups
    if group.test is None:
        raise SpecError(f"{group.id} has no test accuracy yet", "a model card is about a finished run")
    (architecture,) = page.summary.architectures
    dataset = next(each for each in page.summary.datasets if each.id == group.dataset)
    estimates = {"train": group.train, "validation": group.validation, "test": group.test}
    rows = [(name, estimate.in_percent()) for name, estimate in estimates.items() if estimate]
    return render_template(
        TEMPLATE,
        page=page,
        summary=page.summary,
        data=tables.data([dataset]),
        model_fields=tables.shared_fields(architecture.model_fields),
        training_fields=tables.shared_fields(architecture.training_fields),
        provenance=tables.provenance(page.summary),
        group=group,
        dataset=dataset,
        architecture=architecture,
        title=title or f"{architecture.title} on {dataset.title}",
        splits=table("Accuracies", ("split", "accuracy"), rows),
        runs=_runs(group),
        placeholder=placeholder_of(page.summary),
        limits=list(_limits(group, dataset, page.summary)),
    )


def _runs(group: Group) -> Table:
    """One row for the weights of each seed."""
    rows = [
        (Code(run.id), str(run.seed), str(run.epoch), *(_share(run.accuracies.get(split)) for split in ("val", "test")))
        for run in group.runs
        if run.state == "done"
    ]
    return table("The weights of each seed", ("run", "seed", "selected epoch", "validation", "test"), rows)


def _share(accuracy: float | None) -> str:
    return NOTHING if accuracy is None else percent(accuracy)


def _limits(group: Group, dataset: Dataset, summary: Summary) -> Iterator[str]:
    yield f"It knows {len(dataset.classes)} classes, in images like those of {dataset.title}; no others were tried."
    if len(group.seeds) == 1:
        yield "It is a single run: the interval is that of its test images, and other seeds may tell otherwise."
    else:
        yield "The interval is that of the mean over seeds; a single one of the trained networks varies more."
    if dataset.is_altered:
        yield f"The images are not the canonical bytes of {dataset.title}: published accuracies do not compare."
    if group.fields["data.limit"]:
        yield f"It was trained on {group.fields['data.limit']:,} of the training images."
    if group.fields["train.monitor_test"]:
        yield "The test accuracy was watched during training; no epoch was chosen by it."
    if unfinished := sum(run.state != "done" for run in group.runs):
        yield f"Runs without a result, which are no part of it: {unfinished} of {len(group.runs)}."
    if summary.provenance.resumed_elsewhere:
        yield "A run was resumed with other versions, threads or another device than it had begun with."
    if summary.provenance.unknown_commits:
        yield f"Of {summary.provenance.unknown_commits} of the runs the commit of the source code is not known."
