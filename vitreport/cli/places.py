"""Where a report goes, checked before any record is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vitreport.cli.assets import assets_folder, drift_lines, linked_folder, refuse_unwritable, with_figures
from vitreport.cli.console import print_document
from vitreport.cli.options import ReportFormat
from vitreport.errors import SpecError
from vitreport.files import output_file
from vitreport.report.figures.illustrations import Figure
from vitreport.report.formats import placing
from vitreport.report.formats.sandbox import check_template

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
    """One of three files, or stdout where there is none; `is_part` for a part of a file, between its marks."""

    output: Path | None = None
    inject: Path | None = None
    check: Path | None = None
    is_part: bool = False

    @property
    def file(self) -> Path | None:
        return self.output or self.inject or self.check


def checked_places(output: Path | None, inject: Path | None, check: Path | None) -> Places:
    """Return the places, links followed. Raises SpecError or ResourceError for one that cannot be used."""
    if sum(place is not None for place in (output, inject, check)) > 1:
        raise SpecError("--output, --inject and --check exclude each other", "give one of them")
    is_part = bool(inject or (check and placing.has_marks(check)))
    if is_part and (file := inject or check):
        placing.check_marks(file)
    return Places(output and output_file(output), inject and output_file(inject), check, is_part)


def checked_format(places: Places, given: ReportFormat | None, template: Path | None) -> ReportFormat:
    """Return the format. Raises SpecError for one that the file or the template does not go with."""
    form = format_of(given, places.file, own=template is not None)
    if template is not None:
        if form != "markdown":
            raise SpecError(f"--template is for markdown, not for {form}", "leave one of them out")
        check_template(template)
    return form


def checked_assets(places: Places, form: ReportFormat, given: Path | None, *, left_out: bool) -> Path | None:
    """Return the folder of the figures, None without any. Raises SpecError or ResourceError for one of no use."""
    folder = assets_folder(form, places.file, given, left_out=left_out)
    if folder and not places.check:
        refuse_unwritable(folder)
    return folder


def folder_of(places: Places, figures: Sequence[Figure], usual: Path | None, *, given: Path | None) -> Path | None:
    """Return the folder of the figures; of a document that is checked the one that it shows its figures from."""
    if places.check and usual and not given:
        return linked_folder(figures, places.check, placing.read_text(places.check)) or usual
    return usual


def drift(check: Path, document: str, figures: Sequence[Figure], folder: Path | None, cache_dir: Path) -> str:
    """Return what differs in a file and its figures; "" where nothing does."""
    changes = placing.drift(check, document)
    return changes + (drift_lines(figures, folder, check, cache_dir) if folder else "")


def write(places: Places, document: str, figures: Sequence[Figure], folder: Path | None, cache_dir: Path) -> None:
    """Write the figures, then the document to its file, or print it."""
    with with_figures(figures, folder, places.file, cache_dir):
        if places.inject:
            placing.inject(places.inject, document)
        elif places.output:
            placing.write_document(places.output, document)
    if not places.file:  # when the figures are free again: who reads stdout may take their time
        print_document(document)


def format_of(given: ReportFormat | None, place: Path | None, *, own: bool) -> ReportFormat:
    """The one given, else that of the ending of a file; a template of the user's `own` makes what it likes.

    Raises SpecError for a format that is not that of the ending, and for an ending that no format has.
    """
    told = ENDINGS.get(place.suffix.lower()) if place and not own else None
    if place and not (own or given or told):
        raise SpecError(
            f"no format has the ending of {place}", f"one of {', '.join(filter(None, ENDINGS))}; or --format"
        )
    if given and told and given != told and (given, told) != ("model-card", "markdown"):
        raise SpecError(f"--format {given} does not go with {place}, whose ending says {told}", "leave out --format")
    return given or told or "markdown"
