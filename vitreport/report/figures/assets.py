"""Write the figures of a Markdown document to files in a folder of its own, and keep them up to date.

A report can be killed, or meet a full disk, at any moment: the figures are written first, then the document, and only
then are figures removed that the document no longer links to. So every file that it links to is always there.
"""

import os
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from vitreport.errors import ResourceError, SpecError
from vitreport.files import make_folder, output_path, remove_file, write_atomic
from vitreport.report.blocks import PICTURES, Figure
from vitreport.report.figures.colors import DARK, LIGHT
from vitreport.report.figures.draw import colored, draw
from vitreport.untrusted_files import read_bounded

MAX_FILE_BYTES = 64 << 20
TEXT = re.compile(rb">([^<>]+)<")
DRAWN_BY = re.compile(rb' data-matplotlib="([^"]+)"')
FIGURE = r"[^/\"]+-(?:light\.svg|dark\.svg|[0-9a-f]{8}-(?:mistakes|attention)(?:-2)*\.png)"
OURS = re.compile(rb' data-matplotlib="|\A\x89PNG')  # what a report writes, and a user seldom
HINT = "choose another directory with --assets DIR, or leave the figures out with --no-assets"


def default_folder(document: Path | None) -> Path:
    """Return report-assets for report.md, report.txt.assets for report.txt, vitreport-assets for stdout."""
    document = document or Path("vitreport.md")
    return document.with_name(f"{document.stem}-assets" if document.suffix == ".md" else f"{document.name}.assets")


def linked_folder(document: Path, text: str) -> Path | None:
    """Return the folder of the figures that a document links to: one from stdout may be in a file of any name."""
    found = re.search(rf'(?:src|srcset)="([^"<>]*)/{FIGURE}"', text)
    return document.parent / os.fsdecode(unquote_to_bytes(found[1])) if found else None


def shown_figures(figures: Sequence[Figure], document: str) -> list[Figure]:
    """Return the figures that a document links to: a template may show only some."""
    return [figure for figure in figures if any(f"/{name}" in document for name in figure.files)]


def check_figure_folder(folder: Path) -> None:
    """Check that figures can be written to a folder, before any is drawn. Raises SpecError or ResourceError."""
    try:
        output_path(folder, is_folder=True)
    except (ResourceError, SpecError) as error:
        raise type(error)(f"cannot write figures to {folder}: {error.message}", HINT) from error


class Assets(NamedTuple):
    """The figures of one document in a folder; `document` is None for stdout."""

    folder: Path
    document: Path | None

    @property
    def link(self) -> str:
        """The folder as the document links to it, relative to its own, with a slash at the end."""
        start = self.document.parent if self.document else Path()
        return quote(os.fsencode(Path(os.path.relpath(self.folder, start)).as_posix())) + "/"

    def drift(self, figures: Sequence[Figure]) -> str:
        """Return a line for each file that is out of date."""
        wrong = [name for name, content in _files(figures).items() if not _is_same(_read(self.folder / name), content)]
        return "".join(f"{self.folder / name} is out of date\n" for name in wrong)

    @contextmanager
    def published(self, figures: Sequence[Figure]) -> Iterator[None]:
        """Write the figures, let the caller write the document, then remove the figures that it no longer links to.

        Raises SpecError for a file that is no figure of a report, ResourceError if the folder cannot be used.
        """
        before = self._linked()
        stale = {}
        for name, content in _files(figures).items():
            found = _read(self.folder / name)
            if os.path.lexists(self.folder / name) and not OURS.search(found):
                hint = "remove it, or choose another directory with --assets"
                raise SpecError(f"{self.folder / name} is not a figure of a report", hint)
            if not _is_same(found, content):
                stale[name] = content
        for name, content in stale.items():
            make_folder(self.folder)
            write_atomic(self.folder / name, content)
        yield
        with suppress(OSError, ResourceError):  # the document is written, and links to none of them
            for name in before - self._linked():
                if OURS.search(_read(self.folder / name)):
                    remove_file(self.folder / name)
            self.folder.rmdir()  # if it is empty

    def _linked(self) -> set[str]:
        """Return the names of the figures that the document links to as it is now: none on stdout."""
        text = _read(self.document).decode(errors="replace") if self.document else ""
        return set(re.findall(rf'"{re.escape(self.link)}({FIGURE})"', text))


def _files(figures: Sequence[Figure]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    mark = f' data-matplotlib="{version("matplotlib")}"'
    for figure in figures:
        contents = [b64decode(figure.data.png)] if figure.kind in PICTURES else []
        for panel in draw(figure):
            contents += [colored(panel, figure.alt, colors, mark).encode() for colors in (LIGHT, DARK)]
        files |= dict(zip(figure.files, contents, strict=True))
    return files


def _is_same(found: bytes, wanted: bytes) -> bool:
    """Return whether a file shows a figure; if another matplotlib has drawn it, only the texts count."""
    if DRAWN_BY.findall(found) != DRAWN_BY.findall(wanted):
        return TEXT.findall(found) == TEXT.findall(wanted) != []
    return found == wanted


def _read(path: Path) -> bytes:
    with suppress(OSError):
        return read_bounded(path, MAX_FILE_BYTES)
    return b""
