"""A page for programs, as JSON and CSV, and its first tables for papers, as LaTeX.

JSON has each group once; everything else names groups by their ids. Accuracies are fractions of images, losses are in
nats, FLOPs are those of one image. `low` and `high` bound a 95% interval, null where there is none.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from vitreport.analysis.groups import Cost, Group, mixed_randomness
from vitreport.analysis.runs import RunSummary
from vitreport.analysis.summary import Ablation, Architecture, Level, Pair
from vitreport.formatting import csv_text, json_document, printable
from vitreport.report import tables
from vitreport.report.blocks import Table
from vitreport.report.page import Page

SCHEMA_VERSION = 6
RUN_FIELDS = ("id", "seed", "state", "epoch", "epochs", "accuracies", "note")
COUNTED = ("devices", "versions", "commits")
FIGURE_FIELDS = ("name", "kind", "title", "alt", "caption")
NOT_IN_LABELS = re.compile(r"[^a-z0-9]+")
MINUS = re.compile(r"(?<![\w-])-(?=[\d.])")
LATEX_SIGNS = str.maketrans(
    {sign: rf"\{sign}" for sign in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "\N{EN DASH}": "--", "\N{MINUS SIGN}": "$-$"}
)
Plain = dict[str, Any]  # JSON values by their names


def render_json(page: Page) -> str:
    """Return everything that the page says; of its figures, the words."""
    summary = page.summary
    document = {
        "schema_version": SCHEMA_VERSION,
        "title": page.title,
        "headline": page.headline,
        "contents": [{"title": each.title, "anchor": each.anchor} for each in page.sections],
        "runs": summary.runs,
        "architectures": [_architecture(each) for each in summary.architectures],
        "datasets": [asdict(each) | {"counts": dict(each.counts)} for each in summary.datasets],
        "groups": list(map(_group, summary.groups)),
        "pairs": [_pair(each) for each in summary.pairs],
        "ablations": [_ablation(each) for each in summary.ablations],
        "sections": [
            {
                "title": section.title,
                "question": section.question,
                "runs": [{"name": name, **_pair(pair)} for name, pair in section.runs],
                "ablations": [ablation.name for ablation in section.ablations],
            }
            for section in summary.sections
        ],
        "findings": [asdict(each) for each in page.findings],
        "verdicts": [asdict(each) for each in page.verdicts],
        "figures": [{name: getattr(each, name) for name in FIGURE_FIELDS} for each in page.figures],
        "unplaced": [_run(each) for each in summary.unplaced],
        "damage": [asdict(each) for each in summary.damage],
        "provenance": asdict(summary.provenance) | {name: dict(getattr(summary.provenance, name)) for name in COUNTED},
        "mixed_randomness": mixed_randomness(summary.groups),
        "bibliography": page.bibliography,
    }
    return json_document(document) + "\n"


def _architecture(content: Architecture) -> Plain:
    """Return `shared`, the fields in which all its groups agree, and `differing`, the paths of the others."""
    paths = (path for group in content.groups for path in group.fields)
    every = {path: [group.fields.get(path) for group in content.groups] for path in paths}
    shared = {path: values[0] for path, values in every.items() if all(value == values[0] for value in values)}
    return {
        **{name: getattr(content, name) for name in ("name", "title", "about", "reference")},
        "groups": [group.id for group in content.groups],
        "shared": shared,
        "differing": [path for path in every if path not in shared],
    }


def _group(content: Group) -> Plain:
    computed = {"command": content.command, "is_preset": content.is_preset}
    return asdict(replace(content, runs=())) | {"runs": list(map(_run, content.runs)), **computed}


def _run(content: RunSummary) -> Plain:
    seen = content.last_seen and dict(zip(("split", "accuracy"), content.last_seen, strict=True))
    return {**{name: getattr(content, name) for name in RUN_FIELDS}, "last_seen": seen}


def _pair(content: Pair) -> Plain:
    return asdict(replace(content, group=None)) | {"group": content.group and content.group.id}


def _ablation(content: Ablation) -> Plain:
    levels = [asdict(level) | {"values": _values(content, level)} for level in content.levels]
    return asdict(content) | {"levels": levels}


def _values(ablation: Ablation, level: Level) -> Plain:
    """Return values by the paths of their fields; of a variant its name, by that of the axis."""
    values: Plain = {}
    for axis, value in zip(ablation.axes, level.values, strict=True):
        is_variant = value.value == value.label and list(value.fields.values()) != [value.value]
        values |= {axis: value.label} if is_variant else value.fields
    return values


def render_csv(page: Page) -> str:
    """Return one row per group, with what its estimates rest on; no cell begins like a formula of a spreadsheet."""
    groups = page.summary.groups
    paths = list(dict.fromkeys(path for group in groups for path in group.fields))
    rows = [dict(_row(group, paths)) for group in groups]
    return csv_text([*rows[:1], *(row.values() for row in rows)])


def _row(group: Group, paths: Sequence[str]) -> Iterator[tuple[str, Any]]:
    yield from (("architecture", group.architecture), ("dataset", group.dataset), ("group", group.id))
    yield from (("state", group.state), ("seeds", " ".join(map(str, group.seeds))))
    for name in ("test", "validation", "train", "gap", "test_loss"):
        for part in ("value", "low", "high", "method", "n"):
            yield name if part == "value" else f"{name}_{part}", getattr(getattr(group, name), part, None)
    for field in fields(Cost):
        yield field.name, getattr(group.cost, field.name, None)
    for path in paths:
        value = group.fields.get(path)
        yield path, value if isinstance(value, str | int | float | None) else json.dumps(value)
    yield "command", group.command


def render_latex(page: Page) -> str:
    """Return the tables for a document with booktabs."""
    content = [tables.overview(page.summary), *map(tables.ablation, page.summary.ablations)]
    return "\n".join([r"% needs \usepackage{booktabs}", *map(_latex_table, content)])


def _latex_table(content: Table) -> str:
    head, *rows = map(_latex_row, (content.columns, *content.rows))
    body = [r"\toprule", head, r"\midrule", *rows, r"\bottomrule"]
    caption = rf"\caption{{{_latex(f'{content.caption}. {content.note}'.strip())}}}"
    label = rf"\label{{tab:{NOT_IN_LABELS.sub('-', content.caption.lower()).strip('-')}}}"
    begin = [r"\begin{table}", r"\centering", caption, label, rf"\begin{{tabular}}{{{content.align}}}"]
    return "\n".join([*begin, *body, r"\end{tabular}", r"\end{table}", ""])


def _latex_row(cells: Sequence[str]) -> str:
    """Hold a row in braces whose beginning the line break above would take for its argument or its star."""
    row = " & ".join(map(_latex, cells))
    return ("{}" if row.lstrip().startswith(("[", "*")) else "") + row + r" \\"


def _latex(text: str) -> str:
    return MINUS.sub("\N{MINUS SIGN}", printable(text)).translate(LATEX_SIGNS)
