"""The first tables of a report for papers, as LaTeX."""

import re
from collections.abc import Sequence

from vitreport.formatting import printable
from vitreport.report import tables
from vitreport.report.blocks import Table
from vitreport.report.page import Page

MINUS = re.compile(r"(?<![\w-])-(?=[\d.])")
LATEX_SIGNS = str.maketrans(
    {sign: rf"\{sign}" for sign in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "\N{EN DASH}": "--", "\N{MINUS SIGN}": "$-$"}
)


def render_latex(page: Page) -> str:
    """Return the tables for a document with booktabs."""
    content = [tables.overview(page.summary), *map(tables.ablation, page.summary.ablations)]
    return "\n".join([r"% needs \usepackage{booktabs}", *map(_latex_table, content)])


def _latex_table(content: Table) -> str:
    head, *rows = map(_latex_row, (content.columns, *content.rows))
    body = [r"\toprule", head, r"\midrule", *rows, r"\bottomrule"]
    caption = rf"\caption{{{_latex(f'{content.caption}. {content.note}'.strip())}}}"
    name = "-".join(re.findall("[a-z0-9]+", content.caption.lower()))
    label, columns = rf"\label{{tab:{name}}}", rf"\begin{{tabular}}{{{content.align}}}"
    begin = [r"\begin{table}", r"\centering", caption, label, columns]
    return "\n".join([*begin, *body, r"\end{tabular}", r"\end{table}", ""])


def _latex_row(cells: Sequence[str]) -> str:
    """Hold a row in braces whose beginning the line break above would take for its argument or its star."""
    row = " & ".join(map(_latex, cells))
    return ("{}" if row.lstrip().startswith(("[", "*")) else "") + row + r" \\"


def _latex(text: str) -> str:
    return MINUS.sub("\N{MINUS SIGN}", printable(text)).translate(LATEX_SIGNS)
