"""The conclusion of a report: what was shown, what was not, and what would settle it."""

from collections.abc import Sequence

from vitreport.analysis.findings import Finding

MOST = 3  # sentences of one part
PARTS = {
    "Shown": ("best", "contradiction", "trend", "difference", "paired difference"),
    "Not shown": ("tie", "no winner", "no difference", "no comparison", "no paired difference"),
    "What would settle it": ("to settle",),
}


def conclusion(found: Sequence[Finding]) -> dict[str, list[str]]:
    """Return the sentences of each part that has any, at most three; the last one counts those left out."""
    open_trends = [each for each in found if each.rule == "trend" and each.estimate and not each.estimate.is_shown]
    parts: dict[str, list[str]] = {}
    for part, rules in PARTS.items():
        every = [_whole(each) for each in found if each.rule in rules and each not in open_trends]
        kept = every if len(every) <= MOST else [*every[: MOST - 1], f"{len(every) - MOST + 1} more: see above."]
        parts |= {part: kept} if kept else {}
    return parts


def _whole(finding: Finding) -> str:
    return f"{finding.subject}: {finding.sentence}" if finding.subject else finding.sentence
