"""What a drawn panel shows: its texts and tips, and where its texts are."""

import re
from itertools import combinations
from typing import NamedTuple
from xml.etree import ElementTree

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from vitreport.report.blocks import Figure
from vitreport.report.figures.draw import draw

FONT = FontProperties("DejaVu Sans")
SVG = "{http://www.w3.org/2000/svg}"


class Text(NamedTuple):
    """A text and its box in pixels from the upper left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def panels(figure: Figure) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(panel) for panel in draw(figure)]


def texts(panel: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in panel.iter(f"{SVG}text")]


def tips(panel: ElementTree.Element) -> list[str]:
    return [title.text or "" for title in panel.iter(f"{SVG}title")]


def boxes(panel: ElementTree.Element) -> list[Text]:
    """Where every text of a panel is, in matplotlib's font; those of browsers are a little narrower."""
    return [_box(element) for element in panel.iter(f"{SVG}text")]


def _box(element: ElementTree.Element) -> Text:
    text, size = "".join(element.itertext()), float(element.attrib["font-size"].removesuffix("px"))
    moves = [
        tuple(map(float, found.split())) for found in re.findall(r"translate\(([^)]*)\)", element.get("transform", ""))
    ]
    x, y = (float(element.get(name, "0")) + sum(move[axis] for move in moves) for axis, name in enumerate("xy"))
    width = TextPath((0, 0), text, size=size, prop=FONT).get_extents().width
    start = {"start": 0.0, "middle": -width / 2, "end": -width}[element.get("text-anchor", "start")]
    if "rotate(-90" in element.get("transform", ""):
        return Text(text, x - 0.75 * size, y - start - width, x + 0.2 * size, y - start)
    return Text(text, x + start, y - 0.75 * size, x + start + width, y + 0.2 * size)


def collisions(panel: ElementTree.Element) -> list[tuple[str, ...]]:
    """Texts that meet each other, or leave the panel."""
    found = boxes(panel)
    width, height = float(panel.attrib["width"]), float(panel.attrib["height"])
    meeting = [(one.text, two.text) for one, two in combinations(found, 2) if _meet(one, two)]
    outside = [(one.text,) for one in found if one.left < 0 or one.top < 0 or one.right > width or one.bottom > height]
    return [*meeting, *outside]


def _meet(one: Text, two: Text) -> bool:
    return one.left < two.right and two.left < one.right and one.top < two.bottom and two.top < one.bottom
