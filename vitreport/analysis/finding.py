"""What a finding is."""

from dataclasses import dataclass
from typing import Literal

from vitreport.formatting import Estimate

Rule = Literal[
    "best",
    "tie",
    "no winner",
    "alone",
    "difference",
    "no difference",
    "no comparison",
    "paired difference",
    "no paired difference",
    "trend",
    "over-fitting",
    "class shares",
    "convergence",
    "no result",
    "contradiction",
    "data",
]


@dataclass(frozen=True)
class Finding:
    """A sentence, and what it rests on: the ids of groups, and the estimate where it speaks of one.

    `architecture` says whose section it belongs to; one across architectures has none. `ablation` is the name of the
    one that it is about.
    """

    rule: Rule
    sentence: str
    groups: tuple[str, ...] = ()
    estimate: Estimate | None = None
    architecture: str = ""
    ablation: str = ""
