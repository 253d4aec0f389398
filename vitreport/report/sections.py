"""A report before it is laid out: the page, and its sections in their order, the same for every format.

A new section is one function that yields its blocks, and one line in `SECTIONS`. What says nothing is left out.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from vitreport.analysis import protocol
from vitreport.analysis.claims import Claim, Verdict, judge
from vitreport.analysis.conclusion import conclusion
from vitreport.analysis.findings import findings, is_headline
from vitreport.analysis.groups import Named
from vitreport.analysis.references import bibliography, subject_of, where_of
from vitreport.analysis.summary import Ablation, Comparison, Finding, Section, Summary
from vitreport.formatting import counted, joined
from vitreport.report import blocks, class_tables, grids, tables
from vitreport.report.blocks import Bullets, CodeBlock, Details, Figure, Paragraph, Prose, SideBySide
from vitreport.report.claims import verdicts
from vitreport.report.figures.accuracy import ablation_figure, comparison_figure, overview_figure
from vitreport.report.figures.curves import curves_figure, splits_figure
from vitreport.report.figures.groups import attention_figure, confusion_figure, mistakes_figure

TITLE = "Small vision architectures"
NOTHING = "There is no finished run yet."
FOLDED = "What was shown, and what was not"
Blocks = Iterable[blocks.Block]


@dataclass(frozen=True)
class Page:
    """The summary with all that follows from it; `headline` answers the question in one sentence per dataset."""

    title: str
    summary: Summary
    headline: tuple[str, ...]
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    bibliography: tuple[str, ...]

    @cached_property
    def sections(self) -> tuple[blocks.Section, ...]:
        """The sections that say something, in their order."""
        first = blocks.Section("Result", "result", tuple(result(self)), has_heading=False)
        opening = blocks.Section("Introduction", "introduction", (Prose(self.summary.introduction),))
        others = (blocks.Section(title, anchor, tuple(build(self))) for title, anchor, build in SECTIONS)
        found = blocks.without_empty([first, opening, *questions(self), *others])
        blocks.make_names_unique(blocks.figures_in(found))
        return found

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures of all sections."""
        return tuple(blocks.figures_in(self.sections))

    @cached_property
    def compared(self) -> set[str]:
        """The groups of all comparisons, by their ids: their settings are shown there."""
        return {group.id for each in self.summary.sections for part in each.comparisons for _, group in part.groups}

    def published(self, ablation: Ablation) -> dict[str, Verdict]:
        """Return the verdicts on published test accuracies of the levels of an ablation, by the ids of their groups."""
        measured = [each for each in self.verdicts if each.claim.part == ablation.name and each.measured]
        about = [each for each in measured if each.claim.relation == "value" and each.claim.metric == "test_accuracy"]
        return {each.claim.group: each for each in about}

    def about(self, place: str, foremost: Collection[str] = ()) -> Bullets:
        """Return what was found about a comparison or an ablation, by its name, and which of the `foremost` is best."""
        best = [each for each in self.findings if is_headline(each) and {*each.groups} <= {*foremost}]
        return Bullets(tuple(each.sentence for each in self.findings if each.place == place or each in best))


def make_page(summary: Summary, claims: Sequence[Claim] = (), title: str = TITLE) -> Page:
    """Return the page of a summary, with verdicts on published claims."""
    judged = judge(claims, summary.groups, summary.datasets)
    found = findings(summary, judged)
    headline = tuple(each.sentence for each in found if is_headline(each)) or (NOTHING,)
    return Page(title, summary, headline, tuple(found), tuple(judged), tuple(bibliography(summary)))


def result(page: Page) -> Iterator[blocks.Block]:
    """Yield the answer, the first table beside its figure, and what was run."""
    for sentence in page.headline:
        yield Paragraph(sentence, "headline")
    yield SideBySide((tables.overview(page.summary), *overview_figure(page.summary.begun)))
    yield Paragraph(protocol.what_was_run(page.summary), "note")
    yield Paragraph(protocol.left_out(page.summary), "note")
    for altered in (each.sentence for each in page.findings if each.rule == "data"):
        yield Paragraph(altered, "warning")
    if damage := page.summary.damage:
        places = f"The records are damaged in {counted(len(damage), 'place')}, see Damaged records."
        yield Paragraph(f"{places} The report covers everything that could be read.", "warning")


def questions(page: Page) -> Iterator[blocks.Section]:
    """Yield a section for each question with runs or with a text alone; before the first run all that have a text."""
    for number, each in enumerate(page.summary.sections, start=1):
        if each.groups or (each.text and not (each.parts and page.summary.groups)):
            yield blocks.Section(each.title, f"section-{number}", tuple(_question(page, each)))


def _question(page: Page, content: Section) -> Iterator[blocks.Block]:
    yield Paragraph(content.question)
    yield Prose(content.text)
    is_only = len(content.comparisons) + len(content.ablations) == 1
    for comparison in content.comparisons:
        if comparison.groups:
            yield Paragraph("" if is_only else comparison.heading, "heading")
            yield from _comparison(page, comparison)
    for ablation in content.ablations:
        if _is_begun(ablation, content):
            yield Paragraph("" if is_only else subject_of(ablation), "heading")
            yield from _ablation(page, ablation)
    yield _missing_parts(content)
    judged = [each for each in page.verdicts if each.claim.part in content.parts and each.outcome != "not run"]
    yield Paragraph("Published and measured" if judged else "", "heading")
    yield verdicts(judged)


def _is_begun(ablation: Ablation, content: Section) -> bool:
    """Return whether more was run of an ablation than one group that a comparison of its section already shows."""
    compared = {group.id for each in content.comparisons for _, group in each.groups}
    ids = [group.id for _, group in ablation.groups]
    return len(ids) > 1 or not compared.issuperset(ids)


def _missing_parts(content: Section) -> Bullets:
    """Name the comparisons and ablations of which nothing was run, with the command that trains them."""
    missing = [each.heading for each in content.comparisons if not each.groups]
    missing += [subject_of(each) for each in content.ablations if not _is_begun(each, content)]
    return _not_run("Not run yet", missing if content.groups else [], content.command)


def _not_run(what: str, names: Collection[str], command: str) -> Bullets:
    """Name what was not run, with the command that trains it if there is one."""
    line = (f"{what}: {joined(names)}.", *([blocks.Code(command)] if command else []))
    return Bullets((line,) if names else ())


def _comparison(page: Page, content: Comparison) -> Iterator[blocks.Block]:
    is_overview = len(content.groups) > 1 and page.summary.is_overview(content)
    yield page.about(content.name, [group.id for _, group in content.groups if is_overview])
    yield SideBySide((tables.comparison(content), *(() if is_overview else comparison_figure(content))))
    yield Paragraph(protocol.unequal_classes_note(content.groups), "note")
    yield Paragraph(protocol.held_fixed(content.groups), "note")
    yield from _curves(f"{content.heading}-curves", content.heading, content.groups)
    yield _not_run("Not run", content.missing, content.command)
    yield _settings(content.groups, tables.fields(content.groups))
    yield Details("Classes and mistakes", tuple(_classes(content.groups)))
    yield Details("What the models attend to", tuple(each for _, of in content.groups for each in attention_figure(of)))


def _ablation(page: Page, ablation: Ablation) -> Iterator[blocks.Block]:
    groups = ablation.groups
    missing = [level.shown for level in ablation.levels if level.group is None]
    is_known = any(group.id in page.compared for _, group in groups)
    yield page.about(ablation.name)
    content = grids.grid(ablation) if ablation.is_grid else tables.ablation(ablation, page.published(ablation))
    yield SideBySide((content, *ablation_figure(ablation)))
    yield grids.effects(ablation)
    yield Paragraph(protocol.unequal_classes_note(groups), "note")
    yield Paragraph(protocol.held_fixed(groups, ablation.varied), "note")
    yield _not_run("Not run", missing if ablation.command else [], ablation.command)
    yield from _curves(f"{ablation.name}-curves", subject_of(ablation), groups)
    if ablation.is_grid:
        yield Details("Single combinations", (tables.ablation(ablation), grids.interactions(ablation)))
    yield _settings(groups, [] if is_known else tables.fields(groups))


def _curves(name: str, title: str, groups: Named) -> Iterator[Figure]:
    """Yield the curves of several groups in one figure, or the splits of a single group."""
    yield from splits_figure(groups[0][1]) if len(groups) == 1 else curves_figure(name, title, groups)


def _settings(groups: Named, fields: Blocks) -> Details:
    return Details("Splits, cost and settings", (tables.splits(groups), tables.cost(groups), *fields))


def _classes(groups: Named) -> Iterator[blocks.Block]:
    """Yield what is known of the classes, for the groups that represent their architecture."""
    yield class_tables.classes(groups)
    for name, group in groups:
        if found := group.details:
            if not (drawn := list(confusion_figure(group))):
                yield class_tables.confused(found.confusion, name)
            yield SideBySide((*drawn, *mistakes_figure(group)))


def not_run(page: Page) -> Iterator[blocks.Block]:
    """Yield what was not run, with the command of the study that trains it."""
    summary = page.summary
    waiting = [each for each in summary.sections if each.parts and not each.groups]
    yield Bullets(tuple(": ".join(filter(None, (f"“{each.title}”", each.question))) for each in waiting))
    yield Paragraph("Run the rest of the study:" if waiting else "")
    yield CodeBlock(summary.command if waiting else "", "sh")
    pairs = [] if summary.command else [pair for pair in summary.pairs if pair.group is None]
    items = Bullets(tuple((f"{where_of(pair)}:", blocks.Code(pair.command)) for pair in pairs))
    yield Details(f"{counted(len(pairs), 'combination')} of architecture and dataset, with the commands", (items,))


def other_claims(page: Page) -> Iterator[blocks.Block]:
    """Yield the verdicts that are in no section: those on what was not run are folded."""
    parts = {part for each in page.summary.sections for part in each.parts}
    judged = [each for each in page.verdicts if each.outcome != "not run"]
    waiting = [each for each in page.verdicts if each.outcome == "not run"]
    yield verdicts([each for each in judged if each.claim.part not in parts])
    yield Details(f"{counted(len(waiting), 'claim')} without a run", (verdicts(waiting),))


def conclusion_section(page: Page) -> Iterator[blocks.Block]:
    """Yield what was shown, what was not, and what would settle it: folded below the conclusion of an author."""
    found: list[blocks.Block] = []
    for part, sentences in conclusion(page.findings).items():
        found += [Paragraph(part, "heading"), Bullets(tuple(sentences))]
    yield Prose(page.summary.conclusion)
    yield from [Details(FOLDED, tuple(found))] if page.summary.conclusion else found


def methods(page: Page) -> Iterator[blocks.Block]:
    """Yield how the numbers were obtained, and what they do not show."""
    yield Bullets(tuple(protocol.methods(page.summary, has_claims=bool(page.verdicts))))
    yield Paragraph("Limits", "heading")
    yield Bullets(tuple(protocol.limits(page.summary)))
    yield Details("Images that the runs used", (tables.data(page.summary.datasets),))
    yield Details("Devices, versions and commits", (tables.provenance(page.summary),))


def commands(page: Page) -> Iterator[blocks.Block]:
    """Yield the commands that train each group again."""
    yield Paragraph(protocol.placeholder_of(page.summary))
    yield Details("The command for each group", (tables.commands(page.summary.groups),))


SECTIONS: list[tuple[str, str, Callable[[Page], Blocks]]] = [  # those after the questions
    ("Not run yet", "not-run", not_run),
    ("Published and measured", "claims", other_claims),
    ("Conclusion", "conclusion", conclusion_section),
    ("Methods", "methods", methods),
    ("Runs without a result", "without-result", lambda page: [tables.without_result(page.summary)]),
    ("Damaged records", "damaged-records", lambda page: [tables.damage(page.summary.damage)]),
    ("Commands", "commands", commands),
    (
        "References",
        "references",
        lambda page: [Details("BibTeX", (CodeBlock("\n\n".join(page.bibliography), "bibtex"),))],
    ),
]
