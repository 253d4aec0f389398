"""The sections of a report, in their order, for every format.

A new section is one function that returns its blocks, and one line in `SECTIONS`. A section without blocks is left out.
"""

from collections.abc import Callable, Iterable, Iterator

from vitreport.analysis import protocol
from vitreport.analysis.summary import Ablation, Architecture
from vitreport.analysis.titles import subject_of, where_of
from vitreport.formatting import counted, joined
from vitreport.report import blocks, tables
from vitreport.report.blocks import Paragraph
from vitreport.report.page import Page

DAMAGED = "damaged-records"

Blocks = Iterable[blocks.Block]
Builder = Callable[[Page], Iterable[blocks.Section]]


def section(title: str, anchor: str, build: Callable[[Page], Blocks], *, has_heading: bool = True) -> Builder:
    """Return what builds one section from a page."""
    return lambda page: [blocks.Section(title, anchor, tuple(build(page)), has_heading)]


def result(page: Page) -> Iterator[blocks.Block]:
    """Yield the answer, the first table, and what is missing from it."""
    for sentence in page.headline:
        yield Paragraph(sentence, "headline")
    yield from _filled(tables.overview(page.summary))
    if damage := page.summary.damage:
        text = f"The records are damaged in {counted(len(damage), 'place')}: what could be read is here, the rest is in"
        yield Paragraph((text, blocks.Link("Damaged records", DAMAGED)), "warning")
    yield from _figures(page.figures, "overview")
    pairs = [] if page.summary.sections else [pair for pair in page.summary.pairs if pair.group is None]
    if pairs:
        items = tuple((f"{where_of(pair)}:", blocks.Code(pair.command)) for pair in pairs)
        yield blocks.Details(f"Not run yet: {counted(len(pairs), 'pair')}, with the commands", (blocks.Bullets(items),))


def study_parts(page: Page) -> Iterator[blocks.Section]:
    """Yield a section for each part of a study."""
    for number, part in enumerate(page.summary.sections, start=1):
        content: list[blocks.Block] = [Paragraph(part.question)] if part.question else []
        content += _filled(tables.study_runs(part))
        for ablation in part.ablations:
            content += [Paragraph(subject_of(ablation), "heading"), *ablation_blocks(page, ablation)]
        yield blocks.Section(part.title, f"section-{number}", tuple(content))


def ablation_blocks(page: Page, ablation: Ablation) -> list[blocks.Block]:
    """Return an ablation without a heading: its table, what is missing, what was found, its figure."""
    findings = _bullets(each.sentence for each in page.findings_about(ablation))
    figures = _figures((each for each in page.figures if each.ablation == ablation.name), "ablation")
    return [*_ablation_table(ablation), *findings, *figures]


def _ablation_table(ablation: Ablation) -> Iterator[blocks.Block]:
    yield from _filled(tables.ablation(ablation))
    missing: dict[str, list[str]] = {}
    for level in ablation.levels:
        if level.group is None and level.command:
            missing.setdefault(level.command, []).append(level.shown)
    yield from _bullets((f"Not run: {joined(each)}.", blocks.Code(command)) for command, each in missing.items())


def architectures(page: Page) -> Iterator[blocks.Section]:
    """Yield a section for each architecture with runs."""
    shown = (each for each in page.summary.architectures if each.groups)
    for number, architecture in enumerate(shown, start=1):
        yield blocks.Section(architecture.title, f"architecture-{number}", tuple(_architecture(page, architecture)))


def _architecture(page: Page, architecture: Architecture) -> Iterator[blocks.Block]:
    figures = [each for each in page.figures if each.architecture == architecture.name]
    ablations = {each.name: each for each in architecture.ablations if each.source != "study"}
    yield Paragraph(architecture.about)
    yield from _bullets(each.sentence for each in page.findings_of(architecture.name))
    yield from _filled(tables.results(architecture))
    yield from _figures(figures, "curves")
    for ablation in ablations.values():
        yield Paragraph(subject_of(ablation), "heading")
        yield from _ablation_table(ablation)
    yield from _figures((each for each in figures if each.ablation in ablations), "ablation")
    settings: list[blocks.Table] = []
    for kind, fields in (("model", architecture.model_fields), ("training", architecture.training_fields)):
        settings += [tables.differing_fields(fields, kind, architecture.groups), tables.shared_fields(fields, kind)]
    yield blocks.Details("Parameters of the model and of training", tuple(_filled(*settings)))
    if (by_class := tables.classes(architecture.pairs)).rows:
        groups = [each.group for each in architecture.pairs if each.group]
        details = [(where_of(each), each.details) for each in groups if each.details]
        content = (
            *_figures(figures, "classes", "confusion", "calibration"),
            by_class,
            *_filled(*(tables.confused(each.confusion, where) for where, each in details if each.confusion)),
            *_figures(figures, "mistakes"),
            *(tables.mistakes(each.mistakes, where) for where, each in details if each.mistakes),
        )
        yield blocks.Details("Classes and mistakes in detail", content)


def commands(page: Page) -> Iterator[blocks.Block]:
    """Yield the commands that train each group again."""
    if not page.summary.groups:
        return
    if placeholder := protocol.placeholder_of(page.summary):
        yield Paragraph(placeholder)
    content: list[blocks.Block] = []
    for group in page.summary.groups[: blocks.MOST_ROWS]:
        setting = f", {group.label}" if group.label else ""
        content += [Paragraph(f"{where_of(group)}{setting}:"), blocks.CodeBlock(group.command, "sh")]
    yield blocks.Details("The command for each row", tuple(content))


def references(page: Page) -> Iterator[blocks.Block]:
    """Yield what is cited."""
    if page.bibliography:
        yield blocks.Details("BibTeX", (blocks.CodeBlock("\n\n".join(page.bibliography), "bibtex"),))


def _filled(*candidates: blocks.Table) -> Blocks:
    return (each for each in candidates if each.rows)


def _bullets(found: Iterable[blocks.Text]) -> Blocks:
    return [blocks.Bullets(items)] if (items := tuple(found)) else []


def _figures(figures: Iterable[blocks.Figure], *kinds: blocks.Kind) -> Blocks:
    return (each for each in figures if each.kind in kinds)


SECTIONS: list[Builder] = [
    section("Result", "result", result, has_heading=False),
    section("Findings", "findings", lambda page: _bullets(each.sentence for each in page.findings_of(""))),
    study_parts,
    architectures,
    section("Published and measured", "claims", lambda page: _filled(tables.verdicts(page.verdicts))),
    section("Cost", "cost", lambda page: [*_filled(tables.cost(page.summary.pairs)), *_figures(page.figures, "cost")]),
    section(
        "Methods", "methods", lambda page: _bullets(protocol.methods(page.summary, has_claims=bool(page.verdicts)))
    ),
    section("Data", "data", lambda page: _filled(tables.data(page.summary.datasets))),
    section("Provenance", "provenance", lambda page: _filled(tables.provenance(page.summary))),
    section("Limits", "limits", lambda page: _bullets(protocol.limits(page.summary))),
    section("Runs without a result", "without-result", lambda page: _filled(tables.without_result(page.summary))),
    section("Damaged records", DAMAGED, lambda page: _filled(tables.damage(page.summary.damage))),
    section("Commands", "commands", commands),
    section("References", "references", references),
]


def sections_of(page: Page) -> tuple[blocks.Section, ...]:
    """Return the sections of a page that say something, in their order."""
    return tuple(each for build in SECTIONS for each in build(page) if each.blocks)
