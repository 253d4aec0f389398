"""The figures of a report as SVG: drawn once, then taken from the cache as long as their data is the same.

    CACHE_DIR/figures/<digest>.json     the panels of one figure

What is cached names its colours; a page gives the names values, and the files beside a Markdown page hold them in two
variants. matplotlib is loaded only where something is drawn.
"""

import hashlib
import json
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from xml.sax.saxutils import quoteattr

from vitreport.errors import ResourceError
from vitreport.files import make_folder, write_atomic, write_json
from vitreport.report.facts.measured import Mistakes
from vitreport.report.figures.drawing.palette import DARK, LIGHT
from vitreport.report.figures.illustrations import Figure
from vitreport.text import printable

Panels = Sequence[str]

THEMES = {"light": LIGHT, "dark": DARK}
GAP = 16
LONGEST_HEAD = 20_000
COLUMNS = 2
SIZE = re.compile(r' width="([\d.]+)" height="([\d.]+)"')
COLOR = re.compile(r"var\(--(\w+)\)")


def draw(figure: Figure, cache_dir: Path) -> Panels:
    """The panels of a figure, each an SVG on one line whose colours are `var(--name)` of the palette.

    A contact sheet has none: it is not drawn but recorded.
    """
    if sheet(figure):
        return []
    path = cache_dir / "figures" / f"{digest(figure)}.json"
    if kept := _kept(path):
        return kept
    from vitreport.report.figures.drawing.draw import draw as draw_anew

    panels = draw_anew(figure)
    with suppress(ResourceError):  # where nothing can be kept, it is drawn each time
        make_folder(path.parent)
        write_json(path, panels, indent=None)
    return panels


def _kept(path: Path) -> Panels | None:
    try:
        panels = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    is_sound = isinstance(panels, list) and all(isinstance(each, str) and SIZE.search(each) for each in panels)
    return panels if is_sound else None


def digest(figure: Figure) -> str:
    """SHA-256 of what a figure shows, and of what draws it."""
    shown = repr((figure.name, figure.kind, figure.data))
    return hashlib.sha256(f"{_hand()}\n{shown}".encode(errors="surrogatepass")).hexdigest()


def stale(figure: Figure, folder: Path) -> list[Path]:
    """Those of a figure's files that are not there or show something else."""
    if png := sheet(figure):
        path = folder / f"{figure.name}.png"
        return [] if _beginning(path, len(png) + 1) == png else [path]
    paths = [folder / f"{figure.name}-{theme}.svg" for theme in THEMES]
    return [path for path in paths if digest(figure).encode() not in _beginning(path, LONGEST_HEAD)]


def write_files(figures: Iterable[Figure], folder: Path, cache_dir: Path) -> None:
    """The files of a Markdown page's figures; one that is as it should be is neither drawn nor written.

    Raises ResourceError where the folder cannot be written.
    """
    make_folder(folder)
    for figure in figures:
        if stale(figure, folder):
            for name, content in files(figure, draw(figure, cache_dir)).items():
                write_atomic(folder / name, content)


def _beginning(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def files(figure: Figure, panels: Panels) -> Mapping[str, bytes]:
    """The files of one figure for a page that can show images only: by name, in light and in dark colours."""
    if png := sheet(figure):
        return {f"{figure.name}.png": png}
    whole = compose(panels, figure.alt, digest(figure))
    return {f"{figure.name}-{theme}.svg": _colored(whole, values) for theme, values in THEMES.items()}


def sheet(figure: Figure) -> bytes | None:
    """The contact sheet that a figure is, as PNG; None of one that is drawn."""
    return b64decode(figure.data.png) if isinstance(figure.data, Mistakes) else None


def _colored(panels: str, values: Mapping[str, str]) -> bytes:
    return (COLOR.sub(lambda match: values[match[1]], panels) + "\n").encode()


def compose(panels: Panels, alt: str, content: str) -> str:
    """The panels of a figure in one SVG, two in a row; `content` is the digest of what it shows."""
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
    named = f'role="img" aria-label={quoteattr(printable(alt))} data-digest="{content}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {frame} {named}>{"".join(placed)}</svg>'


@cache
def _hand() -> str:
    """What draws: the source of the drawing modules."""
    sources = sorted((Path(__file__).parent / "drawing").glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
