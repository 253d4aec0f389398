"""Write the figures of a Markdown document to files in a folder, and keep them up to date.

    FOLDER/<figure>-light.svg, FOLDER/<figure>-dark.svg, FOLDER/<figure>.png

Each file names the document that it was written for. A report only replaces and removes the files of its own document,
so that it never touches the user's files, and two documents can't change each other's figures.

A report can be killed, or meet a full disk, at any moment. So the figures are written first, then the document, and
only then the figures that it no longer shows are removed: every file that a document links to is always there.
"""

import hashlib
import os
import re
import zlib
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote, unquote, unquote_to_bytes

from vitreport.analysis.group_details import Mistakes
from vitreport.errors import BusyError, ResourceError, SpecError
from vitreport.files import (
    BASE_NAME_CHARACTERS,
    locked,
    make_folder,
    output_path,
    remove_abandoned,
    remove_file,
    write_atomic,
)
from vitreport.formatting import printable
from vitreport.report.figures.collect import draw
from vitreport.report.figures.figure import Figure
from vitreport.report.figures.palette import DARK, LIGHT
from vitreport.untrusted_files import UnreadableFileError, read_bounded

THEMES = {"light": LIGHT, "dark": DARK}
STDOUT = "stdout"
LOCK_NAME = ".vitreport.lock"
PATIENCE_SECONDS = 60.0  # figures are drawn before the lock is taken; writing them takes seconds
MOST_BYTES = 64 << 20
LINK = re.compile(r'(?:src|srcset)="([^"<>]*)/([^"/<>]+)"')
DIGEST = re.compile(rb' data-digest="([0-9a-f]{64})"')
DRAWN_BY = re.compile(rb' data-matplotlib="([^"]+)"')
DOCUMENT = re.compile(rb' data-document="([^"]*)"|....tEXtvitreport\0([!-~]*)....(?=....IEND)', re.DOTALL)
HINT = "choose another folder with --assets DIR, or leave the figures out with --no-assets"


def default_folder(document: Path | None) -> Path:
    """Return report-assets for report.md and for stdout, report.txt.assets for report.txt."""
    if document is None:
        return Path("report-assets")
    is_markdown = document.suffix == ".md"
    return document.with_name(f"{document.stem}-assets" if is_markdown else f"{document.name}.assets")


def linked_folder(figures: Sequence[Figure], document: Path, text: str) -> Path | None:
    """Return the folder of the figures that a document shows; None if it shows none of these.

    A document from stdout links report-assets, whatever the file is called that it was written to.
    """
    names = {name for figure in figures for name in file_names(figure)}
    found = (os.fsdecode(unquote_to_bytes(folder)) for folder, name in LINK.findall(text) if unquote(name) in names)
    return next((document.parent / folder for folder in found), None)


def shown_figures(figures: Sequence[Figure], document: str) -> list[Figure]:
    """Return the figures that a document links to: a template may show only some."""
    return [figure for figure in figures if any(f"/{name}" in document for name in file_names(figure))]


def refuse_unwritable(folder: Path) -> None:
    """Check that figures can be written to a folder, before any is drawn. Raises SpecError or ResourceError."""
    try:
        output_path(folder, is_folder=True)
    except ResourceError as error:
        raise ResourceError(error.message, HINT) from error
    except SpecError as error:
        raise SpecError(f"cannot write figures to {folder}: {error.message}", HINT) from error


def file_names(figure: Figure) -> list[str]:
    """Return the names of the files of a figure."""
    return [f"{figure.name}.png"] if figure.kind == "mistakes" else [f"{figure.name}-{theme}.svg" for theme in THEMES]


@dataclass(frozen=True)
class Assets:
    """The figures of one document in a folder; `document` is None for stdout."""

    folder: Path
    document: Path | None

    @property
    def link(self) -> str:
        """The folder as the document links to it, relative to its own, with a slash at the end."""
        start = self.document.parent if self.document else Path()
        return _quoted(os.path.relpath(self.folder, start)) + "/"

    @property
    def _owner(self) -> str:
        """The document as files in the folder name it."""
        return _quoted(os.path.relpath(self.document, self.folder)) if self.document else STDOUT

    def drift(self, figures: Sequence[Figure]) -> str:
        """Return a line for each file that does not show what the records give, or that is no longer shown."""
        wanted = self._files(figures)
        wrong = [name for name, content in wanted.items() if not _shows_the_same(_read(self.folder / name), content)]
        lines = [f"{self.folder / name} does not show what the records give\n" for name in wrong]
        return "".join(lines + [f"{path} is no longer a figure of the report\n" for path in self._leftover(wanted)])

    @contextmanager
    def published(self, figures: Sequence[Figure]) -> Iterator[None]:
        """Write the figures, let the caller write the document, then remove the figures that it no longer shows.

        Raises:
            SpecError: A figure would replace a file of the user, or a figure of another document.
            BusyError: Another report is writing to the folder and does not finish in time.
            ResourceError: The folder cannot be written.
        """
        wanted = self._files(figures)
        if not wanted and not self.folder.is_dir():
            yield
            return
        is_users = self.folder.is_dir() and not any(self.folder.iterdir())  # an empty folder that we did not make
        make_folder(self.folder)
        hint = "run the same command again when it has finished, or choose another folder with --assets"
        busy = BusyError(f"another report is writing to {self.folder}", hint)
        try:
            with locked(self.folder / LOCK_NAME, timeout=PATIENCE_SECONDS, busy=lambda: busy, remove=True):
                remove_abandoned(self.folder, _is_figure)
                changed = {name: content for name, content in wanted.items() if self._must_write(name, content)}
                for name, content in changed.items():
                    write_atomic(self.folder / name, content)
                yield
                with suppress(ResourceError):  # the document is written; the next report removes them
                    for path in self._leftover(wanted):
                        remove_file(path)
        finally:
            with suppress(OSError):  # there are files in it
                if not is_users:
                    self.folder.rmdir()

    def _files(self, figures: Sequence[Figure]) -> dict[str, bytes]:
        return {name: content for figure in figures for name, content in _files(figure, self._owner).items()}

    def _must_write(self, name: str, content: bytes) -> bool:
        """Whether a file is to be written. Raises SpecError if it is not this document's."""
        path = self.folder / name
        current, is_same = _read(path), _shows_the_same(_read(path), content)
        owner = _owner(current)
        if os.path.lexists(path) and owner is None and not is_same:
            raise SpecError(f"{path} is not of a report", "remove it, or give another --assets")
        if owner not in (None, "", STDOUT, self._owner) and (self.folder / unquote(owner or "")).exists():
            if self.document or not is_same:
                other = os.path.normpath(self.folder / unquote(owner or ""))
                raise SpecError(f"{path} is a figure of {other}", "give another --assets")
            return False
        return not is_same or owner != self._owner

    def _leftover(self, wanted: Mapping[str, bytes]) -> list[Path]:
        """Return the files of the document that it no longer shows: none for stdout, which may be in any file now."""
        if self.document is None or not self.folder.is_dir():
            return []
        paths = (path for path in sorted(self.folder.iterdir()) if _is_figure(path.name) and path.name not in wanted)
        return [path for path in paths if _owner(_read(path)) == self._owner]


def _files(figure: Figure, owner: str) -> dict[str, bytes]:
    from vitreport.report.figures.svg import compose

    if isinstance(figure.data, Mistakes):
        png, chunk = b64decode(figure.data.png), b"tEXtvitreport\0" + owner.encode()
        length, checksum = (len(chunk) - 4).to_bytes(4, "big"), zlib.crc32(chunk).to_bytes(4, "big")
        return {f"{figure.name}.png": png[:-12] + length + chunk + checksum + png[-12:]}  # before IEND
    shown = repr((figure.name, figure.kind, figure.title, figure.alt, figure.table))
    digest = hashlib.sha256(shown.encode(errors="surrogatepass")).hexdigest()
    marks = f' data-digest="{digest}" data-matplotlib="{_matplotlib_version()}" data-document="{owner}"'
    panels, label = draw(figure), printable(figure.alt)
    return {
        f"{figure.name}-{theme}.svg": compose(panels, label, colors, marks).encode() for theme, colors in THEMES.items()
    }


def _shows_the_same(found: bytes | None, wanted: bytes) -> bool:
    """Whether a file shows a figure, whatever its document; only the data count if another matplotlib has drawn it."""
    if found is None:
        return False
    drawn_by = DRAWN_BY.search(found)
    if drawn_by and drawn_by[1].decode() != _matplotlib_version():
        found, wanted = (b"".join(DIGEST.findall(content)) for content in (found, wanted))
    return DOCUMENT.sub(b"", found) == DOCUMENT.sub(b"", wanted)


def _owner(content: bytes | None) -> str | None:
    """Return the document that a file was written for: "" if no file says, None if no report wrote it."""
    found = DOCUMENT.search(content or b"")
    if found:
        return (found[1] or found[2] or b"").decode()
    return "" if DIGEST.search(content or b"") else None


def _is_figure(name: str) -> bool:
    """Whether a file can be a report's by its name, of which a temporary file has the beginning."""
    return name.endswith((".svg", ".png")) or len(name) == BASE_NAME_CHARACTERS


def _quoted(path: str) -> str:
    return quote(os.fsencode(Path(path).as_posix()))


def _read(path: Path) -> bytes | None:
    try:
        return read_bounded(path, MOST_BYTES)
    except UnreadableFileError:
        return None


@cache
def _matplotlib_version() -> str:
    return version("matplotlib")
