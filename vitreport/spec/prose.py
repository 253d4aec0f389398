"""The texts of a study: Markdown in which {accuracy NAME} is a number from the records."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from vitreport.errors import Problem, SpecError
from vitreport.formatting import Estimate, compact, duration, printable
from vitreport.spec.load import parse_value
from vitreport.spec.sweep import shown_value
from vitreport.suggestions import did_you_mean

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

REFERENCE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
SCHEME = re.compile(r"(?!https?:|mailto:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
END = "the end of the text"
Levels = Mapping[str, Collection[str] | None]
"""The labels of the levels of each run and ablation, "" of a run; None where the file has errors."""


def _tidy(text: str) -> str:
    """Return lines without control characters and blanks at their ends, as a report prints them."""
    return "\n".join(printable(line.expandtabs().rstrip()) for line in text.strip().splitlines())


Prose = Annotated[str, Field(max_length=20_000), AfterValidator(_tidy)]


@dataclass(frozen=True)
class Quantity:
    """A number that a text can name, and how it is written."""

    description: str
    path: str = ""  # where a group has it, as in the JSON of a report; "" for what is computed of two groups
    written: Callable[[Any], str] = str
    operands: int = 1


def _points(estimate: Estimate) -> str:
    return f"{estimate.signed_points()} pp"


def _best_epochs(runs: Collection[Any]) -> str:
    """Write the best epoch of the finished runs: 17, or 14 to 19."""
    epochs = sorted({run.epoch for run in runs if run.state == "done"})
    return " to ".join(map(str, dict.fromkeys((epochs[0], epochs[-1])))) if epochs else ""


QUANTITIES: dict[str, Quantity] = {
    "accuracy": Quantity("test accuracy with its 95% confidence interval", "test", Estimate.in_percent),
    "train accuracy": Quantity("training accuracy at the best epoch", "train", Estimate.in_percent),
    "validation accuracy": Quantity("validation accuracy at the best epoch", "validation", Estimate.in_percent),
    "gap": Quantity("generalization gap: training accuracy minus test accuracy, in pp", "gap", _points),
    "difference": Quantity("test accuracy of the first minus that of the second, in pp", "", _points, operands=2),
    "epochs": Quantity("planned number of epochs", "epochs"),
    "best epoch": Quantity("epoch whose weights were tested; of several seeds the range", "runs", _best_epochs),
    "seeds": Quantity("number of seeds with a result", "seeds", lambda seeds: str(len(seeds))),
    "parameters": Quantity("number of parameters", "cost.parameters", "{:,}".format),
    "FLOPs": Quantity("FLOPs of one image, forward", "cost.forward_flops", compact),
    "training FLOPs": Quantity("FLOPs of one image in training", "cost.training_flops", compact),
    "time": Quantity("training time of a run, the median over seeds", "cost.seconds", duration),
}


@dataclass(frozen=True)
class Operand:
    """A run, or a level of an ablation by its label."""

    name: str
    level: str = ""


@dataclass(frozen=True)
class Reference:
    """A number that a text names: {difference A B}."""

    quantity: Quantity
    operands: tuple[Operand, ...]


Pieces = tuple[str | Reference, ...]


def read_prose(text: str, levels: Levels) -> tuple[Pieces, list[Problem]]:
    """Split a text at its references, and find what is wrong with these and with its Markdown."""
    pieces: list[str | Reference] = []
    problems: list[Problem] = []
    end = 0
    for found in REFERENCE.finditer(text):
        pieces.append(text[end : found.start()])
        end = found.end()
        if found[1] is None:
            pieces.append(found[0][0])
            if len(found[0]) == 1:
                problems.append(Problem("", "is a single brace", "write {{ and }} for braces", found[0]))
            continue
        words = " ".join(found[1].split())
        try:
            pieces.append(_reference(words, levels))
        except SpecError as error:
            problems.append(Problem("", error.message, error.hint, f"{{{words}}}"))
    plain = "".join("1" if isinstance(each, Reference) else each for each in [*pieces, text[end:]])
    return (*pieces, text[end:]), [*problems, *_markdown_problems(plain)]


def _reference(words: str, levels: Levels) -> Reference:
    """Read difference A B. Raises SpecError for an unknown word, run, ablation or level."""
    named = [each for each in QUANTITIES if f"{words} ".startswith(f"{each} ")]
    if not named:
        first = next((words[: words.find(f" {name}")] for name in levels if f" {name}" in words), words.split(" ")[0])
        raise SpecError(f"unknown number {first!r}" if first else "is empty", did_you_mean(first, QUANTITIES))
    name = max(named, key=len)
    quantity, rest = QUANTITIES[name], words[len(name) :].split()
    if len(rest) < quantity.operands:
        names = "the names of two runs or levels" if quantity.operands > 1 else "the name of a run or ablation"
        raise SpecError(f"needs {names}", f"write {{{' '.join([name, *'AB'[: quantity.operands]])}}}")
    return Reference(quantity, _operands(rest, quantity.operands, levels))


def _operands(words: list[str], count: int, levels: Levels) -> tuple[Operand, ...]:
    """Read one or two operands, wherever the second one begins. Raises SpecError if there is no such place."""
    if count == 1:
        return (_operand(" ".join(words), levels),)
    fault = SpecError()
    for place in range(1, len(words)):
        try:
            first = _operand(" ".join(words[:place]), levels)
        except SpecError as error:
            fault = fault if fault.message else error
            continue
        try:
            return first, _operand(" ".join(words[place:]), levels)
        except SpecError as error:
            fault = error
    raise fault


def _operand(text: str, levels: Levels) -> Operand:
    """Read NAME, or NAME at LEVEL. Raises SpecError for an unknown name or level."""
    parts = [(text, ""), *((text[: at.start()], text[at.end() :]) for at in re.finditer(" at ", text))]
    name, level = next((each for each in parts if each[0] in levels), parts[-1])
    if name not in levels:
        raise SpecError(f"unknown run or ablation {name!r}", did_you_mean(name, levels))
    known = levels[name]
    label = level if known is None or level in known else _label(level)
    if known is None or label in known:
        return Operand(name, label)
    if "" in known:
        raise SpecError(f"{name} is a run, it has no level {level!r}", f"leave out “at {level}”")
    hint = did_you_mean(level, known)
    raise SpecError(f"unknown level {level!r} of {name}" if level else f"{name} needs a level: {name} at LEVEL", hint)


def _label(level: str) -> str:
    """Write a level as tables do: 0.0001 for 1e-4; of several fields 4, 2."""
    return ", ".join(shown_value(parse_value(part)) for part in level.strip("()").split(","))


@cache
def markdown(*, checks: bool = False) -> "MarkdownIt":
    """Return a parser of Markdown with tables, that takes HTML for text; with `checks` it finds what is not allowed."""
    from markdown_it import MarkdownIt  # here: commands without a study need none

    class Everything(MarkdownIt):
        def validateLink(self, url: str) -> bool:  # noqa: N802 (its name there)
            return True

    return Everything("js-default", {"html": True}) if checks else MarkdownIt("js-default")


def _markdown_problems(text: str) -> Iterator[Problem]:
    """Yield what a report could not show in all its formats, or what could steer a browser."""
    tokens = markdown(checks=True).parse(f"{text}\n\n{END}")
    for token in (each for outer in tokens for each in (outer, *(outer.children or ()))):
        if token.type in ("html_block", "html_inline"):
            yield Problem(
                "", "HTML is not allowed", r"use Markdown; write \< for a literal <", token.content.strip()[:40]
            )
        if token.type == "image":
            hint = "the report draws its own figures; link to others"
            yield Problem("", "images are not allowed", hint, str(token.attrs["src"])[:40])
        if token.type == "link_open" and SCHEME.match(str(token.attrs["href"])):
            hint = "use http, https, mailto or a relative path"
            yield Problem("", "is a link that is not allowed", hint, str(token.attrs["href"])[:40])
        if token.type == "heading_open" and (token.markup, token.level) != ("###", 0):
            yield Problem("", "a heading must begin with ###", "the report has those above it", token.markup)
    if tokens[-1].type != "paragraph_close":
        yield Problem("", "a block of code is not closed", "end it with the line that it begins with")
