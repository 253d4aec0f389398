"""Render a report in any of its formats."""

from typing import assert_never

from vitreport.report.blocks import Format
from vitreport.report.data_formats import render_csv, render_json
from vitreport.report.html import render_html
from vitreport.report.inject import as_part, without_marks
from vitreport.report.latex import render_latex
from vitreport.report.markdown import Template, render_markdown
from vitreport.report.model_card import render_model_card
from vitreport.report.page import Page


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

    A `title` is for a model card; by default it names the architecture and the dataset. `template` is that of a user,
    for Markdown. `assets` is the folder of figures as a Markdown document links to it; None leaves them out. `is_part`
    puts headings one level lower, for a part of another document.

    Raises:
        SpecError: The template fails, or there is no model card of these runs.
    """
    match format:
        case "markdown":
            text = render_markdown(page, template, assets=assets)
            return without_marks(as_part(text) if is_part else text)
        case "html":
            return render_html(page)
        case "json":
            return render_json(page)
        case "csv":
            return render_csv(page)
        case "latex":
            return render_latex(page)
        case "model-card":
            return render_model_card(page, title)
        case _:
            assert_never(format)
