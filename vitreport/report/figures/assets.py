"""Write the figures of a Markdown document to files in a folder, and keep them up to date.

Each file names the document that it was written for; a report only replaces and removes files of its own document. A
report can be killed, or meet a full disk, at any moment: the figures are written first, then the document, and only
then are figures removed that it no longer shows. So every file that a document links to is always there.
"""

import os
import re
import zlib
from base64 import b64decode
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes

from vitreport.errors import ResourceError, SpecError
from vitreport.files import locked, make_folder, output_path, remove_file, write_atomic
from vitreport.formatting import printable
from vitreport.report.blocks import Figure
from vitreport.report.figures.canvas import DARK, LIGHT
from vitreport.report.figures.draw import compose, draw
from vitreport.untrusted_files import UnreadableFileError, read_bounded

STDOUT = "stdout"
LOCK_NAME = ".vitreport.lock"
PATIENCE_SECONDS = 60.0  # figures are drawn before the lock is taken; writing them takes seconds
MOST_BYTES = 64 << 20
TEXT = re.compile(rb">([^<>]+)<")
DRAWN_BY = re.compile(rb' data-matplotlib="([^"]+)"')
DOCUMENT = re.compile(rb' data-document="([^"]*)"|....tEXtvitreport\0([!-~]*)....(?=....IEND)', re.DOTALL)
HINT = "choose another directory with --assets DIR, or leave the figures out with --no-assets"


def default_folder(document: Path | None) -> Path:
    """Return report-assets for report.md and for stdout, report.txt.assets for report.txt."""
    document = document or Path("report.md")
    return document.with_name(f"{document.stem}-assets" if document.suffix == ".md" else f"{document.name}.assets")


def linked_folder(figures: Sequence[Figure], document: Path, text: str) -> Path | None:
    """Return the folder of the figures that a document links to: one from stdout may be in a file of any name."""
    names = "|".join(re.escape(name) for figure in figures for name in figure.files)
    found = re.search(rf'(?:src|srcset)="([^"<>]*)/(?:{names})"', text)
    return document.parent / os.fsdecode(unquote_to_bytes(found[1])) if found else None


def shown_figures(figures: Sequence[Figure], document: str) -> list[Figure]:
    """Return the figures that a document links to: a template may show only some."""
    return [figure for figure in figures if any(f"/{name}" in document for name in figure.files)]


def refuse_unwritable(folder: Path) -> None:
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
        return _relative(self.folder, self.document.parent if self.document else Path()) + "/"

    @property
    def _owner(self) -> str:
        """The document as files in the folder name it."""
        return _relative(self.document, self.folder) if self.document else STDOUT

    def drift(self, figures: Sequence[Figure]) -> str:
        """Return a line for each file that does not show what the records give, or that is no longer shown."""
        wanted = _files(figures, self._owner)
        wrong = [name for name, content in wanted.items() if not _is_same(_read(self.folder / name), content)]
        lines = [f"{self.folder / name} does not show what the records give\n" for name in wrong]
        return "".join(lines + [f"{path} is no longer a figure of the report\n" for path in self._leftover(wanted)])

    @contextmanager
    def published(self, figures: Sequence[Figure]) -> Iterator[None]:
        """Write the figures, let the caller write the document, then remove the figures that it no longer shows.

        Raises SpecError for a file that is not this document's, BusyError or ResourceError if the folder can't be used.
        """
        wanted = _files(figures, self._owner)
        make_folder(self.folder)
        try:
            with locked(self.folder / LOCK_NAME, timeout=PATIENCE_SECONDS, remove=True):
                for name in [name for name, content in wanted.items() if self._must_write(name, content)]:
                    write_atomic(self.folder / name, wanted[name])
                yield
                with suppress(ResourceError):  # the document is written; the next report removes them
                    for path in self._leftover(wanted):
                        remove_file(path)
        finally:
            with suppress(OSError):  # there are files in it
                self.folder.rmdir()

    def _must_write(self, name: str, content: bytes) -> bool:
        """Return whether a file must be written. Raises SpecError if it is that of somebody else."""
        path = self.folder / name
        found = _read(path)
        owner, is_same = _owner(found), _is_same(found, content)
        is_gone = bool(owner) and not (self.folder / unquote(owner)).exists()
        if owner in (self._owner, STDOUT) or is_gone or not os.path.lexists(path):
            return not is_same or owner != self._owner
        if is_same and not self.document:
            return False  # a document on stdout may show the figure of another
        hint = "remove it, or choose another directory with --assets"
        raise SpecError(f"{path} is not a figure of this report", hint)

    def _leftover(self, wanted: Collection[str]) -> list[Path]:
        """Return the files of the document that it no longer shows: none for stdout, which may be in any file now."""
        others = (path for path in sorted(self.folder.glob("*.[ps][nv]g")) if path.name not in wanted)
        return [path for path in others if self.document and _owner(_read(path)) == self._owner]


def _files(figures: Sequence[Figure], owner: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    marks = f' data-matplotlib="{version("matplotlib")}" data-document="{owner}"'
    for figure in figures:
        if figure.kind == "mistakes":
            png, chunk = b64decode(figure.data.png), b"tEXtvitreport\0" + owner.encode()
            length, checksum = (len(chunk) - 4).to_bytes(4, "big"), zlib.crc32(chunk).to_bytes(4, "big")
            contents = [png[:-12] + length + chunk + checksum + png[-12:]]  # before IEND
        else:
            panels, label = draw(figure), printable(figure.alt)
            contents = [compose(panels, label, colors, marks).encode() for colors in (LIGHT, DARK)]
        files |= dict(zip(figure.files, contents, strict=True))
    return files


def _is_same(found: bytes, wanted: bytes) -> bool:
    """Return whether a file shows a figure, whoever's; if another matplotlib has drawn it, only the texts count."""
    if DRAWN_BY.findall(found) != DRAWN_BY.findall(wanted):
        return TEXT.findall(found) == TEXT.findall(wanted) != []
    return DOCUMENT.sub(b"", found) == DOCUMENT.sub(b"", wanted)


def _owner(content: bytes) -> str:
    """Return the document that a file was written for, "" if it does not say."""
    found = DOCUMENT.search(content)
    return (found[1] or found[2] or b"").decode() if found else ""


def _relative(path: Path, start: Path) -> str:
    return quote(os.fsencode(Path(os.path.relpath(path, start)).as_posix()))


def _read(path: Path) -> bytes:
    with suppress(UnreadableFileError):
        return read_bounded(path, MOST_BYTES)
    return b""
