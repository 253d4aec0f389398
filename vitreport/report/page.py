"""A report before it is laid out: the page, and its sections in their order, the same for every format.

A new section is one function that returns its blocks, and one line in `SECTIONS`. A section without blocks is left out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from vitreport.analysis import protocol
from vitreport.analysis.claims import Claim, Verdict, judge
from vitreport.analysis.findings import Finding, findings
from vitreport.analysis.references import bibliography, subject_of, where_of
from vitreport.analysis.summary import Ablation, Architecture, Summary
from vitreport.formatting import counted, joined
from vitreport.report import blocks, tables
from vitreport.report.blocks import Bullets, CodeBlock, Figure, Paragraph
from vitreport.report.figures.collect import figures_of

TITLE = "Small vision architectures"
NOTHING = "There is no finished run yet."


@dataclass(frozen=True)
class Page:
    """The summary with all that follows from it; `headline` answers the question in one sentence per dataset."""

    title: str
    summary: Summary
    headline: tuple[str, ...]
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    figures: tuple[Figure, ...]
    bibliography: tuple[str, ...]

    def findings_of(self, architecture: str) -> list[Finding]:
        """Return those of an architecture, or with "" those across architectures that are not in the headline."""
        studied = {ablation.name for ablation in self.summary.ablations if ablation.source == "study"}
        own = [each for each in self.findings if each.architecture == architecture and each.ablation not in studied]
        return [each for each in own if not _is_foremost(each)]

    def findings_about(self, ablation: Ablation) -> list[Finding]:
        """Return those of an ablation."""
        return [finding for finding in self.findings if finding.ablation == ablation.name]


def _is_foremost(finding: Finding) -> bool:
    """Whether it says which architecture is best on a dataset, also of single runs on the same test images."""
    foremost = ("best", "tie", "no winner", "not compared", "alone")
    return finding.rule in foremost or ("paired difference" in finding.rule and not finding.architecture)


def make_page(summary: Summary, claims: Sequence[Claim] = (), title: str = TITLE) -> Page:
    """Return the page of a summary, with verdicts on published claims."""
    verdicts = judge(claims, summary.groups, summary.datasets)
    found = findings(summary, verdicts)
    headline = tuple(each.sentence for each in found if _is_foremost(each)) or (NOTHING,)
    cited = tuple(bibliography(summary))
    return Page(title, summary, headline, tuple(found), tuple(verdicts), figures_of(summary), cited)


Blocks = Iterable[blocks.Block]
Builder = Callable[[Page], Iterable[blocks.Section]]


def section(title: str, anchor: str, build: Callable[[Page], Blocks], *, has_heading: bool = True) -> Builder:
    """Return what builds one section from a page."""
    return lambda page: [blocks.Section(title, anchor, blocks.filled(build(page)), has_heading)]


def result(page: Page) -> Iterator[blocks.Block]:
    """Yield the answer, the first table, and what is missing from it."""
    for sentence in page.headline:
        yield Paragraph(sentence, "headline")
    yield tables.overview(page.summary)
    if damage := page.summary.damage:
        text = f"The records are damaged in {counted(len(damage), 'place')}, see Damaged records."
        yield Paragraph(f"{text} The report covers everything that could be read.", "warning")
    yield from _figures((each for each in page.figures if not each.architecture), "overview", "curves")
    pairs = [] if page.summary.sections else [pair for pair in page.summary.pairs if pair.group is None]
    items = Bullets(tuple((f"{where_of(pair)}:", blocks.Code(pair.command)) for pair in pairs))
    yield _details(f"Not run yet: {counted(len(pairs), 'pair')}, with the commands", [items])


def study_parts(page: Page) -> Iterator[blocks.Section]:
    """Yield a section for each part of a study."""
    for number, part in enumerate(page.summary.sections, start=1):
        content: list[blocks.Block] = [Paragraph(part.question), tables.study_runs(part)]
        for ablation in part.ablations:
            content += [Paragraph(subject_of(ablation), "heading"), *ablation_blocks(page, ablation)]
        yield blocks.Section(part.title, f"section-{number}", blocks.filled(content))


def ablation_blocks(page: Page, ablation: Ablation) -> tuple[blocks.Block, ...]:
    """Return an ablation without a heading: its table, what is missing, what was found, its figure."""
    figures = (each for each in page.figures if each.ablation == ablation.name)
    return blocks.filled([*_ablation_table(ablation), _sentences(page.findings_about(ablation)), *figures])


def _ablation_table(ablation: Ablation) -> Blocks:
    missing = (level for level in ablation.levels if level.group is None and level.command)
    by_command = groupby(missing, key=lambda level: level.command)
    words = ((f"Not run: {joined(each.shown for each in levels)}.", command) for command, levels in by_command)
    return tables.ablation(ablation), Bullets(tuple((text, blocks.Code(command)) for text, command in words))


def architectures(page: Page) -> Iterator[blocks.Section]:
    """Yield a section for each architecture with runs."""
    for number, each in enumerate((each for each in page.summary.architectures if each.groups), start=1):
        yield blocks.Section(each.title, f"architecture-{number}", blocks.filled(_architecture(page, each)))


def _architecture(page: Page, architecture: Architecture) -> Iterator[blocks.Block]:
    figures = [each for each in page.figures if each.architecture == architecture.name]
    ablations = {each.name: each for each in architecture.ablations if each.source != "study"}
    groups = [pair.group for pair in architecture.pairs if pair.group]
    details = [(where_of(group), group.details) for group in groups if group.details]
    yield Paragraph(architecture.about)
    yield _sentences(page.findings_of(architecture.name))
    yield tables.results(architecture)
    yield from _figures((each for each in figures if not each.ablation), "curves")
    for ablation in ablations.values():
        yield Paragraph(subject_of(ablation), "heading")
        yield from _ablation_table(ablation)
    yield from (each for each in figures if each.ablation in ablations)
    model = tables.fields(architecture.model_fields, "model", architecture.groups)
    training = tables.fields(architecture.training_fields, "training", architecture.groups)
    yield _details("Parameters of the model and of training", [*model, *training])
    by_class = [
        *_figures(figures, "classes", "confusion", "calibration"),
        tables.classes(architecture.pairs),
        *(tables.confused(each.confusion, where) for where, each in details if each.confusion),
        *_figures(figures, "mistakes"),
        *(tables.mistakes(each.mistakes, where) for where, each in details if each.mistakes),
    ]
    yield _details("Classes and mistakes in detail", by_class)


def commands(page: Page) -> Iterator[blocks.Block]:
    """Yield the commands that train each group again."""
    content: list[blocks.Block] = []
    for group in page.summary.groups[: blocks.MOST_ROWS]:
        setting = f", {group.label}" if group.label else ""
        content += [Paragraph(f"{where_of(group)}{setting}:"), CodeBlock(group.command, "sh")]
    yield Paragraph(protocol.placeholder_of(page.summary))
    yield _details("The command for each row", content)


def methods(page: Page) -> Blocks:
    """Return how the numbers were obtained."""
    return [Bullets(tuple(protocol.methods(page.summary, has_claims=bool(page.verdicts))))]


def references(page: Page) -> Blocks:
    """Return what is cited."""
    return [_details("BibTeX", [CodeBlock("\n\n".join(page.bibliography), "bibtex")])]


def _sentences(found: Iterable[Finding]) -> Bullets:
    return Bullets(tuple(each.sentence for each in found))


def _figures(figures: Iterable[Figure], *kinds: blocks.Kind) -> Blocks:
    return (each for each in figures if each.kind in kinds)


def _details(summary: str, content: Blocks) -> blocks.Details:
    return blocks.Details(summary, blocks.filled(content))


SECTIONS: list[Builder] = [
    section("Result", "result", result, has_heading=False),
    section("Findings", "findings", lambda page: [_sentences(page.findings_of(""))]),
    study_parts,
    architectures,
    section("Published and measured", "claims", lambda page: [tables.verdicts(page.verdicts)]),
    section("Cost", "cost", lambda page: [tables.cost(page.summary.pairs), *_figures(page.figures, "cost")]),
    section("Methods", "methods", methods),
    section("Data", "data", lambda page: [tables.data(page.summary.datasets)]),
    section("Provenance", "provenance", lambda page: [tables.provenance(page.summary)]),
    section("Limits", "limits", lambda page: [Bullets(tuple(protocol.limits(page.summary)))]),
    section("Runs without a result", "without-result", lambda page: [tables.without_result(page.summary)]),
    section("Damaged records", "damaged-records", lambda page: [tables.damage(page.summary.damage)]),
    section("Commands", "commands", commands),
    section("References", "references", references),
]


def sections_of(page: Page) -> tuple[blocks.Section, ...]:
    """Return the sections of a page that say something, in their order."""
    return tuple(each for build in SECTIONS for each in build(page) if each.blocks)
