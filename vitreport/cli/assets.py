"""The figures beside a Markdown report: where they lie, how the document names that place, whether they are right."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote, unquote_to_bytes

from vitreport.cli.options import ReportFormat
from vitreport.errors import ResourceError, SpecError
from vitreport.files import output_path
from vitreport.formatting import counted
from vitreport.report.figures.beside import STDOUT, file_names, leftover, published, stale
from vitreport.report.figures.illustrations import Figure

LINK = re.compile(r'(?:src|srcset)="([^"<>]*)/([^"/<>]+)"')


def assets_folder(format_: ReportFormat, document: Path | None, given: Path | None, *, left_out: bool) -> Path | None:
    """The one given, else one of the document's own beside it, or here for stdout; None where there are no figures.

    Raises SpecError for a format that has no figures beside it.
    """
    if given and left_out:
        raise SpecError("--assets and --no-assets exclude each other", "give one of them")
    if format_ != "markdown":
        if given or left_out:
            raise SpecError(
                f"{'--assets' if given else '--no-assets'} is for markdown, not for {format_}", "leave it out"
            )
        return None
    return None if left_out else given or _beside(document)


def refuse_unwritable(folder: Path) -> None:
    """Check that figures can be written to a folder, before any is drawn. Raises SpecError or ResourceError."""
    hint = "choose another folder with --assets DIR, or leave the figures out with --no-assets"
    try:
        output_path(folder, is_folder=True)
    except ResourceError as error:
        raise ResourceError(error.message, hint) from error
    except SpecError as error:
        raise SpecError(f"cannot write figures to {folder}: {error.message}", hint) from error


def linked_folder(figures: Sequence[Figure], document: Path, text: str) -> Path | None:
    """The folder that a document shows its figures from; None where it shows none of these.

    A document from stdout links report-assets, whatever the file is called that it was written to.
    """
    names = {name for figure in figures for name in file_names(figure)}
    found = (os.fsdecode(unquote_to_bytes(folder)) for folder, name in LINK.findall(text) if unquote(name) in names)
    return next((document.parent / folder for folder in found), None)


def _beside(document: Path | None) -> Path:
    """report-assets of report.md and of stdout; of report.txt report.txt.assets: no two documents share one."""
    if document is None:
        return Path("report-assets")
    is_markdown = document.suffix == ".md"
    return document.with_name(f"{document.stem}-assets" if is_markdown else f"{document.name}.assets")


def link_to(folder: Path | None, document: Path | None) -> str | None:
    """The place of the figures as a document says it, relative to its own, or to here on stdout."""
    if folder is None:
        return None
    start = document.parent if document else Path()
    return quote(os.fsencode(f"{Path(os.path.relpath(folder, start)).as_posix()}/"))  # a name may be no text


def shown(figures: Sequence[Figure], document: str) -> list[Figure]:
    """Those that a document refers to: a template may show few of them."""
    return [each for each in figures if any(f"/{each.name}{end}" in document for end in ("-light.svg", ".png"))]


def drift_lines(figures: Sequence[Figure], folder: Path, document: Path | None, cache_dir: Path) -> str:
    """A line for each file of a figure that does not show what the records give, or that is no longer shown."""
    wrong = [folder / name for figure in figures for name in stale(figure, folder, cache_dir)]
    lines = [f"{path} does not show what the records give\n" for path in wrong]
    lines += [
        f"{path} is no longer a figure of the report\n" for path in leftover(figures, folder, _key(folder, document))
    ]
    return "".join(lines)


@contextmanager
def with_figures(
    figures: Sequence[Figure], folder: Path | None, document: Path | None, cache_dir: Path
) -> Iterator[None]:
    """Write the figures, then what the block writes; see `published`. Without a folder there are none."""
    if folder is None:
        yield
        return
    with published(figures, folder, _key(folder, document), cache_dir):
        yield


def figures_line(figures: Sequence[Figure], folder: Path | None) -> str:
    """Where the figures are; empty where there are none."""
    return f"{counted(len(figures), 'figure')} in {folder}/" if folder and figures else ""


def _key(folder: Path, document: Path | None) -> str:
    """A document as its figures' folder knows it."""
    return Path(os.path.relpath(document, folder)).as_posix() if document else STDOUT
