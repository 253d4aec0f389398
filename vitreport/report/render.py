"""Render a report in any of its formats; a model card has the metadata that the Hugging Face Hub reads."""

from vitreport.analysis import protocol
from vitreport.analysis.references import where_of
from vitreport.errors import SpecError
from vitreport.formatting import listed, percent
from vitreport.report import tables
from vitreport.report.blocks import Code, Format, table
from vitreport.report.csv_format import render_csv
from vitreport.report.html import render_html
from vitreport.report.inject import as_part, without_marks
from vitreport.report.json_format import render_json
from vitreport.report.latex import render_latex
from vitreport.report.markdown import Template, render_markdown, render_template, template_values
from vitreport.report.sections import Page

RENDERERS = {"html": render_html, "json": render_json, "csv": render_csv, "latex": render_latex}


def render(
    page: Page,
    format: Format = "markdown",  # noqa: A002
    *,
    title: str | None = None,
    template: Template | None = None,
    assets: str | None = None,
    is_part: bool = False,
) -> str:
    """Return a page as a document.

    For a model card, `title` is its heading. For Markdown are `template`, that of a user; `assets`, the folder of the
    figures as links name it (None leaves them out); and `is_part`, which puts headings one level lower. Raises
    SpecError if the template fails, or if there is no model card of these runs.
    """
    if format == "model-card":
        return render_model_card(page, title)
    if format != "markdown":
        return RENDERERS[format](page)
    text = render_markdown(page, template, assets=assets)
    return without_marks(as_part(text) if is_part else text)


def render_model_card(page: Page, title: str | None = None) -> str:
    """Return the model card of a page. Raises SpecError unless it is about one group with a test accuracy."""
    summary = page.summary
    if len(summary.groups) != 1 or summary.groups[0].test is None:
        names = listed([group.id for group in summary.groups]) or "no run"
        hint = "give the id of one finished run or group"
        raise SpecError(f"a model card describes one group with a test accuracy, not {names}", hint)
    (group,), (architecture,) = summary.groups, summary.architectures
    dataset = next(each for each in summary.datasets if each.id == group.dataset)
    done = [run for run in group.runs if run.state == "done"]
    shares = [[tables.number(run.accuracies.get(each), percent) for each in ("val", "test")] for run in done]
    runs = [(Code(run.id), str(run.seed), str(run.epoch), *each) for run, each in zip(done, shares, strict=True)]
    return render_template(
        "model_card.md.j2",
        **template_values(page),
        model_fields=tables.settings(group, of_model=True),
        training_fields=tables.settings(group, of_model=False),
        group=group,
        outcome=tables.outcome(group),
        dataset=dataset,
        architecture=architecture,
        title=title or f"{architecture.title} on {dataset.title}",
        splits=tables.splits([(group.label or where_of(group), group)]),
        runs=table("The weights of each seed", ("run", "seed", "best epoch", "validation", "test"), runs),
        placeholder=protocol.placeholder_of(summary),
        limits=list(protocol.limits(summary)),
    )
