"""The first table of a page and those of its ablations as LaTeX, for papers."""

import re
from collections.abc import Sequence

from vitreport.formatting import printable
from vitreport.report import tables
from vitreport.report.blocks import Table
from vitreport.report.page import Page

MINUS = re.compile(r"(?<![\w-])-(?=[\d.])")
LATEX_SIGNS = str.maketrans(
    {sign: rf"\{sign}" for sign in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "±": r"$\pm$"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "\N{EN DASH}": "--"}
    | {"\N{MINUS SIGN}": "$-$"}
)


def render_latex(page: Page) -> str:
    """Return the tables for a document with booktabs."""
    content = [tables.overview(page.summary), *map(tables.ablation, page.summary.ablations)]
    return "\n".join([r"% needs \usepackage{booktabs}", *map(_table, content)])


def _table(content: Table) -> str:
    lines = [
        r"\begin{table}",
        rf"\caption{{{_latex(f'{content.caption}. {content.note}')}}}",
        rf"\begin{{tabular}}{{{content.align}}}",
        r"\toprule",
        _row(content.columns),
        r"\midrule",
        *map(_row, content.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    """Hold a row in braces whose beginning the line break above would take for its argument or its star."""
    row = " & ".join(map(_latex, cells))
    return ("{}" if row.lstrip().startswith(("[", "*")) else "") + row + r" \\"


def _latex(text: str) -> str:
    return MINUS.sub("\N{MINUS SIGN}", printable(text)).translate(LATEX_SIGNS)
