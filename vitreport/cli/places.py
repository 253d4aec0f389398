"""Check where a report goes before any record is read."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from vitreport.cli.console import print_document
from vitreport.errors import SpecError
from vitreport.files import output_path
from vitreport.report import inject as placing
from vitreport.report.blocks import Figure, Format
from vitreport.report.figures.assets import Assets, default_folder, linked_folder, refuse_unwritable

ENDINGS: dict[str, Format] = {
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


def checked_format(places: Places, given: Format | None, *, own: bool) -> Format:
    """Return the given format, else that of the file extension, which is ignored with a template of the user's `own`.

    Raises SpecError for a format that fits neither the extension nor the template, and for an unknown extension.
    """
    file = places.file
    told = ENDINGS.get(file.suffix.lower()) if file and not own else None
    if file and not (own or given or told):
        raise SpecError(
            f"unknown file extension: {file}",
            f"use one of {', '.join(filter(None, ENDINGS))}, or choose the format with --format",
        )
    if given and told and given != told and (given, told) != ("model-card", "markdown"):
        raise SpecError(f"--format {given} does not match the extension of {file} ({told})", "leave out --format")
    form = given or told or "markdown"
    if own and form != "markdown":
        raise SpecError(f"--template is for markdown, not for {form}", "leave one of them out")
    return form


def checked_assets(places: Places, form: Format, given: Path | None, *, left_out: bool) -> Path | None:
    """Return the folder of the figures, if any. Raises SpecError or ResourceError if it cannot be used."""
    if given and left_out:
        raise SpecError("--assets and --no-assets exclude each other", "give one of them")
    if form != "markdown":
        if given or left_out:
            option = "--assets" if given else "--no-assets"
            raise SpecError(f"{option} is for markdown, not for {form}", "leave it out")
        return None
    folder = None if left_out else given or default_folder(places.file)
    if folder and not places.check:
        refuse_unwritable(folder)
    return folder


def assets_of(places: Places, figures: Sequence[Figure], usual: Path | None, *, given: Path | None) -> Assets | None:
    """Return where the figures are; for a document that is checked, in the folder that it links to."""
    if usual is None:
        return None
    if places.check and not given:
        usual = linked_folder(figures, places.check, placing.read_text(places.check)) or usual
    return Assets(usual, places.file)


def drift(check: Path, document: str, figures: Sequence[Figure], assets: Assets | None) -> str:
    """Return what differs in a file and its figures; "" if nothing does."""
    return placing.drift(check, document) + (assets.drift(figures) if assets else "")


def write(places: Places, document: str, figures: Sequence[Figure], assets: Assets | None) -> None:
    """Write the figures, then the document to its file, or print it."""
    with assets.published(figures) if assets else nullcontext():
        if places.inject:
            placing.inject(places.inject, document)
        elif places.output:
            placing.write_document(places.output, document)
    if not places.file:  # after the figures are unlocked: the reader of stdout may be slow
        print_document(document)
