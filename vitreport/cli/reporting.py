"""From the records in a folder to a document in one of the formats."""

from collections.abc import Sequence
from pathlib import Path

from vitreport.cli.options import ReportFormat
from vitreport.errors import SpecError
from vitreport.report.formats import render_csv, render_json, render_latex
from vitreport.report.html import render_html
from vitreport.report.model_card import render_model_card
from vitreport.report.page import Page
from vitreport.report.render import render_markdown
from vitreport.report.sandbox import render_own
from vitreport.report.selection import design_of, select
from vitreport.report.summarize import Outline, summarize
from vitreport.report.summary import Damage, Summary
from vitreport.store.folders import strays
from vitreport.sweep.record import FOLDER, read_sweeps


def read_records(names: Sequence[str], runs_dir: Path) -> Summary:
    """The summary of the runs that are named, or of all, with what lies beside them and cannot be read."""
    unread: list[str] = []
    designs = tuple(map(design_of, read_sweeps(runs_dir, unread)))
    beside = [] if names else [Damage(name, why) for name, why in strays(runs_dir)]
    damage = [
        *beside,
        *(Damage(f"{FOLDER}/{place}", why) for place, _, why in (line.partition(": ") for line in unread)),
    ]
    return summarize(select(names, runs_dir, designs), Outline(designs=designs), damage)


def make_document(
    page: Page,
    format_: ReportFormat,
    *,
    title: str | None,
    template: Path | None,
    assets: str | None,
    cache_dir: Path,
) -> str:
    """`assets` is the place of a Markdown page's figures from where it lies; None leaves them out.

    Raises SpecError for a template that fails, and for a format that has none.
    """
    if template is not None and format_ != "markdown":
        raise SpecError(f"--template is for markdown, not for {format_}")
    match format_:
        case "html":
            return render_html(page, cache_dir)
        case "json":
            return render_json(page)
        case "csv":
            return render_csv(page)
        case "latex":
            return render_latex(page)
        case "model-card":
            return render_model_card(page, title)
    return render_own(page, template, assets=assets) if template else render_markdown(page, assets=assets)
