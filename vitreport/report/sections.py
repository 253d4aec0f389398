"""The sections of a report, in their order, for every format.

A new section is one function that returns its blocks, and one line in `SECTIONS`. A section without blocks is left out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from vitreport.analysis import protocol
from vitreport.analysis.findings import Finding
from vitreport.analysis.group_details import Mistakes
from vitreport.analysis.summary import Ablation, Architecture
from vitreport.analysis.titles import subject_of, where_of
from vitreport.formatting import counted, joined, methods
from vitreport.report import blocks, tables
from vitreport.report.figures.figure import Figure, Kind
from vitreport.report.page import Page

DAMAGED = "damaged-records"

Blocks = Iterator[blocks.Block]
Content = Iterable[blocks.Block]
Builder = Callable[[Page], Iterable[blocks.Section]]


def section(title: str, anchor: str, build: Callable[[Page], Content], *, has_heading: bool = True) -> Builder:
    """Return what builds one section from a page."""
    return lambda page: [blocks.Section(title, anchor, tuple(build(page)), has_heading)]


def result(page: Page) -> Blocks:
    """The answer, the first table, and what is missing of it."""
    for sentence in page.headline:
        yield blocks.Paragraph(sentence, "headline")
    yield from _with_rows(tables.overview(page.summary))
    yield blocks.Paragraph(methods(page.tested), "note")
    if damage := page.summary.damage:
        places = counted(len(damage), "place")
        text = f"The records are damaged in {places}: what could be read is here, the rest is listed under"
        yield blocks.Alert((text, blocks.Link("Damaged records", DAMAGED)))
    yield from _figures(page.figures_of(""), "overview")
    pairs = [] if page.summary.sections else [cell for cell in page.summary.pairs if cell.group is None]
    if pairs:
        items = tuple((f"{where_of(cell)}:", blocks.Code(cell.command)) for cell in pairs)
        yield blocks.Details(f"Not run yet: {counted(len(pairs), 'pair')}, with the commands", (blocks.Bullets(items),))


def study_parts(page: Page) -> Iterator[blocks.Section]:
    """A section for each part of a study."""
    for number, part in enumerate(page.summary.sections, start=1):
        content: list[blocks.Block] = [blocks.Paragraph(part.question)] if part.question else []
        content += _with_rows(tables.study_runs(part))
        for ablation in part.ablations:
            content += [blocks.Heading(subject_of(ablation)), *ablation_blocks(page, ablation)]
        yield blocks.Section(part.title, f"section-{number}", tuple(content))


def architectures(page: Page) -> Iterator[blocks.Section]:
    """A section for each architecture with runs."""
    shown = (each for each in page.summary.architectures if each.groups)
    for number, architecture in enumerate(shown, start=1):
        yield blocks.Section(architecture.title, f"architecture-{number}", tuple(_architecture(page, architecture)))


def cost(page: Page) -> Blocks:
    """What training and prediction take."""
    content = tables.cost(page.summary.pairs)
    if content.rows:
        yield from (content, blocks.Paragraph(protocol.COST, "note"), *_figures(page.figures_of(""), "cost"))


def methods_section(page: Page) -> Blocks:
    """How the numbers were obtained."""
    yield blocks.Bullets(tuple(protocol.methods(page.summary, has_claims=bool(page.verdicts))))


def provenance(page: Page) -> Blocks:
    """Machines, versions and commits."""
    if page.summary.runs:
        yield from _with_rows(tables.provenance(page.summary))
        if note := protocol.resumed(page.summary):
            yield blocks.Paragraph(note, "note")


def commands(page: Page) -> Blocks:
    """The commands that train each group again."""
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
    """What is cited."""
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


def ablation_blocks(page: Page, ablation: Ablation) -> list[blocks.Block]:
    """Return an ablation without a heading: its table, what is missing, what was found, its figure."""
    return [
        *_ablation_table(page, ablation),
        *_sentences(page.findings_about(ablation)),
        *_figures(page.figures_about(ablation), "ablation"),
    ]


def _architecture(page: Page, architecture: Architecture) -> Blocks:
    groups, figures = architecture.groups, page.figures_of(architecture.name)
    yield blocks.Paragraph(architecture.about)
    yield from _sentences(page.findings_of(architecture.name))
    yield from _with_rows(tables.results(architecture))
    yield from _figures(figures, "curves")
    for ablation in architecture.ablations:
        if ablation.source != "study":
            yield blocks.Heading(subject_of(ablation))
            yield from _ablation_table(page, ablation)
    yield from _figures(figures, "ablation")
    fields = (("model", architecture.model_fields), ("training", architecture.training_fields))
    settings = [
        each
        for kind, content in fields
        for each in (tables.differing_fields(content, kind, groups), tables.shared_fields(content, kind))
    ]
    yield blocks.Details("Parameters of the model and of training", tuple(_with_rows(*settings)))
    by_class = tables.classes(architecture.pairs)
    if by_class.rows:
        confused = [
            tables.confused(details.confusion, where_of(cell))
            for cell in architecture.pairs
            if cell.group and (details := cell.group.details) and details.confusion
        ]
        content = (
            *_figures(figures, "classes", "confusion", "calibration"),
            *(blocks.Gallery(each, tables.mistakes(each.data)) for each in figures if isinstance(each.data, Mistakes)),
            by_class,
            *_with_rows(*confused),
        )
        yield blocks.Details("Classes and mistakes in detail", content)


def _ablation_table(page: Page, ablation: Ablation) -> Blocks:
    yield from _with_rows(tables.ablation(ablation, subject_of(ablation)))
    estimates = [level.accuracy for level in ablation.levels] + [level.difference for level in ablation.levels]
    yield blocks.Paragraph(methods(estimates), "note")
    missing: dict[str, list[str]] = {}
    for level in ablation.levels:
        if level.group is None and level.command:
            missing.setdefault(level.command, []).append(level.shown)
    if missing:
        items = ((f"Not run: {joined(values)}.", blocks.Code(command)) for command, values in missing.items())
        yield blocks.Bullets(tuple(items))


def _with_rows(*candidates: blocks.Table) -> Iterator[blocks.Table]:
    return (each for each in candidates if each.rows)


def _sentences(found: Sequence[Finding]) -> Blocks:
    if found:
        yield blocks.Bullets(tuple(each.sentence for each in found))


def _figures(figures: Iterable[Figure], *kinds: Kind) -> Blocks:
    if shown := tuple(each for each in figures if each.kind in kinds):
        yield blocks.Figures(shown)
