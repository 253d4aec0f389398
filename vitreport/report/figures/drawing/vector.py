"""From matplotlib's SVG to ours: small, the same bytes everywhere, and of colours that a page can change.

Text stays text. Colours become `var(--name)`, styles become attributes (a page's security policy forbids style), and
only those names remain that the figure itself refers to.
"""

import re
from io import BytesIO
from xml.etree import ElementTree

import matplotlib

from vitreport.formatting import printable
from vitreport.report.figures.drawing.canvas import Canvas
from vitreport.report.figures.drawing.palette import LIGHT

SVG = "http://www.w3.org/2000/svg"
GROUP, DEFINITIONS, PATH = (f"{{{SVG}}}{name}" for name in ("g", "defs", "path"))
LINK = "{http://www.w3.org/1999/xlink}href"
FONTS = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
NAMES = {value: name for name, value in LIGHT.items()}
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
COLOR = re.compile(r"#[0-9a-f]{6}")
REFERENCE = re.compile(r"#([\w.-]+)")


def to_svg(canvas: Canvas, prefix: str) -> str:
    """One panel on one line; `prefix` sets its names apart from those of all others on a page."""
    root = ElementTree.fromstring(_drawn(canvas))
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    for definitions in root.findall(f"{{{SVG}}}defs"):
        for sheet in definitions.findall(f"{{{SVG}}}style"):
            definitions.remove(sheet)
    _mark(root, canvas)
    _simplify(root, prefix)
    _prune(root)
    width, height = root.attrib["viewBox"].split()[2:]
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "width": width,
        "height": height,
        "font-family": FONTS,
        "stroke-linejoin": "round",
        "role": "img",
        "aria-label": printable(canvas.label),
    }
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode")


def _drawn(canvas: Canvas) -> bytes:
    with matplotlib.rc_context({"svg.hashsalt": "vitreport"}):
        output = BytesIO()
        canvas.drawing.savefig(output, format="svg", metadata={"Date": None})
    return output.getvalue()


def _mark(root: ElementTree.Element, canvas: Canvas) -> None:
    """Say of elements to which series they belong, and what is shown when they are pointed at."""
    for element in root.iter():
        name = element.get("id", "")
        if name in canvas.series:
            element.set("class", "series")
            element.set("data-series", canvas.series[name])
        if name in canvas.tips:
            element.set("class", "tip")
            element.set("pointer-events", "all")
            title = ElementTree.Element(f"{{{SVG}}}title")
            title.text = printable(canvas.tips[name])
            element.insert(0, title)


def _simplify(root: ElementTree.Element, prefix: str) -> None:
    elements = list(root.iter())
    used = {name for element in elements for value in element.attrib.values() for name in REFERENCE.findall(value)}
    for element in elements:
        _unstyle(element)
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        if LINK in element.attrib:
            element.set("href", element.attrib.pop(LINK))
        for key, value in list(element.attrib.items()):
            if key not in ("data-series", "class"):
                element.set(key, _value(key, value, prefix))
        if element.tag == PATH:
            element.set("d", " ".join(element.get("d", "").split()))
        if not (element.text or "").strip():
            element.text = None
        element.tail = None


def _prune(parent: ElementTree.Element) -> None:
    """Take out what shows nothing: backgrounds without a colour, and groups that are then empty."""
    for child in list(parent):
        if child.get("class") == "tip":
            continue
        _prune(child)
        is_empty = child.tag in (GROUP, DEFINITIONS) and not len(child)
        if is_empty or (child.tag == PATH and child.get("fill") == "none" and "stroke" not in child.attrib):
            parent.remove(child)


def _unstyle(element: ElementTree.Element) -> None:
    """`style="fill: #fff"` as `fill="#fff"`; the font is that of the page."""
    for declaration in element.attrib.pop("style", "").split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key and key != "font-family":
            element.set(key, value)
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]


def _value(key: str, value: str, prefix: str) -> str:
    if key == "id":
        return f"{prefix}-{value}"
    if key == "href" or value.startswith("url(#"):
        return value.replace("#", f"#{prefix}-", 1)
    value = COLOR.sub(lambda match: f"var(--{NAMES[match[0]]})", value)
    return NUMBER.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), value)
