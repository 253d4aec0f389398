"""Commands with options that take two words. `options` is another module, because it loads the spec."""

from collections import deque
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from typer.core import TyperCommand

from vitreport.errors import SpecError

PARAM = "--param"


class MultiWordCommand(TyperCommand):
    """A command with an option that takes two words: `--param NAME VALUES`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join the two words of each `--param`, as typer expects."""
        joined, words = list[str](), deque(args)
        while words:
            joined.append(words.popleft())
            if joined[-1] == PARAM and words and "=" not in words[0]:
                name = words.popleft()
                joined.append(f"{name}={words.popleft() if words and not words[0].startswith('--') else ''}")
                if not ctx.resilient_parsing:
                    _refuse_more_values(joined[-1], words)
        return super().parse_args(ctx, joined)


def _refuse_more_values(param: str, words: Iterable[str]) -> None:
    """Raise SpecError for values that are separated by spaces; only a model may follow."""
    from vitreport.spec.model import ARCHITECTURES

    more = list(takewhile(lambda word: not word.startswith(("-", "timm/")) and word not in ARCHITECTURES, words))
    if more:
        name, _, values = param.partition("=")
        hint = f"separate the values with commas: {PARAM} {name} {','.join([values, *more])}"
        raise SpecError(f"{PARAM} {name} {' '.join([values, *more])}: too many words", hint)
