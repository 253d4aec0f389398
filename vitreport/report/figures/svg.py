"""Turn matplotlib's SVG into one that is small, the same on every machine, and coloured by names.

Colours become `var(--name)`, so that a page or a file can show a figure in light or dark colours. Styles become
attributes, since the security policy of the HTML page forbids inline styles.
"""

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from xml.sax.saxutils import escape, quoteattr

import matplotlib

from vitreport.report.figures.canvas import WIDTH, Canvas
from vitreport.report.figures.palette import LIGHT

FONTS = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
COLUMNS, GAP = 2, 16
PAD = 3
LEFT_OUT = re.compile(r"<style.*?</style>|</svg>", re.DOTALL)
TAG = re.compile(r"<\w[^>]*>")
STYLED = re.compile(r' style="([^"]*)"')
STYLE = re.compile(r"(?:^|; ?)(?!font-family)([\w-]+): ([^;]*)")
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
UNUSED = re.compile(r' id="[A-Za-z][\w.]*_\d{1,4}"| transform="rotate\(-0 [^"]*"|(?<= )xlink:(?=href)')
EMPTY = re.compile(r"<g */>|<g>\s*</g>")
HEIGHT = re.compile(r' height="([\d.]+)"')
COLOR = re.compile(r"var\(--(\w+)\)")


def to_svg(canvas: Canvas, name: str) -> str:
    """Return a panel as SVG on one line. `name` must be unique on a page: the ids of the SVG are derived from it."""
    output = BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        canvas.drawing.savefig(output, format="svg", metadata={"Date": None})
    content = LEFT_OUT.sub("", output.getvalue().decode().partition("</metadata>")[2])
    content = TAG.sub(lambda tag: _simplified(tag[0]), content)
    content = " ".join(content.split()).replace("> <", "><")
    while content != (content := EMPTY.sub("", content)):
        pass
    height = canvas.drawing.bbox.height
    for (left, low, right, high), text in canvas.tips:
        (x0, y0), (x1, y1) = canvas.axes.transData.transform([(left, low), (right, high)])
        x, y = min(x0, x1) - PAD, height - max(y0, y1) - PAD
        place = f'x="{x:.6g}" y="{y:.6g}" width="{abs(x1 - x0) + 2 * PAD:.6g}" height="{abs(y1 - y0) + 2 * PAD:.6g}"'
        content += f'<rect class="tip" {place} fill="none" pointer-events="all"><title>{escape(text)}</title></rect>'
    look = f'font-family="{FONTS}" stroke-linejoin="round"'
    return f"{_root(WIDTH, height, canvas.label)} {look}>{content}</svg>"


def _simplified(tag: str) -> str:
    tag = STYLED.sub(lambda style: "".join(f' {key}="{value}"' for key, value in STYLE.findall(style[1])), tag)
    for name, color in LIGHT.items():
        tag = tag.replace(color, f"var(--{name})")
    return NUMBER.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), UNUSED.sub("", tag))


def _root(width: float, height: float, label: str) -> str:
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(label)}'


def compose(panels: Sequence[str], label: str, colors: Mapping[str, str], attributes: str = "") -> str:
    """Return the panels of a figure as one SVG in these colours, two side by side."""
    heights = [float(found[1]) for panel in panels if (found := HEIGHT.search(panel))]
    placed, top = "", 0.0
    for start in range(0, len(panels), COLUMNS):
        for column, panel in enumerate(panels[start : start + COLUMNS]):
            placed += panel.replace("<svg ", f'<svg x="{column * (WIDTH + GAP)}" y="{top:g}" ', 1)
        top += max(heights[start : start + COLUMNS]) + GAP
    root = _root(min(len(panels), COLUMNS) * (WIDTH + GAP) - GAP, top - GAP, label)
    return COLOR.sub(lambda name: colors[name[1]], f"{root}{attributes}>{placed}</svg>\n")
