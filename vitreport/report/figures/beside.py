"""The files of figures beside a Markdown page, which can show images only: in light and in dark colours.

    FOLDER/<figure>-{light,dark}.svg, FOLDER/<figure>.png
    FOLDER/.vitreport.json     by document: the files that were written for it, with their SHA-256

The report removes what it wrote and no longer shows; it never touches what it did not write, nor what another document
shows. What a document on stdout showed stays: nobody knows which file it has become.

A report can be killed, or meet a full disk, at any moment. So the note of what will be written comes first, then the
figures, then the document, and only then goes what the former document alone showed. At each moment every file that a
document links to is there, and every file that a report wrote is known to be a report's.
"""

import hashlib
import json
import os
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from xml.sax.saxutils import quoteattr

from vitreport.analysis.details import Mistakes
from vitreport.errors import ResourceError, SpecError
from vitreport.files import BASE_NAME_CHARACTERS, make_folder, remove_abandoned, remove_file, write_atomic, write_json
from vitreport.formatting import printable
from vitreport.reading import UnreadableFileError, read_bounded
from vitreport.report.figures.cache import MOST_BYTES, SIZE, Panels, digest, draw, matplotlib_version
from vitreport.report.figures.drawing.palette import DARK, LIGHT
from vitreport.report.figures.illustrations import Figure
from vitreport.report.figures.lock import alone

THEMES = {"light": LIGHT, "dark": DARK}
MANIFEST = ".vitreport.json"
STDOUT = "stdout"
GAP = 16
COLUMNS = 2
LONGEST_HEAD = 20_000
COLOR = re.compile(r"var\(--(\w+)\)")
NAME = re.compile(r"[a-z0-9][a-z0-9.-]*\.(?:svg|png)")
DRAWN_HERE = re.compile(rb' data-digest="[0-9a-f]{64}"')
DRAWN_BY = re.compile(rb' data-matplotlib="([^"]+)"')


def files(figure: Figure, panels: Panels) -> Mapping[str, bytes]:
    """The files of one figure by name."""
    if isinstance(figure.data, Mistakes):
        return {f"{figure.name}.png": b64decode(figure.data.png)}
    whole = compose(panels, figure)
    return {f"{figure.name}-{theme}.svg": _colored(whole, values) for theme, values in THEMES.items()}


def file_names(figure: Figure) -> list[str]:
    if isinstance(figure.data, Mistakes):
        return [f"{figure.name}.png"]
    return [f"{figure.name}-{theme}.svg" for theme in THEMES]


def compose(panels: Panels, figure: Figure) -> str:
    """The panels of a figure in one SVG, two in a row, with what it shows and what drew it."""
    sizes = [tuple(map(float, match.groups())) for panel in panels if (match := SIZE.search(panel))]
    rows = [range(start, min(start + COLUMNS, len(panels))) for start in range(0, len(panels), COLUMNS)]
    top, placed = 0.0, []
    for row in rows:
        left = 0.0
        for index in row:
            placed.append(panels[index].replace("<svg ", f'<svg x="{left:g}" y="{top:g}" ', 1))
            left += sizes[index][0] + GAP
        top += max(sizes[index][1] for index in row) + GAP
    width = max(sum(sizes[index][0] + GAP for index in row) for row in rows) - GAP
    height = top - GAP
    frame = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    named = f'role="img" aria-label={quoteattr(printable(figure.alt))}'
    drawn = f'data-digest="{digest(figure)}" data-matplotlib="{matplotlib_version()}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {frame} {named} {drawn}>{"".join(placed)}</svg>'


def _colored(panels: str, values: Mapping[str, str]) -> bytes:
    return (COLOR.sub(lambda match: values[match[1]], panels) + "\n").encode()


def stale(figure: Figure, folder: Path, cache_dir: Path) -> Mapping[str, bytes]:
    """Those of a figure's files that are not there or show something else, as they should be.

    Another release of matplotlib draws the same a little differently: of its files the data alone are compared.
    """
    return _stale(figure, files(figure, draw(figure, cache_dir)), folder)


def _stale(figure: Figure, wanted: Mapping[str, bytes], folder: Path) -> Mapping[str, bytes]:
    return {name: content for name, content in wanted.items() if not _is_right(folder / name, content, figure)}


def _is_right(path: Path, wanted: bytes, figure: Figure) -> bool:
    found = _content(path)
    if found is None:
        return False
    drawn_by = DRAWN_BY.search(found[:LONGEST_HEAD])
    if drawn_by is None or drawn_by[1].decode() == matplotlib_version():
        return found == wanted
    return digest(figure).encode() in found[:LONGEST_HEAD]


def _is_own(name: str) -> bool:
    """Whether a report writes files of that name, of which a temporary file has the beginning."""
    return name == MANIFEST or bool(NAME.fullmatch(name)) or len(name) == BASE_NAME_CHARACTERS


@contextmanager
def published(figures: Sequence[Figure], folder: Path, document: str, cache_dir: Path) -> Iterator[None]:
    """Write the figures of a document; the block writes the document; then remove what it no longer shows.

    `document` is a name for it that stays the same. Raises SpecError where a figure would take the place of what no
    report wrote, or of what another document shows; BusyError where another report does not leave the folder;
    ResourceError where the folder cannot be written.
    """
    drawn = [(figure, files(figure, draw(figure, cache_dir))) for figure in figures]
    if not figures and not folder.is_dir():
        yield
        return
    is_new = not folder.exists()
    make_folder(folder)
    try:
        with alone(folder):
            remove_abandoned(folder, _is_own)
            _write(_pending(drawn, folder, document), figures, folder, document)
            yield
            is_empty = _tidied(figures, folder, document)
    except BaseException:
        _remove_empty(folder, where=is_new)
        raise
    _remove_empty(folder, where=is_empty)


def _pending(drawn: Iterable[tuple[Figure, Mapping[str, bytes]]], folder: Path, document: str) -> Mapping[str, bytes]:
    """The files by name that are to be written for a document; SpecError for those that must not be."""
    wanted = {name: content for figure, own in drawn for name, content in _stale(figure, own, folder).items()}
    written = _written(folder)
    others = {other: names for other, names in written.items() if other != document and (folder / other).exists()}
    for name, content in wanted.items():
        owners = [other for other, names in others.items() if name in names and not _is_one_of(content, names[name])]
        if owners:
            owner = os.path.normpath(folder / owners[0])
            raise SpecError(f"{folder / name} is a figure of {owner}", "give another --assets")
        if not any(name in names for names in written.values()) and _is_foreign(folder / name):
            raise SpecError(f"{folder / name} is not of a report", "give another --assets")
    return wanted


def _is_foreign(path: Path) -> bool:
    """Whether there is a file that is no SVG of a report; a PNG does not say of what it is."""
    return path.exists() and not DRAWN_HERE.search((_content(path) or b"")[:LONGEST_HEAD])


def _write(wanted: Mapping[str, bytes], figures: Iterable[Figure], folder: Path, document: str) -> None:
    """The figures, between a note of what they were and will be and one of what they are."""
    own = _written(folder).get(document, {})
    announced = {name: " ".join(filter(None, [own.get(name), _digest(content)])) for name, content in wanted.items()}
    _note(folder, document, {**own, **announced})
    for name, content in wanted.items():
        write_atomic(folder / name, content)
    names = [name for figure in figures for name in file_names(figure)]
    _note(folder, document, {**own, **{name: _digest(_content(folder / name)) for name in names}})


def _tidied(figures: Sequence[Figure], folder: Path, document: str) -> bool:
    """Remove what the document no longer shows; whether nothing of any report is left.

    The document is written: what fails here is done by the next report.
    """
    if document == STDOUT or not (before := _written(folder)):
        return False
    shown = {name for figure in figures for name in file_names(figure)}
    with suppress(ResourceError):
        for path in leftover(figures, folder, document):
            remove_file(path)
        _note(folder, document, {name: sha256 for name, sha256 in before.get(document, {}).items() if name in shown})
    return not _written(folder)


def _remove_empty(folder: Path, *, where: bool) -> None:
    if where:
        with suppress(OSError):  # there is something else in it
            folder.rmdir()


def leftover(figures: Iterable[Figure], folder: Path, document: str) -> list[Path]:
    """What was written for a document, is as it was then, and is no longer shown by it or by another in this folder."""
    if document == STDOUT:
        return []
    written = _written(folder)
    shown = {name for figure in figures for name in file_names(figure)}
    shown |= {name for other, names in written.items() if other != document for name in names}
    before = written.get(document, {}).items()
    return [
        folder / name for name, sha256 in before if name not in shown and _is_one_of(_content(folder / name), sha256)
    ]


def _is_one_of(content: bytes | None, known: str) -> bool:
    """Whether a file is one that the note knows: of one that was being written also what it was before."""
    return _digest(content) in known.split()


def _note(folder: Path, document: str, names: Mapping[str, str]) -> None:
    """Keep by document what was written for it; without any there is no note."""
    before = _written(folder)
    after = {key: each for key, each in {**before, document: dict(names)}.items() if each}
    if after and after != before:
        write_json(folder / MANIFEST, dict(sorted(after.items())))
    if before and not after:
        remove_file(folder / MANIFEST)


def _written(folder: Path) -> dict[str, dict[str, str]]:
    """By document; of a manifest that is not what this module writes nothing is taken."""
    try:
        found = json.loads(_content(folder / MANIFEST) or b"{}")
        return {
            document: {name: str(sha256) for name, sha256 in names.items() if NAME.fullmatch(name)}
            for document, names in found.items()
        }
    except (ValueError, AttributeError, TypeError):
        return {}


def _content(path: Path) -> bytes | None:
    try:
        return read_bounded(path, MOST_BYTES)
    except UnreadableFileError:
        return None


def _digest(content: bytes | None) -> str:
    return hashlib.sha256(content or b"").hexdigest()
