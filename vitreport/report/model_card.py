"""A Hugging Face model card of one group: metadata that the Hub reads, and what to know before using the weights."""

from vitreport.analysis import protocol
from vitreport.errors import SpecError
from vitreport.formatting import percent
from vitreport.report import tables
from vitreport.report.blocks import Code, table
from vitreport.report.markdown import render_template, template_values
from vitreport.report.page import Page
from vitreport.report.tables import number

SPLITS = ("val", "test")


def render_model_card(page: Page, title: str | None = None) -> str:
    """Return the model card of a page. Raises SpecError unless it is about one group with a test accuracy."""
    summary = page.summary
    if len(summary.groups) != 1:
        found = f"{len(summary.groups)} groups of runs"
        raise SpecError(f"a model card is about one group, here are {found}", "name a run, or an id without its seed")
    (group,), (architecture,) = summary.groups, summary.architectures
    if group.test is None:
        raise SpecError(f"{group.id} has no test accuracy yet", "a model card is about a finished run")
    dataset = next(each for each in summary.datasets if each.id == group.dataset)
    runs = [
        (Code(run.id), str(run.seed), str(run.epoch), *(number(run.accuracies.get(each), percent) for each in SPLITS))
        for run in group.runs
        if run.state == "done"
    ]
    return render_template(
        "model_card.md.j2",
        **template_values(page),
        model_fields=tables.shared_fields(architecture.model_fields),
        training_fields=tables.shared_fields(architecture.training_fields),
        group=group,
        outcome=tables.outcome(group),
        dataset=dataset,
        architecture=architecture,
        title=title or f"{architecture.title} on {dataset.title}",
        splits=tables.results(architecture),
        runs=table("The weights of each seed", ("run", "seed", "best epoch", "validation", "test"), runs),
        placeholder=protocol.placeholder_of(summary),
        limits=list(protocol.limits(summary)),
    )
