"""The first table of a page and those of its ablations as LaTeX, for papers."""

import re
from collections.abc import Sequence

from vitreport.analysis.titles import subject_of
from vitreport.formatting import methods, printable
from vitreport.report import tables
from vitreport.report.blocks import Table
from vitreport.report.page import Page

LATEX_NEEDS = r"% needs \usepackage{booktabs}"
MINUS = re.compile(r"(?<![\w-])-(?=[\d.])")
LATEX_SIGNS = str.maketrans(
    {sign: rf"\{sign}" for sign in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "±": r"$\pm$"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "\N{EN DASH}": "--"}
    | {"\N{MINUS SIGN}": "$-$"}
)


def render_latex(page: Page) -> str:
    """The first table and those of the ablations, for a document with booktabs."""
    parts = [_latex_table(tables.overview(page.summary), f"Test accuracy. {methods(page.tested)}")]
    for ablation in page.summary.ablations:
        estimates = [estimate for level in ablation.levels for estimate in (level.accuracy, level.difference)]
        caption = f"{subject_of(ablation)}. {methods(estimates)}"
        parts.append(_latex_table(tables.ablation(ablation), caption))
    return "\n".join([LATEX_NEEDS, *parts])


def _latex_table(content: Table, caption: str) -> str:
    more = f" Rows left out here: {content.left_out:,}; the CSV has all of them." if content.left_out else ""
    lines = [
        r"\begin{table}",
        rf"\caption{{{_latex(caption + more)}}}",
        rf"\begin{{tabular}}{{{content.align}}}",
        r"\toprule",
        _latex_row(content.columns),
        r"\midrule",
        *map(_latex_row, content.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    """A cell that begins a row with an optional argument or a star of the line break before it is held in braces."""
    row = " & ".join(map(_latex, cells))
    return ("{}" if row.lstrip().startswith(("[", "*")) else "") + row + r" \\"


def _latex(text: str) -> str:
    return MINUS.sub("\N{MINUS SIGN}", printable(text)).translate(LATEX_SIGNS)
