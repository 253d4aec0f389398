"""The conclusion of a report: what was shown, what was not, and what would be needed."""

from collections.abc import Sequence

from vitreport.analysis.summary import Finding

MAX_SENTENCES = 3  # sentences of one part
PARTS = {
    "Shown": ("best", "contradiction", "trend", "difference", "main effect", "interaction", "paired difference"),
    "Not shown": (
        *("tie", "no winner", "no difference", "no main effect", "no interaction", "no comparison"),
        "no paired difference",
    ),
    "What would be needed": ("to settle",),
}


def conclusion(found: Sequence[Finding]) -> dict[str, list[str]]:
    """Return the sentences of each part that has any: all that have no other place, and at most three others."""
    parts: dict[str, list[str]] = {}
    for part, rules in PARTS.items():
        every = [each for each in found if each.rule in rules]
        alone, placed = ([_whole(each) for each in every if bool(each.place) == there] for there in (False, True))
        kept = placed
        if len(placed) > MAX_SENTENCES:
            kept = [*placed[: MAX_SENTENCES - 1], f"{len(placed) - MAX_SENTENCES + 1} more: see above."]
        parts |= {part: [*alone, *kept]} if every else {}
    return parts


def _whole(finding: Finding) -> str:
    is_said = finding.sentence.startswith((finding.subject, "On "))
    return finding.sentence if is_said else f"{finding.subject}: {finding.sentence}"
