"""The tables of a report for papers, as LaTeX with booktabs. No table is too wide."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import compress
from math import ceil

from vitreport.formatting import printable, unbroken
from vitreport.report import grids, tables
from vitreport.report.blocks import Table
from vitreport.report.claims import verdicts
from vitreport.report.sections import Page

SIZES = {"": 69, r"\small": 74, r"\footnotesize": 80, r"\scriptsize": 85}  # of fonts, with the characters on a line
GAP = 2.5  # between two columns, in characters
MAX_LINES = 36  # a longer table is broken over pages
OF_CLAIMS = ("claim", "published", "measured", "verdict", "why")
SIDES = {"l": r"\raggedright", "r": r"\raggedleft"}
MINUS = re.compile(r"(?<![\w-])-(?=[\d.])")
LIGATURE = re.compile(r"([-,'`<>])(?=\1)|[?!](?=`)")
SIGNS = str.maketrans(
    {sign: rf"\{sign}" for sign in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", '"': "''"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    | {"\N{EN DASH}": r"\textendash{}", "\N{MINUS SIGN}": "$-$", "\N{NO-BREAK SPACE}": "~"}
    | {"\N{ZERO WIDTH NON-JOINER}": r"\/", "\N{REPLACEMENT CHARACTER}": "?"}
)


def render_latex(page: Page) -> str:
    """Return the tables of results: all architectures, each comparison and ablation, and published claims."""
    summary = page.summary
    content = [tables.overview(summary)]
    for section in summary.sections:
        compared = (each for each in section.comparisons if len(each.groups) > 1 or not summary.is_overview(each))
        content += [tables.comparison(each) for each in compared if each.groups]
        for each in section.ablations:
            content += [grids.grid(each) if each.is_grid else tables.ablation(each, page.published(each))]
            content += [grids.effects(each)] if each.effects else []
    judged = [each for each in page.verdicts if each.outcome != "not run"]
    content += [_only(OF_CLAIMS, verdicts(judged))] if judged else []
    names = ["-".join(re.findall("[a-z0-9]+", each.caption.lower())) for each in content]
    labels = [name if names.index(name) == place else f"{name}-{place}" for place, name in enumerate(names)]
    return "\n".join([r"% needs \usepackage{array,booktabs,longtable}", *map(_latex_table, content, labels)])


def _only(names: Sequence[str], content: Table) -> Table:
    """Return a table with these of its columns."""
    kept = [name in names for name in content.columns]
    columns, *rows = (tuple(compress(row, kept)) for row in (content.columns, *content.rows))
    return replace(content, columns=columns, rows=tuple(rows), align="".join(compress(content.align, kept)))


def _latex_table(content: Table, label: str) -> str:
    size, widths, align = _layout(content)
    head, *rows = map(_latex_row, (content.columns, *content.rows))
    top, between = [r"\toprule", head, r"\midrule"], "\n" if align == content.align else "\n\\addlinespace\n"
    body = [between.join(rows), r"\bottomrule"]
    words = _latex(f"{content.caption}. {content.note}".strip())
    caption = [rf"\caption[{{{_latex(content.caption)}}}]{{{words}}}", rf"\label{{tab:{label}}}"]
    lines = sum(max(ceil(len(cell) / width) for cell, width in zip(row, widths, strict=True)) for row in content.rows)
    if lines > MAX_LINES:
        begin = [rf"{{{size}\setlength{{\LTcapwidth}}{{\linewidth}}", rf"\begin{{longtable}}{{{align}}}"]
        top, end = [*caption, r"\\", *top, r"\endfirsthead", *top, r"\endhead"], [r"\end{longtable}}"]
    else:
        begin = [r"\begin{table}", r"\centering" + size, *caption, r"\smallskip", rf"\begin{{tabular}}{{{align}}}"]
        end = [r"\end{tabular}", r"\end{table}"]
    return "\n".join([*begin, *top, *body, *end, ""])


def _layout(content: Table) -> tuple[str, list[int], str]:
    """Return the size of the font, the widths of the columns in characters, and the columns as LaTeX has them.

    Where a line would be too long, they are paragraphs: each as wide as its longest word, and the more text it has,
    the more it gets of the rest of the line.
    """
    columns = [[unbroken(cell) for cell in column] for column in zip(content.columns, *content.rows, strict=True)]
    whole = [max(map(len, column)) for column in columns]
    words = [max(len(word) for cell in column for word in cell.split(" ")) for column in columns]
    gaps = GAP * len(columns)
    for size in ("", r"\small"):
        if sum(whole) + gaps <= SIZES[size]:
            return size, whole, content.align
    size = next((size for size, line in SIZES.items() if size and sum(words) + gaps <= line), r"\scriptsize")
    share = max(0.0, SIZES[size] - gaps - sum(words)) / max(1, sum(whole) - sum(words))
    widths = [word + int(share * (length - word)) for word, length in zip(words, whole, strict=True)]
    parts = [(width + GAP) / (sum(widths) + gaps) for width in widths]
    paragraphs = (
        rf">{{{SIDES[side]}\arraybackslash}}p{{\dimexpr{part:.3f}\linewidth-2\tabcolsep}}"
        for side, part in zip(content.align, parts, strict=True)
    )
    return size, widths, "".join(paragraphs)


def _latex_row(cells: Iterable[str]) -> str:
    """Hold a row in braces whose beginning the line break above would take for its argument or its star."""
    row = " & ".join(map(_latex, cells))
    return ("{}" if row.lstrip().startswith(("[", "*")) else "") + row + r" \\"


def _latex(text: str) -> str:
    """Escape special characters, and separate those that LaTeX would join: braces do not stop LuaLaTeX."""
    text = MINUS.sub("\N{MINUS SIGN}", unicodedata.normalize("NFC", unbroken(printable(text))))
    return LIGATURE.sub("\\g<0>\N{ZERO WIDTH NON-JOINER}", text).translate(SIGNS)
