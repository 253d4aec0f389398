"""Whatever is given as a spec, it is read or refused: quickly, one line a problem, each with its place."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vitreport.errors import SpecError
from vitreport.formatting import printable
from vitreport.spec.compose import compose
from vitreport.spec.fields import field_paths
from vitreport.spec.load import PRESETS as FOLDER
from vitreport.spec.load import Layer, preset_names, read_assignments, read_spec_file
from vitreport.spec.run import RunSpec

from .composing import MIXER, PERCEIVER, SWIN, describe

SLOWEST = timedelta(seconds=5)
fuzzed = settings(max_examples=100)

NAMES = sorted({part for path in field_paths() for part in path.split(".")} | {"lr", "adamw", "random_crop"})
LINE_ENDS = "\n\r\x0b\x0c\x1c\x85\u2028"
TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from(f"{LINE_ENDS}\x1b\0\u202e\udcff"), max_size=20)
KEYS = st.sampled_from(NAMES) | TEXT
HUGE = st.just(16).map(lambda base: base**5000)
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**31, 2**64, 0, -1, 1, 0.5]) | HUGE
PLAIN = st.none() | st.booleans() | NUMBERS | TEXT | st.sampled_from(["swin", "sgd", "cosine", "digits", "val"])
DATES = st.sampled_from([date(2026, 1, 2), time(3, 4, 5), datetime(2026, 1, 2, tzinfo=UTC)])


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | tables(inner), max_leaves=5)


def tables(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(KEYS, values, max_size=5)


SPECS = st.fixed_dictionaries({}, optional={name: tables(PLAIN | DATES) for name in RunSpec.model_fields})


class File(type(Path())):  # type: ignore[misc]
    """A file that is not on the disk, which would take most of the time."""

    content: bytes

    def open(self, *_: Any, **__: Any) -> BytesIO:
        return BytesIO(self.content)


def read(name: str, content: bytes) -> Layer:
    file = File(name)
    file.content = content
    return read_spec_file(file)


def settled(read: Callable[[], Sequence[Layer]]) -> None:
    """Every refusal can be printed line by line, and each line begins with a field, a variable or a file."""
    try:
        compose(read(), describe)
    except SpecError as error:
        lines = [printable(line) for line in error.lines()]
        assert lines
        assert [line for line in lines if len(line.splitlines()) != 1 or not line.isprintable()] == []
        places = [problem.field for problem in error.problems] or [error.message.partition(": ")[0]]
        assert [place for place in places if not place.strip()] == []


@fuzzed
@given(SPECS | tables(nested(PLAIN | DATES)), st.sampled_from([{}, PERCEIVER, MIXER, SWIN]))
def test_any_values(values: dict[str, Any], base: dict[str, Any]) -> None:
    settled(lambda: [Layer("base", base), Layer("fuzzed", values)])


@fuzzed
@given(SPECS, SPECS)
@example({}, {"model": {"name": 16**5000}})
def test_any_layers(first: dict[str, Any], second: dict[str, Any]) -> None:
    settled(lambda: [Layer("first", first), Layer("second", second)])


TOKENS = st.sampled_from(
    [
        *NAMES,
        *"[]{}=.,#\"'\n\t -+_",
        "[[",
        "]]",
        '"""',
        "'''",
        "\r\n",
        "\\u0000",
        "0x",
        "1e5",
        "nan",
        "true",
        "2026-01-02",
        "\0",
    ]
)


@fuzzed
@given(TEXT | st.lists(TOKENS, max_size=30).map("".join), st.sampled_from(["fuzzed.toml", "fuzzed.json"]))
def test_any_text(text: str, name: str) -> None:
    settled(lambda: [Layer("base", PERCEIVER), read(name, text.encode("utf-8", "surrogatepass"))])


@fuzzed
@given(st.binary(max_size=200), st.sampled_from(["fuzzed.toml", "fuzzed.json"]))
def test_any_bytes(content: bytes, name: str) -> None:
    settled(lambda: [read(name, content)])


@fuzzed
@given(nested(PLAIN))
def test_any_json(value: Any) -> None:
    try:
        content = json.dumps(value).encode()
    except ValueError:  # a number beyond all measure
        content = b"9" * 5000
    settled(lambda: [read("fuzzed.json", content)])


PRESETS = {name: (FOLDER / f"{name}.toml").read_text(encoding="utf-8") for name in preset_names()}


MUTANTS = 2000
SNIPPETS = [
    *NAMES,
    *"[]{}=.,#\"'\n\0\x1b\u202e",
    "[[",
    '"""',
    "0x",
    "1e999",
    "nan",
    "-1",
    "9" * 4400,
    "2026-01-02",
    "none",
]


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in range(1, 6))])
def test_thousands_of_mutants_of_presets(part: int) -> None:
    """Each a file, and an assignment that is a mutant too; the same ones every time."""
    random = Random(part)
    for _ in range(MUTANTS if part else MUTANTS // 2):
        text = mutant(PRESETS[random.choice(preset_names())], random)
        assignment = mutant(f"{random.choice(field_paths())}={random.choice(SNIPPETS)}", random)
        begun = process_time()
        settled(lambda: [read("fuzzed.toml", text.encode())])  # noqa: B023
        settled(lambda: [Layer("base", PERCEIVER), read_assignments([assignment])])  # noqa: B023
        assert process_time() - begun < SLOWEST.total_seconds()


def mutant(text: str, random: Random) -> str:
    """A text after one to four cuts, repetitions, exchanges and insertions, of whole lines or of characters."""
    units = text.splitlines(keepends=True) if random.random() < 0.5 else list(text)
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(units))
        end = min(len(units), start + random.randint(0, 12))
        part = units[start:end]
        units[start:end] = random.choice(
            [[], part * 2, part[::-1], [random.choice(SNIPPETS)], [*part, random.choice(SNIPPETS)]]
        )
    return "".join(units)


VALUES = (
    TEXT
    | st.lists(TOKENS, max_size=8).map("".join)
    | st.sampled_from(["9" * 4400, f"0x{'f' * 4000}", "[" * 4000, "a." * 2000])
)


@fuzzed
@given(st.lists(TEXT | st.tuples(st.sampled_from(field_paths()) | KEYS, VALUES).map("=".join), max_size=4))
def test_any_assignments(assignments: list[str]) -> None:
    settled(lambda: [Layer("base", PERCEIVER), read_assignments(assignments)])


@pytest.mark.parametrize(
    "alphabet", ["a", "[", "{", '"', "'", ".", "=", "a.", "[a]\n", "a=1\n", "[[a]]\n", '"a".', "a={", "\\", "\n", "# "]
)
def test_long_repetitions_are_settled_in_time(alphabet: str) -> None:
    """Of the largest file, and of lines that are as long as they may be."""
    for text in (alphabet * (2**16 // len(alphabet)), (alphabet * (4000 // len(alphabet)) + "=1\n") * 16):
        settled_in_time(text)


def settled_in_time(text: str) -> None:
    begun = process_time()
    for name in ("fuzzed.toml", "fuzzed.json"):
        settled(lambda name=name: [read(name, text.encode())])  # type: ignore[misc]
    assert process_time() - begun < SLOWEST.total_seconds()
