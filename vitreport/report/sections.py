"""The sections of a report, in their order, for every format.

A new section is one function that returns its blocks, and one line in `SECTIONS`. A section without blocks is left out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from vitreport.analysis import protocol
from vitreport.analysis.findings import Finding
from vitreport.analysis.summary import Ablation, Architecture
from vitreport.analysis.titles import subject_of, where_of
from vitreport.formatting import counted, joined, methods
from vitreport.report import blocks, tables
from vitreport.report.page import Page

DAMAGED = "damaged-records"

Blocks = Iterator[blocks.Block]
Builder = Callable[[Page], Iterable[blocks.Section]]


def section(
    title: str, anchor: str, build: Callable[[Page], Iterable[blocks.Block]], *, has_heading: bool = True
) -> Builder:
    """Return what builds one section from a page."""
    return lambda page: [blocks.Section(title, anchor, tuple(build(page)), has_heading)]


def result(page: Page) -> Blocks:
    """Yield the answer, the first table, and what is missing from it."""
    for sentence in page.headline:
        yield blocks.Paragraph(sentence, "headline")
    yield from _with_rows(tables.overview(page.summary))
    yield blocks.Paragraph(methods(page.tested), "note")
    if damage := page.summary.damage:
        places = counted(len(damage), "place")
        text = f"The records are damaged in {places}: what could be read is here, the rest is listed under"
        yield blocks.Paragraph((text, blocks.Link("Damaged records", DAMAGED)), "warning")
    yield from _figures(page.figures, "overview")
    pairs = [] if page.summary.sections else [pair for pair in page.summary.pairs if pair.group is None]
    if pairs:
        items = tuple((f"{where_of(pair)}:", blocks.Code(pair.command)) for pair in pairs)
        yield blocks.Details(f"Not run yet: {counted(len(pairs), 'pair')}, with the commands", (blocks.Bullets(items),))


def study_parts(page: Page) -> Iterator[blocks.Section]:
    """Yield a section for each part of a study."""
    for number, part in enumerate(page.summary.sections, start=1):
        content: list[blocks.Block] = [blocks.Paragraph(part.question)] if part.question else []
        content += _with_rows(tables.study_runs(part))
        for ablation in part.ablations:
            content += [blocks.Heading(subject_of(ablation)), *ablation_blocks(page, ablation)]
        yield blocks.Section(part.title, f"section-{number}", tuple(content))


def ablation_blocks(page: Page, ablation: Ablation) -> list[blocks.Block]:
    """Return an ablation without a heading: its table, what is missing, what was found, its figure."""
    findings = page.findings_about(ablation)
    figures = [each for each in page.figures if each.ablation == ablation.name]
    return [*_ablation_table(ablation), *_sentences(findings), *_figures(figures, "ablation")]


def architectures(page: Page) -> Iterator[blocks.Section]:
    """Yield a section for each architecture with runs."""
    shown = (each for each in page.summary.architectures if each.groups)
    for number, architecture in enumerate(shown, start=1):
        yield blocks.Section(architecture.title, f"architecture-{number}", tuple(_architecture(page, architecture)))


def _architecture(page: Page, architecture: Architecture) -> Blocks:
    figures = [each for each in page.figures if each.architecture == architecture.name]
    ablations = {each.name: each for each in architecture.ablations if each.source != "study"}
    yield blocks.Paragraph(architecture.about)
    yield from _sentences(page.findings_of(architecture.name))
    yield from _with_rows(tables.results(architecture))
    yield from _figures(figures, "curves")
    for ablation in ablations.values():
        yield blocks.Heading(subject_of(ablation))
        yield from _ablation_table(ablation)
    yield from _figures((each for each in figures if each.ablation in ablations), "ablation")
    settings = [
        each
        for kind, fields in (("model", architecture.model_fields), ("training", architecture.training_fields))
        for each in (tables.differing_fields(fields, kind, architecture.groups), tables.shared_fields(fields, kind))
    ]
    yield blocks.Details("Parameters of the model and of training", tuple(_with_rows(*settings)))
    by_class = tables.classes(architecture.pairs)
    if by_class.rows:
        detailed = [
            (where_of(each), each.group.details) for each in architecture.pairs if each.group and each.group.details
        ]
        content = (
            *_figures(figures, "classes", "confusion", "calibration"),
            by_class,
            *_with_rows(*(tables.confused(each.confusion, where) for where, each in detailed if each.confusion)),
            *_figures(figures, "mistakes"),
            *(tables.mistakes(each.mistakes, where) for where, each in detailed if each.mistakes),
        )
        yield blocks.Details("Classes and mistakes in detail", content)


def _ablation_table(ablation: Ablation) -> Blocks:
    yield from _with_rows(tables.ablation(ablation))
    yield blocks.Paragraph(methods(tables.estimates_of(ablation)), "note")
    missing: dict[str, list[str]] = {}
    for level in ablation.levels:
        if level.group is None and level.command:
            missing.setdefault(level.command, []).append(level.shown)
    if missing:
        items = ((f"Not run: {joined(values)}.", blocks.Code(command)) for command, values in missing.items())
        yield blocks.Bullets(tuple(items))


def cost(page: Page) -> Blocks:
    """Yield what training and prediction take."""
    content = tables.cost(page.summary.pairs)
    if content.rows:
        yield from (content, blocks.Paragraph(protocol.COST, "note"), *_figures(page.figures, "cost"))


def methods_section(page: Page) -> Blocks:
    """Yield how the numbers were obtained."""
    yield blocks.Bullets(tuple(protocol.methods(page.summary, has_claims=bool(page.verdicts))))


def provenance(page: Page) -> Blocks:
    """Yield machines, versions and commits."""
    if page.summary.runs:
        yield from _with_rows(tables.provenance(page.summary))
        if note := protocol.resumed(page.summary):
            yield blocks.Paragraph(note, "note")


def commands(page: Page) -> Blocks:
    """Yield the commands that train each group again."""
    if not page.summary.groups:
        return
    if placeholder := protocol.placeholder_of(page.summary):
        yield blocks.Paragraph(placeholder)
    content: list[blocks.Block] = []
    for group in page.summary.groups[: blocks.MOST_ROWS]:
        setting = f", {group.label}" if group.label else ""
        content += [blocks.Paragraph(f"{where_of(group)}{setting}:"), blocks.CodeBlock(group.command, "sh")]
    yield blocks.Details("The command for each row", tuple(content))


def references(page: Page) -> Blocks:
    """Yield what is cited."""
    if page.bibliography:
        yield blocks.Details("BibTeX", (blocks.CodeBlock("\n\n".join(page.bibliography), "bibtex"),))


SECTIONS: list[Builder] = [
    section("Result", "result", result, has_heading=False),
    section("Findings", "findings", lambda page: _sentences(page.findings_of(""))),
    study_parts,
    architectures,
    section("Published and measured", "claims", lambda page: _with_rows(tables.verdicts(page.verdicts))),
    section("Cost", "cost", cost),
    section("Methods", "methods", methods_section),
    section("Data", "data", lambda page: _with_rows(tables.data(page.summary.datasets))),
    section("Provenance", "provenance", provenance),
    section("Limits", "limits", lambda page: [blocks.Bullets(tuple(protocol.limits(page.summary)))]),
    section("Runs without a result", "without-result", lambda page: _with_rows(tables.without_result(page.summary))),
    section("Damaged records", DAMAGED, lambda page: _with_rows(tables.damage(page.summary.damage))),
    section("Commands", "commands", commands),
    section("References", "references", references),
]


def sections_of(page: Page) -> tuple[blocks.Section, ...]:
    """Return the sections of a page that say something, in their order."""
    return tuple(each for build in SECTIONS for each in build(page) if each.blocks)


def _with_rows(*candidates: blocks.Table) -> Iterator[blocks.Table]:
    return (each for each in candidates if each.rows)


def _sentences(found: Sequence[Finding]) -> Blocks:
    if found:
        yield blocks.Bullets(tuple(each.sentence for each in found))


def _figures(figures: Iterable[blocks.Figure], *kinds: blocks.Kind) -> Blocks:
    if shown := tuple(each for each in figures if each.kind in kinds):
        yield blocks.Figures(shown)
