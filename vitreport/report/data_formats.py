"""A page for programs, as JSON and CSV, and its first tables for papers, as LaTeX.

JSON has each group once; everything else names groups by their ids. Accuracies are fractions of images, losses are in
nats, FLOPs are those of one image. `low` and `high` bound a 95% interval, null where there is none.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from pydantic import BaseModel

from vitreport.analysis.groups import Cost, Group, mixed_randomness
from vitreport.analysis.runs import RunSummary
from vitreport.analysis.summary import Level
from vitreport.formatting import Estimate, csv_text, json_document, printable
from vitreport.report import tables
from vitreport.report.blocks import Figure, Table
from vitreport.report.page import Page
from vitreport.spec.fields import flat

SCHEMA_VERSION = 7
KEPT: dict[type, Sequence[str]] = {  # of a type that has more, or has it elsewhere
    Level: ("values", "state", "accuracy", "difference", "group", "missing", "paired"),
    RunSummary: ("id", "seed", "state", "epoch", "epochs", "accuracies", "note"),
    Figure: ("name", "kind", "title", "alt", "caption"),
}
ROW = ("architecture", "dataset", "id", "state", "seeds", "test", "validation", "train", "gap", "test_loss", "cost")
MINUS = re.compile(r"(?<![\w-])-(?=[\d.])")
LATEX_SIGNS = str.maketrans(
    {sign: rf"\{sign}" for sign in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "\N{EN DASH}": "--", "\N{MINUS SIGN}": "$-$"}
)


def render_json(page: Page) -> str:
    """Return everything that the page says; of its figures, the words."""
    summary = page.summary
    document = {
        "schema_version": SCHEMA_VERSION,
        "title": page.title,
        "headline": page.headline,
        "introduction": summary.introduction,
        "contents": [{"title": each.title, "anchor": each.anchor} for each in page.sections],
        "runs": summary.runs,
        "architectures": summary.architectures,
        "datasets": summary.datasets,
        "groups": [{**_object(each), "command": each.command, "is_preset": each.is_preset} for each in summary.groups],
        "pairs": summary.pairs,
        "ablations": summary.ablations,
        "sections": [
            {
                "title": section.title,
                "question": section.question,
                "text": section.text,
                "runs": [{"name": name, "group": each} for part in section.comparisons for name, each in part.groups],
                "not_run": [name for part in section.comparisons for name in part.missing],
                "ablations": [ablation.name for ablation in section.ablations],
            }
            for section in summary.sections
        ],
        "conclusion": summary.conclusion,
        "findings": page.findings,
        "verdicts": page.verdicts,
        "figures": page.figures,
        "unplaced": summary.unplaced,
        "damage": summary.damage,
        "provenance": summary.provenance,
        "mixed_randomness": mixed_randomness(summary.groups),
        "bibliography": page.bibliography,
    }
    return json_document(document, _plain) + "\n"


def _plain(value: Any) -> Any:
    """Return what JSON has of a value within another: of a group its id."""
    if isinstance(value, Group):
        return value.id
    return value.model_dump() if isinstance(value, BaseModel) else _object(value)


def _object(value: Any) -> dict[str, Any]:
    names = KEPT.get(type(value)) or [each.name for each in fields(value)]
    return {name: getattr(value, name) for name in names}


def render_csv(page: Page) -> str:
    """Return one row per group; no cell begins like a formula of a spreadsheet."""
    rows = list(map(_row, page.summary.groups))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return csv_text([columns, *([row.get(column) for column in columns] for row in rows)])


def _row(group: Group) -> dict[str, Any]:
    """Return what is known of a group: its estimates by their paths in JSON, the fields of its spec, its command."""
    values = {name: getattr(group, name) for name in ROW}
    nested = {name: _object(value) if isinstance(value, Estimate | Cost) else value for name, value in values.items()}
    row = {**flat(nested), **group.fields, "command": group.command}
    return {
        name: json.dumps(value) if isinstance(value, list | tuple | dict) else value
        for name, value in row.items()
        if value is not None
    }


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
