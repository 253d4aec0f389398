"""A page as a table for programs (CSV) and for papers (LaTeX)."""

import csv
import dataclasses
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from vitreport.analysis.measured import Estimate
from vitreport.analysis.sentences.phrases import methods
from vitreport.analysis.sentences.subjects import subject_of, titles
from vitreport.analysis.summary import Group
from vitreport.formatting import printable, spreadsheet_text
from vitreport.report import tables
from vitreport.report.page import Page
from vitreport.report.table import Table

LATEX_NEEDS = r"% needs \usepackage{booktabs}"
MINUS = re.compile(r"(?<![\w-])-(?=[\d.])")
LATEX_SIGNS = str.maketrans(
    {sign: rf"\{sign}" for sign in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "±": r"$\pm$"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "\N{EN DASH}": "--"}
    | {"\N{MINUS SIGN}": "$-$"}
)


def render_csv(page: Page) -> str:
    """One row a group, with what its estimates rest on; no cell begins like a formula of a spreadsheet."""
    groups = page.summary.groups
    paths = list(dict.fromkeys(path for group in groups for path in group.fields))
    rows = [dict(_row(group, paths)) for group in groups]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if rows:
        writer.writerow(map(_plain, rows[0]))
    writer.writerows([_plain(value) for value in row.values()] for row in rows)
    return text.getvalue()


def render_latex(page: Page) -> str:
    """The first table and those of the ablations, for a document with booktabs."""
    names = titles(page.summary)
    parts = [_latex_table(tables.overview(page.summary), f"Test accuracy. {methods(page.tested)}")]
    for ablation in page.summary.ablations:
        estimates = [estimate for level in ablation.levels for estimate in (level.accuracy, level.difference)]
        caption = f"{subject_of(ablation, names)}. {methods(estimates)}"
        parts.append(_latex_table(tables.ablation(ablation), caption))
    return "\n".join([LATEX_NEEDS, *parts])


def _row(group: Group, paths: Sequence[str]) -> Iterator[tuple[str, Any]]:
    yield from (("architecture", group.architecture), ("dataset", group.dataset), ("group", group.id))
    yield from (("state", group.state), ("seeds", " ".join(map(str, group.seeds))))
    for name in ("test", "validation", "train", "gap", "test_loss"):
        yield from _estimate(name, getattr(group, name))
    cost = dataclasses.asdict(group.cost) if group.cost else {}
    for name in ("parameters", "forward_flops", "training_flops", "images_per_second", "seconds", "peak_memory_bytes"):
        yield name, cost.get(name)
    yield "device", cost.get("device")
    for path in paths:
        value = group.fields.get(path)
        yield path, value if isinstance(value, str | int | float | None) else json.dumps(value)
    yield "command", group.command


def _estimate(name: str, estimate: Estimate | None) -> Iterator[tuple[str, Any]]:
    for part in ("value", "low", "high", "method", "n"):
        yield name if part == "value" else f"{name}_{part}", estimate and getattr(estimate, part)


def _plain(value: Any) -> Any:
    return spreadsheet_text(value) if isinstance(value, str) else value


def _latex_table(content: Table, caption: str) -> str:
    columns = "l" * content.texts + "r" * (len(content.columns) - content.texts)
    more = f" Rows left out here: {content.left_out:,}; the CSV has all of them." if content.left_out else ""
    lines = [
        r"\begin{table}",
        rf"\caption{{{_latex(caption + more)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
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
