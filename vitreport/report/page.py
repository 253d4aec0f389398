"""A report before it is laid out: what every format shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from vitreport.analysis.claims import Claim, Verdict, judge
from vitreport.analysis.findings import Finding, findings
from vitreport.analysis.references import bibliography
from vitreport.analysis.summary import Ablation, Summary
from vitreport.report.blocks import Figure
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
    is_pair = finding.rule in ("paired difference", "no paired difference") and not finding.architecture
    return is_pair or finding.rule in ("best", "tie", "no winner", "not compared", "alone")


def make_page(summary: Summary, claims: Sequence[Claim] = (), title: str = TITLE) -> Page:
    """Return the page of a summary, with verdicts on published claims."""
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
