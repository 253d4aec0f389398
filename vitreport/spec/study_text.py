"""The texts of a study: Markdown in which {accuracy NAME} is a number from the records."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from vitreport.errors import Problem, SpecError
from vitreport.formatting import Estimate, compact, duration, printable, tidy
from vitreport.spec.load import parse_value
from vitreport.spec.sweep import format_value
from vitreport.suggestions import did_you_mean

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

REFERENCE = re.compile(r'\{\{|\}\}|\{((?:"[^"\n]*"|[^{}])*+)\}|[{}]')
FIRST = re.compile(r"^[^a-zA-Z{}\n]*(?:\{[^{}\n]*\})+(?=[.)][ \t])", re.MULTILINE)  # where a number begins a list
WORD = re.compile(r'"[^"\n]*"|\S+')
SAMPLE_VALUES = ("N{}N", "N{}N run yet", "1{:04}1")
"""In place of values: Markdown can read a word, words and numbers differently."""
OTHER_SCHEME = re.compile(r"(?!https?:|mailto:)[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
MAX_DEPTH, MAX_WORDS = 20, 100
KEPT = "\t\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}\N{IDEOGRAPHIC SPACE}\N{SOFT HYPHEN}"
KEPT += "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
END = "the end of the text"
Levels = Mapping[str, Collection[str] | None]
"""The labels of the levels of each run and ablation, "" of a run; None where the file has errors."""


def _tidy(text: str) -> str:
    """Return tidy lines without control characters."""
    return tidy("\n".join(printable(line, KEPT) for line in text.splitlines()))


Prose = Annotated[str, Field(max_length=20_000), AfterValidator(_tidy)]


@dataclass(frozen=True)
class Quantity:
    """A number that a text can name, and how it is written."""

    description: str
    path: str = ""  # where a group has it, as in the JSON of a report; "" for what is computed of two groups
    written: Callable[[Any], str] = str
    operands: int = 1


def _pp(estimate: Estimate) -> str:
    return f"{estimate.in_signed_pp()} pp"


def _best_epochs(runs: Collection[Any]) -> str:
    """Write the best epoch of the finished runs: 17, or 14 to 19."""
    epochs = sorted({run.epoch for run in runs if run.state == "done"})
    return " to ".join(map(str, dict.fromkeys((epochs[0], epochs[-1])))) if epochs else ""


QUANTITIES: dict[str, Quantity] = {
    "accuracy": Quantity("test accuracy with its 95% confidence interval", "test", Estimate.in_percent),
    "train accuracy": Quantity("training accuracy at the best epoch", "train", Estimate.in_percent),
    "validation accuracy": Quantity("validation accuracy at the best epoch", "validation", Estimate.in_percent),
    "gap": Quantity("generalization gap: training accuracy minus test accuracy, with its unit pp", "gap", _pp),
    "difference": Quantity(
        "test accuracy of the first minus that of the second, with its unit pp", "", _pp, operands=2
    ),
    "epochs": Quantity("planned number of epochs", "epochs"),
    "best epoch": Quantity("epoch whose weights were tested; for several seeds, the range", "runs", _best_epochs),
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

    def __str__(self) -> str:
        """Return it in double quotes, which work for every name: "batch" at "16"."""
        return f'"{self.name}"' + (f' at "{self.level}"' if self.level else "")


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
    typed: list[str] = []
    end, text = 0, FIRST.sub(r"\g<0>\\", text)
    for found in REFERENCE.finditer(text):
        pieces.append(text[end : found.start()])
        end = found.end()
        if found[1] is None:
            pieces.append(found[0][0])
            if len(found[0]) == 1:
                hint = "write {{ and }} for braces; put a name with braces in double quotes"
                problems.append(Problem("", "is a single brace", hint, found[0]))
            continue
        words = WORD.findall(found[1])
        reference = f"{{{' '.join(words)}}}"
        try:
            pieces.append(_reference(words, levels))
            typed.append(reference)
        except SpecError as error:
            problems.append(Problem("", error.message, error.hint, reference[:400]))
    pieces.append(text[end:])
    return tuple(pieces), list(dict.fromkeys([*problems, *_markdown_problems(pieces, typed)]))


def _reference(words: list[str], levels: Levels) -> Reference:
    """Read difference A B. Raises SpecError for an unknown word, run, ablation or level."""
    if len(words) > MAX_WORDS:
        raise SpecError(f"has more than {MAX_WORDS} words", "end it with }")
    text = " ".join(words)
    named = [each for each in QUANTITIES if f"{text} ".startswith(f"{each} ")]
    if not named:
        first = next((text[: text.find(f" {name}")] for name in levels if f" {name}" in text), text.split(" ")[0])
        raise SpecError(f"unknown number {first!r}" if first else "is empty", did_you_mean(first, QUANTITIES))
    name = max(named, key=len)
    quantity, rest = QUANTITIES[name], words[name.count(" ") + 1 :]
    if len(rest) < quantity.operands:
        names = "the names of two runs or levels" if quantity.operands > 1 else "the name of a run or ablation"
        raise SpecError(f"needs {names}", f"write {{{' '.join([name, *'AB'[: quantity.operands]])}}}")
    operands = _operands(rest, quantity.operands, levels)
    if len(set(operands)) < len(operands):
        raise SpecError("names the same run or level twice", "name two different ones")
    return Reference(quantity, operands)


def _operands(words: list[str], count: int, levels: Levels) -> tuple[Operand, ...]:
    """Read one or two operands. Raises SpecError unless there is exactly one way to read them."""
    read: list[tuple[Operand | SpecError, ...]] = []
    for end in range(1, len(words)) if count > 1 else [len(words)]:
        read += product(*(_readings(part, levels) for part in (words[:end], words[end:])[:count]))
    sound = [tuple(each for each in reading if isinstance(each, Operand)) for reading in read]
    whole = [reading for reading in sound if len(reading) == count]
    if not whole:
        nearest = read[max(range(len(read)), key=lambda place: len(sound[place]))]
        raise next(each for each in nearest if isinstance(each, SpecError))
    if len(whole) > 1:
        meanings = " or ".join(" ".join(map(str, reading)) for reading in whole)
        raise SpecError(f"is ambiguous: {meanings}", "put the names in double quotes, as here")
    return whole[0]


def _readings(words: list[str], levels: Levels) -> list[Operand | SpecError]:
    """Read NAME or NAME at LEVEL in every way that gives a known name."""
    places = [place for place in range(1, len(words) - 1) if words[place] == "at"]
    parts = [(_unquoted(words), ""), *((_unquoted(words[:at]), _unquoted(words[at + 1 :])) for at in places)]
    return [_operand(*each, levels) for each in parts if each[0] in levels] or [_operand(*parts[-1], levels)]


def _unquoted(words: list[str]) -> str:
    return words[0].strip('"') if len(words) == 1 else " ".join(words)


def _operand(name: str, level: str, levels: Levels) -> Operand | SpecError:
    """Check a name and a level; return what is wrong with them."""
    if name not in levels:
        return SpecError(f"unknown run or ablation {name!r}", did_you_mean(name, levels))
    known = levels[name]
    label = level if known is None or level in known else _label(level)
    if known is None or label in known:
        return Operand(name, label)
    if "" in known:
        return SpecError(f"{name} is a run and has no level {level!r}", f"leave out “at {level}”")
    hint = did_you_mean(level, known)
    return SpecError(f"unknown level {level!r} of {name}" if level else f"{name} needs a level: {name} at LEVEL", hint)


def _label(level: str) -> str:
    """Write a level as tables do: 0.0001 for 1e-4; for several fields 4, 2."""
    return ", ".join(format_value(parse_value(part)) for part in level.strip("()").split(","))


@cache
def markdown(*, checks: bool = False) -> "MarkdownIt":
    """Return a parser of Markdown with tables, that takes HTML for text; with `checks` it finds what is not allowed."""
    from markdown_it import MarkdownIt  # here: commands without a study need none

    class Everything(MarkdownIt):
        def validateLink(self, url: str) -> bool:  # noqa: N802 (its name there)
            return True

    if not checks:
        return MarkdownIt("js-default")
    parser = Everything("js-default", {"html": True, "inline_definitions": True})
    parser.block.ruler.before("table", "depth", _notice_depth)
    parser.inline.ruler.before("text", "depth", _notice_depth)
    return parser


def _notice_depth(state: "StateBlock | StateInline", *_: object) -> bool:
    """Note that a text is deeply nested. The parser ignores what is nested in more than 100 levels."""
    state.env["is_deep"] = state.env.get("is_deep") or state.level > MAX_DEPTH
    return False


def flat_tokens(tokens: "Iterable[Token]") -> "list[Token]":
    """Return the tokens of blocks, each followed by its children."""
    return [each for outer in tokens for each in (outer, *(outer.children or ()))]


def _markdown_problems(pieces: Iterable[str | Reference], typed: Sequence[str]) -> Iterator[Problem]:
    """Yield what some format of a report could not show, and what could be unsafe in a browser, for any values."""
    for sample in SAMPLE_VALUES:
        values = {sample.format(place): reference for place, reference in enumerate(typed)}
        unused, env = iter(values), dict[str, Any]()
        text = "".join(next(unused) if isinstance(each, Reference) else each for each in pieces)
        tokens = flat_tokens(markdown(checks=True).parse(f"{text}\n\n{END}", env))
        running = " ".join(token.content for token in tokens if token.type == "text")
        if env["is_deep"]:
            yield Problem("", "is nested too deeply", f"use at most {MAX_DEPTH} levels of lists, quotes and brackets")
        for value, reference in values.items():
            if value not in running:
                hint = "a number cannot be in code, in HTML or in the target of a link"
                yield Problem("", "must be in running text", hint, reference)
        for problem in _token_problems(tokens):
            shown = problem.value
            for value, reference in values.items():
                shown = shown.replace(value, reference)
            yield replace(problem, value=shown[:40])


def _token_problems(tokens: "Sequence[Token]") -> Iterator[Problem]:
    for token in tokens:
        target = str(token.attrs.get("href") or token.meta.get("url", ""))  # of a link, or of a definition for links
        if token.type in ("html_block", "html_inline"):
            yield Problem("", "HTML is not allowed", r"use Markdown; write \< for a literal <", token.content.strip())
        if token.type == "image":
            hint = "the report draws its own figures; link to others"
            yield Problem("", "images are not allowed", hint, str(token.attrs["src"]))
        if OTHER_SCHEME.match(target):
            yield Problem("", "is a link that is not allowed", "use http, https, mailto or a relative path", target)
        if token.type == "heading_open" and (token.markup, token.level) != ("###", 0):
            yield Problem("", "a heading must begin with ###", "the report has those above it", token.markup)
    if tokens[-1].type != "paragraph_close":
        yield Problem("", "a block of code is not closed", "end it with the line that it begins with")
