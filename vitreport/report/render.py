"""Render a report in any of its formats; a model card has the metadata that the Hugging Face Hub reads."""

from typing import get_args

from vitreport.analysis import protocol
from vitreport.analysis.references import where_of
from vitreport.analysis.selection import Analysis
from vitreport.analysis.summary import Summary
from vitreport.errors import SpecError
from vitreport.formatting import listed, percent
from vitreport.report import tables
from vitreport.report.blocks import Code, Format, table
from vitreport.report.csv_format import render_csv
from vitreport.report.html import render_html
from vitreport.report.inject import as_part, without_marks
from vitreport.report.json_format import render_json
from vitreport.report.latex import render_latex
from vitreport.report.markdown import UserTemplate, render_markdown, render_template, template_values
from vitreport.report.sections import TITLE, Page, make_page
from vitreport.suggestions import one_of

RENDERERS = {"html": render_html, "json": render_json, "csv": render_csv, "latex": render_latex}


def render(
    analysis: Summary | Analysis | Page,
    format: Format = "markdown",  # noqa: A002
    *,
    title: str | None = None,
    template: UserTemplate | None = None,
    assets: str | None = None,
    is_part: bool = False,
) -> str:
    """Return a report in one of the formats of `vitreport report`.

    Args:
        analysis: The result of `analyze` or `analyze_study`, or a page made from it.
        format: The format. "model-card" needs the runs of one group.
        title: The title (default: that of the study, or a general one).
        template: For Markdown, your own template, read with `vitreport.report.markdown.read_template`.
        assets: For Markdown, the directory of the figures as links name it, with a final slash (default: no figures).
        is_part: For Markdown, put headings one level lower.

    Raises:
        SpecError: If the format is unknown, the template fails, or there is no model card for these runs.

    Example:
        >>> Path("report.html").write_text(vitreport.render(vitreport.analyze(runs), "html"), encoding="utf-8")
    """
    if format not in get_args(Format):
        raise SpecError(f"unknown format {format!r}", one_of(get_args(Format)))
    if not isinstance(analysis, Page):
        known = analysis if isinstance(analysis, Analysis) else Analysis(analysis)
        analysis = make_page(known.summary, known.claims, title or known.title or TITLE)
    if format == "model-card":
        return render_model_card(analysis, title)
    if format != "markdown":
        return RENDERERS[format](analysis)
    text = render_markdown(analysis, template, assets=assets)
    return without_marks(as_part(text) if is_part else text)


def render_model_card(page: Page, title: str | None = None, repo_id: str = "") -> str:
    """Return the model card of a page, with the command that downloads its runs from a repository on the Hub.

    Raises SpecError unless it is about one group with a test accuracy.
    """
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
        repo_id=repo_id,
        limits=list(protocol.limits(summary)),
    )
