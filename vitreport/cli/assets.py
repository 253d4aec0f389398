"""The figures beside a Markdown report: where they lie, how the document names that place, whether they are right."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from vitreport.cli.options import ReportFormat
from vitreport.errors import SpecError
from vitreport.report.figures.cache import stale, write_files
from vitreport.report.figures.illustrations import Figure

FOLDER = "{}-assets"
OF_STDOUT = "report"


def assets_folder(format_: ReportFormat, document: Path | None, given: Path | None, *, left_out: bool) -> Path | None:
    """The one given, else one of the document's own beside it, or here for stdout; None where there are no figures.

    Raises SpecError for a format that has no figures beside it.
    """
    if given and left_out:
        raise SpecError("--assets and --no-assets exclude each other", "give one of them")
    if format_ != "markdown":
        if given or left_out:
            raise SpecError(f"{'--assets' if given else '--no-assets'} is for markdown, not for {format_}")
        return None
    beside = document.with_name(FOLDER.format(document.stem)) if document else Path(FOLDER.format(OF_STDOUT))
    return None if left_out else given or beside


def link_to(folder: Path | None, document: Path | None) -> str | None:
    """The place of the figures as a document says it, relative to its own, or to here on stdout."""
    if folder is None:
        return None
    start = document.parent if document else Path()
    return quote(f"{Path(os.path.relpath(folder, start)).as_posix()}/")


def shown(figures: Sequence[Figure], document: str) -> list[Figure]:
    """Those that a document refers to: a template may show few of them."""
    return [each for each in figures if any(f"/{each.name}{end}" in document for end in ("-light.svg", ".png"))]


def stale_lines(figures: Sequence[Figure], folder: Path) -> str:
    """A line for each file of a figure that does not show what the records give."""
    paths = [path for figure in figures for path in stale(figure, folder)]
    return "".join(f"{path} does not show what the records give\n" for path in paths)


def write_assets(figures: Sequence[Figure], folder: Path, cache_dir: Path) -> str:
    """Write what is not there yet; a line that says where the figures are, empty where there are none."""
    if not figures:
        return ""
    write_files(figures, folder, cache_dir)
    return f"{len(figures)} figure{'s' * (len(figures) > 1)} in {folder}/"
