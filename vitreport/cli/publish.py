"""Decide where a report goes, before any record is read, and put it there."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from vitreport.cli.console import print_document
from vitreport.errors import SpecError
from vitreport.files import output_path
from vitreport.report import inject as injection
from vitreport.report.blocks import Figure, Format
from vitreport.report.figures.assets import Assets, default_folder, refuse_unwritable

EXTENSIONS: dict[str, Format] = {
    **dict.fromkeys(("", ".md", ".markdown", ".txt"), "markdown"),
    ".html": "html",
    ".json": "json",
    ".csv": "csv",
    ".tex": "latex",
}


def refuse_several(options: Mapping[str, Any]) -> None:
    """Raise SpecError if several of these options are given."""
    names = [name for name, value in options.items() if value]
    if len(names) > 1:
        raise SpecError(f"{' and '.join(names)} exclude each other", "give one of them")


def checked_file(output: Path | None, inject: Path | None, check: Path | None) -> tuple[Path | None, bool]:
    """Return the file that a report goes to, with links resolved, and whether the report is a part of it.

    Raises SpecError or ResourceError for a file that cannot be used.
    """
    is_part = bool(inject or (check and injection.has_marks(check)))
    file = inject or output or check
    if file and is_part:
        injection.with_part(file, "")
    return output_path(file) if file and not check else file, is_part


def chosen_format(file: Path | None, given: Format | None, markdown_only: Mapping[str, Any]) -> Format:
    """Return the given format, else that of the file extension, which does not count with a template.

    Raises SpecError for a format that does not fit the extension or an option that only Markdown has.
    """
    has_template = bool(markdown_only["--template"])
    by_file = EXTENSIONS.get(file.suffix.lower()) if file and not has_template else None
    if file and not (given or by_file or has_template):
        hint = f"use one of {', '.join(filter(None, EXTENSIONS))}, or choose the format with --format"
        raise SpecError(f"unknown file extension: {file}", hint)
    if given and by_file and given != by_file and (given, by_file) != ("model-card", "markdown"):
        raise SpecError(f"--format {given} does not match the extension of {file} ({by_file})", "leave out --format")
    form = given or by_file or "markdown"
    if form != "markdown" and (surplus := next((name for name, value in markdown_only.items() if value), None)):
        raise SpecError(f"{surplus} is for markdown, not for {form}", "leave one of them out")
    return form


def figures_folder(file: Path | None, given: Path | None, *, is_checked: bool) -> Path:
    """Return the folder of the figures of a document. Raises SpecError or ResourceError if it cannot be written."""
    folder = given or default_folder(file)
    if not is_checked:
        refuse_unwritable(folder)
    return folder


def differs(check: Path, document: str, figures: Sequence[Figure], assets: Assets | None) -> bool:
    """Print what differs between a file with its figures and a report; return whether anything does."""
    drift = injection.drift(check, document) + (assets.drift(figures) if assets else "")
    print_document(drift)
    return bool(drift)


def publish(
    file: Path | None, document: str, figures: Sequence[Figure], assets: Assets | None, *, is_part: bool
) -> None:
    """Write the figures, then the document to its file, or print it."""
    with assets.published(figures) if assets else nullcontext():
        if file:
            (injection.inject if is_part else injection.write_document)(file, document)
    if not file:  # after the figures are unlocked: the reader of stdout may be slow
        print_document(document)
