"""From the records in a folder to a document in one of the formats."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vitreport.errors import SpecError
from vitreport.report.formats import render_csv, render_json, render_latex
from vitreport.report.page import TITLE, make_page
from vitreport.report.render import render_markdown
from vitreport.report.selection import select
from vitreport.report.summarize import summarize
from vitreport.report.summary import Damage, Summary
from vitreport.store.folders import strays


def read_records(names: Sequence[str], runs_dir: Path) -> Summary:
    """The summary of the runs that are named, or of all, with what lies beside them and cannot be read."""
    beside = [] if names else [Damage(name, why) for name, why in strays(runs_dir)]
    return summarize(select(names, runs_dir), damage=beside)


def make_document(
    summary: Summary, format_: Literal["markdown", "json", "csv", "latex"], *, title: str | None, template: Path | None
) -> str:
    """Raises SpecError for a template that fails or that the format has no use for."""
    page = make_page(summary, title=title or TITLE)
    if template and format_ != "markdown":
        raise SpecError(f"--template is for markdown, not for {format_}")
    match format_:
        case "json":
            return render_json(page)
        case "csv":
            return render_csv(page)
        case "latex":
            return render_latex(page)
    return render_markdown(page, template=template)
