"""A report before it is laid out: what Markdown, HTML and any other format render alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from vitreport.analysis.claims import Claim, Verdict, judge
from vitreport.analysis.findings import Finding, findings
from vitreport.analysis.references import bibliography
from vitreport.analysis.summary import Ablation, Summary
from vitreport.formatting import Estimate
from vitreport.report.figures.collect import figures_of
from vitreport.report.figures.figure import Figure

TITLE = "Small vision architectures"
NOTHING = "There is no finished run yet."
FOREMOST = ("best", "tie", "no winner", "alone")
PAIRED = ("paired difference", "no paired difference")


@dataclass(frozen=True)
class Page:
    """The summary with all that follows from it; `headline` answers the question in a sentence a data set."""

    title: str
    summary: Summary
    headline: tuple[str, ...]
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    figures: tuple[Figure, ...]
    bibliography: tuple[str, ...]

    @property
    def tested(self) -> list[Estimate]:
        """The test accuracies of the first table."""
        return [cell.group.test for cell in self.summary.pairs if cell.group and cell.group.test]

    def findings_of(self, architecture: str) -> list[Finding]:
        """Of an architecture, or with "" those across architectures that are not in the headline."""
        own = [finding for finding in self.findings if finding.architecture == architecture]
        studied = {ablation.name for ablation in self.summary.ablations if ablation.source == "study"}
        return [finding for finding in own if not _is_foremost(finding) and finding.ablation not in studied]

    def findings_about(self, ablation: Ablation) -> list[Finding]:
        return [finding for finding in self.findings if finding.ablation == ablation.name]

    def figures_of(self, architecture: str) -> list[Figure]:
        """Of an architecture, or with "" those of the first screen; an ablation of a study has its own section."""
        own = (figure for figure in self.figures if figure.architecture == architecture)
        return [each for each in own if not (isinstance(each.data, Ablation) and each.data.source == "study")]

    def figures_about(self, ablation: Ablation) -> list[Figure]:
        return [figure for figure in self.figures if figure.data == ablation]


def _is_foremost(finding: Finding) -> bool:
    """Which architecture is best on a data set, also of single runs on the same test images."""
    return finding.rule in FOREMOST or (finding.rule in PAIRED and not finding.architecture)


def make_page(summary: Summary, claims: Sequence[Claim] = (), title: str = TITLE) -> Page:
    verdicts = judge(claims, summary.groups, summary.datasets)
    found = findings(summary, verdicts)
    return Page(
        title=title,
        summary=summary,
        headline=tuple(each.sentence for each in found if _is_foremost(each)) or (NOTHING,),
        findings=tuple(found),
        verdicts=tuple(verdicts),
        figures=figures_of(summary),
        bibliography=tuple(bibliography(summary)),
    )
