"""Decide where a report goes, before any record is read, and put it there."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitreport.cli.console import print_document
from vitreport.errors import SpecError
from vitreport.files import output_path
from vitreport.report import inject as injection
from vitreport.report.blocks import Figure, Format
from vitreport.report.figures.assets import Assets, default_folder, linked_folder, refuse_unwritable
from vitreport.report.markdown import Template

EXTENSIONS: dict[str, Format] = {
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
class Target:
    """Where a report goes, and how: without a file to stdout.

    Attributes:
        output: The file to write.
        inject: The file in which the part between the marks is replaced.
        check: The file to compare with.
        form: The format.
        folder: The folder of the figures; None leaves them out.
        template: The user's own template.
        is_part: Whether the report is the part between the marks.
    """

    output: Path | None
    inject: Path | None
    check: Path | None
    form: Format
    folder: Path | None
    template: Template | None
    is_part: bool

    def assets(self, figures: Sequence[Figure], *, given: Path | None) -> Assets | None:
        """Return where the figures are; for a document that is checked, in the folder that it links to."""
        folder = self.folder
        if folder and self.check and not given:
            folder = linked_folder(figures, self.check, injection.read_text(self.check)) or folder
        return Assets(folder, self.output or self.inject or self.check) if folder else None

    def publish(self, document: str, figures: Sequence[Figure], assets: Assets | None) -> bool:
        """Write the figures, then the document. With `check`, print what differs and return whether anything does."""
        if self.check:
            drift = injection.drift(self.check, document) + (assets.drift(figures) if assets else "")
            print_document(drift)
            return bool(drift)
        with assets.published(figures) if assets else nullcontext():
            if self.inject:
                injection.inject(self.inject, document)
            elif self.output:
                injection.write_document(self.output, document)
        if not self.inject and not self.output:  # after the figures are unlocked: the reader of stdout may be slow
            print_document(document)
        return False


def checked_target(
    places: Mapping[str, Path | None],
    given: Format | None,
    assets: Path | None,
    markdown_only: Mapping[str, Any],
) -> Target:
    """Return where a report goes.

    Args:
        places: The values of --output, --inject and --check.
        given: The value of --format.
        assets: The value of --assets.
        markdown_only: The values of the options that only Markdown has.

    Raises:
        SpecError: Options do not go together, or a file cannot be used.
        ResourceError: A place cannot be written.
    """
    refuse_several(places)
    refuse_several({name: markdown_only[name] for name in ("--assets", "--no-assets")})
    output, inject, check = places.values()
    is_part = bool(inject or (check and injection.has_marks(check)))
    if is_part and (marked := inject or check):
        injection.check_marks(marked)
    output, inject = output and output_path(output), inject and output_path(inject)
    file = output or inject or check
    by_file = EXTENSIONS.get(file.suffix.lower()) if file and not markdown_only["--template"] else None
    if file and not (given or by_file or markdown_only["--template"]):
        hint = f"use one of {', '.join(filter(None, EXTENSIONS))}, or choose the format with --format"
        raise SpecError(f"unknown file extension: {file}", hint)
    if given and by_file and given != by_file and (given, by_file) != ("model-card", "markdown"):
        raise SpecError(f"--format {given} does not match the extension of {file} ({by_file})", "leave out --format")
    form = given or by_file or "markdown"
    if form != "markdown" and (surplus := next((name for name, value in markdown_only.items() if value), None)):
        raise SpecError(f"{surplus} is for markdown, not for {form}", "leave one of them out")
    own = Template.read(markdown_only["--template"]) if markdown_only["--template"] else None
    folder = None if form != "markdown" or markdown_only["--no-assets"] else assets or default_folder(file)
    if folder and not check:
        refuse_unwritable(folder)
    return Target(output, inject, check, form, folder, own, is_part)


def refuse_several(options: Mapping[str, Any]) -> None:
    """Raise SpecError if several of these options are given."""
    names = [name for name, value in options.items() if value]
    if len(names) > 1:
        raise SpecError(f"{' and '.join(names)} exclude each other", "give one of them")
