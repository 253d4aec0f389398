"""The colours of every figure and of the page: Okabe and Ito (2008) on GitHub's light and dark backgrounds.

A figure is drawn in the light colours, which are then replaced by the names of these: a page or a file gives each name
its value. No two names share a colour of the light palette.
"""

LIGHT = {
    "ink": "#1f2328",
    "muted": "#59636e",
    "rule": "#d8dee4",
    "paper": "#ffffff",
    "blue": "#0072b2",
    "vermillion": "#d55e00",
    "green": "#009e73",
    "purple": "#cc79a7",
    "orange": "#e69f00",
    "sky": "#56b4e9",
}
DARK = {
    "ink": "#e6edf3",
    "muted": "#9aa4af",
    "rule": "#30363d",
    "paper": "#0d1117",
    "blue": "#56b4e9",
    "vermillion": "#e8742a",
    "green": "#00b685",
    "purple": "#cc79a7",
    "orange": "#e69f00",
    "sky": "#3d95d0",
}
