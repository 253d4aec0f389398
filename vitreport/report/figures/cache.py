"""The drawn panels of figures: drawn once, then taken from the cache as long as nothing could draw them otherwise.

    CACHE_DIR/figures/<key>.json     the panels of one figure

What is cached names its colours; a page gives the names values. matplotlib is loaded only where something is drawn.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from vitreport.errors import ResourceError
from vitreport.files import make_folder, write_json
from vitreport.reading import UnreadableFileError, read_bounded
from vitreport.report.figures.illustrations import Figure

Panels = Sequence[str]

MOST_BYTES = 64 << 20

SIZE = re.compile(r' width="([\d.]+)" height="([\d.]+)"')


def draw(figure: Figure, cache_dir: Path) -> Panels:
    """The panels of a figure, each an SVG on one line whose colours are `var(--name)` of the palette.

    A contact sheet has none: it is not drawn but recorded.
    """
    if figure.kind == "mistakes":
        return []
    path = cache_dir / "figures" / f"{_key(figure)}.json"
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
        panels = json.loads(read_bounded(path, MOST_BYTES))
    except (UnreadableFileError, ValueError, RecursionError):
        return None
    is_sound = isinstance(panels, list) and all(isinstance(each, str) and SIZE.search(each) for each in panels)
    return panels if is_sound else None


def digest(figure: Figure) -> str:
    """SHA-256 of what a figure shows, whoever draws it."""
    return _sha256(repr((figure.name, figure.kind, figure.alt, figure.data)))


@cache
def matplotlib_version() -> str:
    return version("matplotlib")


def _key(figure: Figure) -> str:
    """What a figure shows and all that its picture depends on."""
    return _sha256(f"{_sources()} {matplotlib_version()} {digest(figure)}")


@cache
def _sources() -> str:
    """Every source of this package: the words and the numbers of a picture come from many of them."""
    paths = sorted(Path(__file__).parents[2].rglob("*.py"))
    return _sha256("".join(f"{path.name}\n{path.read_text(encoding='utf-8')}" for path in paths))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
