"""Check where a report goes before any record is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vitreport.cli.assets import assets_folder, drift_lines, linked_folder, refuse_unwritable, with_figures
from vitreport.cli.console import print_document
from vitreport.cli.options import ReportFormat
from vitreport.errors import SpecError
from vitreport.files import output_path
from vitreport.report import inject as placing
from vitreport.report.figures.illustrations import Figure

ENDINGS: dict[str, ReportFormat] = {
    "": "markdown",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "markdown",
    ".html": "html",
    ".json": "json",
    ".csv": "csv",
    ".tex": "latex",
}


@dataclass(frozen=True)
class Places:
    """The file that a report goes to, or stdout if there is none; `is_part` for the part between its marks."""

    output: Path | None = None
    inject: Path | None = None
    check: Path | None = None
    is_part: bool = False

    @property
    def file(self) -> Path | None:
        return self.output or self.inject or self.check


def checked_places(output: Path | None, inject: Path | None, check: Path | None) -> Places:
    """Return the places with links resolved. Raises SpecError or ResourceError for one that cannot be used."""
    if sum(place is not None for place in (output, inject, check)) > 1:
        raise SpecError("--output, --inject and --check exclude each other", "give one of them")
    is_part = bool(inject or (check and placing.has_marks(check)))
    if is_part and (file := inject or check):
        placing.check_marks(file)
    return Places(output and output_path(output), inject and output_path(inject), check, is_part)


def checked_format(places: Places, given: ReportFormat | None, *, own: bool) -> ReportFormat:
    """Return the format. Raises SpecError if it does not fit the file or the template."""
    form = format_of(given, places.file, own=own)
    if own and form != "markdown":
        raise SpecError(f"--template is for markdown, not for {form}", "leave one of them out")
    return form


def checked_assets(places: Places, form: ReportFormat, given: Path | None, *, left_out: bool) -> Path | None:
    """Return the folder of the figures, if any. Raises SpecError or ResourceError if it cannot be used."""
    folder = assets_folder(form, places.file, given, left_out=left_out)
    if folder and not places.check:
        refuse_unwritable(folder)
    return folder


def folder_of(places: Places, figures: Sequence[Figure], usual: Path | None, *, given: Path | None) -> Path | None:
    """Return the folder of the figures; for a document that is checked, the folder that it links to."""
    if places.check and usual and not given:
        return linked_folder(figures, places.check, placing.read_text(places.check)) or usual
    return usual


def drift(check: Path, document: str, figures: Sequence[Figure], folder: Path | None, cache_dir: Path) -> str:
    """Return what differs in a file and its figures; "" if nothing does."""
    changes = placing.drift(check, document)
    return changes + (drift_lines(figures, folder, check, cache_dir) if folder else "")


def write(places: Places, document: str, figures: Sequence[Figure], folder: Path | None, cache_dir: Path) -> None:
    """Write the figures, then the document to its file, or print it."""
    with with_figures(figures, folder, places.file, cache_dir):
        if places.inject:
            placing.inject(places.inject, document)
        elif places.output:
            placing.write_document(places.output, document)
    if not places.file:  # after the figures are unlocked: the reader of stdout may be slow
        print_document(document)


def format_of(given: ReportFormat | None, place: Path | None, *, own: bool) -> ReportFormat:
    """Return the given format, else that of the file extension, which is ignored with a template of the user's `own`.

    Raises SpecError for a format that does not match the extension, and for an unknown extension.
    """
    told = ENDINGS.get(place.suffix.lower()) if place and not own else None
    if place and not (own or given or told):
        raise SpecError(
            f"unknown file extension: {place}",
            f"use one of {', '.join(filter(None, ENDINGS))}, or choose the format with --format",
        )
    if given and told and given != told and (given, told) != ("model-card", "markdown"):
        raise SpecError(f"--format {given} does not match the extension of {place} ({told})", "leave out --format")
    return given or told or "markdown"
