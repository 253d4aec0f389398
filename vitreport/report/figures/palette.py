"""The colours of every figure and of the page: Okabe and Ito (2008) on GitHub's light and dark backgrounds.

A figure is drawn in the light colours, which are then replaced by the names of these: a page or a file gives each name
its value. No two names share a colour of the light palette. `figures.mplstyle` repeats some of them.
"""

COLORS = {
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#9aa4af"),
    "rule": ("#d8dee4", "#30363d"),
    "paper": ("#ffffff", "#0d1117"),
    "blue": ("#0072b2", "#56b4e9"),
    "vermillion": ("#d55e00", "#e8742a"),
    "green": ("#009e73", "#00b685"),
    "purple": ("#cc79a7", "#cc79a7"),
    "orange": ("#e69f00", "#e69f00"),
    "sky": ("#56b4e9", "#3d95d0"),
}
LIGHT, DARK = ({name: pair[theme] for name, pair in COLORS.items()} for theme in (0, 1))
