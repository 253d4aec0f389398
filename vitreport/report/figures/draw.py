"""Draw the figures of a report as SVG."""

import re
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from vitreport.formatting import printable
from vitreport.report.blocks import PICTURES, Figure, Kind
from vitreport.report.figures import accuracy, curves, groups
from vitreport.report.figures.canvas import WIDTH, Canvas, style
from vitreport.report.figures.colors import LIGHT

FONTS = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
MIN_TIP = 14
FILE_DPI = 288
LEFT_OUT = re.compile(r"<style.*?</style>|</svg>", re.DOTALL)
TAG = re.compile(r"<\w[^>]*>")
STYLED = re.compile(r' style="([^"]*)"')
STYLE = re.compile(r"(?:^|; ?)(?!font-family|image-rendering:crisp)([\w-]+): ?([^;]*)")
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
UNUSED = re.compile(
    r' id="(?:[A-Za-z][\w.]*_\d{1,4}|image[0-9a-f]+)"| transform="rotate\(-0 [^"]*"|(?<= )xlink:(?=href)'
)
LABEL = re.compile(r'aria-label="[^"]*"')
COLOR = re.compile(r"var\(--(\w+)\)")
KINDS: dict[Kind, Callable[[Any], list[Canvas]]] = {
    "rows": accuracy.draw_panels,
    "ablation": lambda data: [accuracy.draw_ablation(*data)],
    "grid": lambda grid: [accuracy.draw_grid(grid)],
    "curves": lambda panels: list(map(curves.draw_curves, panels)),
    "confusion": lambda confusion: [groups.draw_confusion(confusion)],
    **dict.fromkeys(PICTURES, lambda _: []),
}


def draw(figure: Figure) -> list[str]:
    """Return the panels of a figure, each an SVG on one line whose colors are `var(--name)` of the palette."""
    with style():
        return [_svg(panel, f"{figure.name}-{index}") for index, panel in enumerate(KINDS[figure.kind](figure.data))]


def drawn_file(figure: Figure, extension: str) -> bytes:
    """Return a figure of one panel as a file of `panel_file`."""
    return panel_file(lambda: KINDS[figure.kind](figure.data)[0], figure.name, figure.alt, extension)


def panel_file(make: Callable[[], Canvas], name: str, alt: str, extension: str) -> bytes:
    """Return a panel in light colors as an SVG, PNG or PDF file, the same bytes each time."""
    output, extension = BytesIO(), extension.lower().removeprefix(".")
    with style():
        panel = make()
        if extension == "svg":
            return colored(_svg(panel, f"{name}-0"), alt, LIGHT).encode()
        metadata = {"CreationDate": None} if extension == "pdf" else {"Software": None}
        panel.drawing.savefig(output, format=extension, dpi=FILE_DPI, facecolor=LIGHT["paper"], metadata=metadata)
    return output.getvalue()


def _svg(canvas: Canvas, name: str) -> str:
    """Turn matplotlib's SVG into one that is small and the same on every machine; its ids are derived from `name`.

    Colors become `var(--name)`. Styles become attributes: the security policy of the HTML page forbids inline styles.
    """
    import matplotlib

    output, axes = BytesIO(), canvas.axes
    axes.set_xlabel("\n".join(filter(None, [axes.get_xlabel(), "; ".join(canvas.key)])))
    with matplotlib.rc_context({"svg.hashsalt": name}):
        canvas.drawing.savefig(output, format="svg", metadata={"Date": None})
    content = LEFT_OUT.sub("", output.getvalue().decode().partition("</metadata>")[2])
    content = TAG.sub(lambda tag: _simplified(tag[0]), content)
    content = " ".join(content.split()).replace("> <", "><")
    height = canvas.drawing.bbox.height
    for text, x, y in canvas.tips:
        (x0, x1), (y0, y1) = axes.transData.transform([*zip(x or axes.get_xlim(), y or axes.get_ylim(), strict=True)]).T
        wide, high = max(abs(x1 - x0), MIN_TIP), max(abs(y1 - y0), MIN_TIP)
        place = f'x="{(x0 + x1 - wide) / 2:.6g}" y="{height - (y0 + y1 + high) / 2:.6g}"'
        size = f'width="{wide:.6g}" height="{high:.6g}"'
        content += (
            f'<rect class="tip" {place} {size} fill="none" pointer-events="all"><title>{escape(text)}</title></rect>'
        )
    look = f'font-family="{FONTS}" stroke-linejoin="round"'
    size = f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}"'
    root = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(canvas.label)}'
    return f"{root} {look}>{content}</svg>"


def _simplified(tag: str) -> str:
    tag = STYLED.sub(lambda style: "".join(f' {key}="{value}"' for key, value in STYLE.findall(style[1])), tag)
    for name, color in LIGHT.items():
        tag = tag.replace(color, f"var(--{name})")
    return NUMBER.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), UNUSED.sub("", tag))


def colored(panel: str, label: str, colors: Mapping[str, str], attributes: str = "") -> str:
    """Return a panel as an SVG file in these colors, whose root says what is seen and has these attributes."""
    root = f"aria-label={quoteattr(printable(label))}{attributes}"
    return COLOR.sub(lambda name: colors[name[1]], LABEL.sub(lambda _: root, panel, count=1)) + "\n"
