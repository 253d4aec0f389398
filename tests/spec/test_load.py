"""Files and texts that specs are read from, sound and otherwise."""

import json
from pathlib import Path
from typing import Any

import pytest

from vitreport.errors import SpecError
from vitreport.files import write_json
from vitreport.spec.load import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_LINE,
    parse_value,
    read_assignments,
    read_spec_file,
)
from vitreport.spec.run import RunSpec

from .composing import PERCEIVER, composed, problems

SOUND = b'model.name = "perceiver-io"\n'
HEX_HUGE = f"0x{'f' * 3700}"
"""Fewer characters than a line may have, more digits than Python prints."""


def refusal(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        read_spec_file(path)
    (line,) = caught.value.lines()
    assert line.startswith(str(path))
    return line.removeprefix(str(path)).removeprefix(":").lstrip()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.toml", b"a = 1\na = 2\n", "(at line 2, column "),
        ("a.toml", b"[a]\n[a]\n", "(at line 2, column "),
        ("a.toml", b"a = \n", "(at line 1, column "),
        ("a.toml", b"lr = 1e-3 # \x00", "(at line 1, column "),
        ("a.toml", b"\xff\xfea\x00", "byte 0 is not UTF-8; hint: save it as UTF-8"),
        ("a.toml", b"a = '\xe9'", "byte 5 is not UTF-8"),
        ("a.toml", b"a = 0123\n", "(at line 1, column"),
        ("a.toml", b"#" * (MAX_BYTES + 1), "is larger than 1 MiB; hint: give the path of a TOML file"),
        ("a.toml", b"#" * 2**21, "larger than 1 MiB"),
        ("a.toml", b"a = 1\n" + b"a." * 3000, "a line is longer than 4096 characters"),
        ("a.toml", b"name = swin", 'hint: put text in quotes: `name = "swin"`'),
        ("a.toml", b"a = 1\n" + b"'b'. a." * 500 + b"c = 1", "nested deeper than 32"),
        ("a.toml", b"a=" + b"[\n" * 30_000, "nested deeper than 32"),
        ("a.toml", b"a = " + b"[" * 32 + b"]" * 32, "nested deeper than 32"),
        ("a.toml", b"[" + b".".join([b"a"] * 32) + b"]\nb = 1", "nested deeper than 32"),
        ("a.json", b"", "Expecting value: line 1 column 1"),
        ("a.json", b"[" * 60_000, "nested deeper than 32"),
        ("a.json", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested deeper than 32"),
        ("a.json", b"[1]", "is a list or a single value"),
        ("a.json", b"5", "is a list or a single value"),
        ("a.json", b'{"a": ' + b"9" * 5000 + b"}", "4300 digits"),
        ("a.json", b"{'a': 1}", "line 1 column 2"),
    ],
)
def test_a_broken_file_is_refused_where_it_breaks(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert said in refusal(file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "is not a regular file; hint: give the path of a TOML file"
    assert refusal(tmp_path / "missing.toml").startswith("is missing; hint: ")
    assert refusal(Path("a\0b")).startswith("cannot be read: embedded null byte")
    assert refusal(Path("a" * 5000)).startswith("cannot be read: file name too long")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device")
def test_a_device_without_an_end_is_not_read_to_it() -> None:
    assert refusal(Path("/dev/zero")).startswith("is not a regular file")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.toml", SOUND),
        ("a.toml", b"\xef\xbb\xbf" + SOUND),
        ("a.toml", SOUND.replace(b"\n", b"\r\n")),
        ("a.toml", SOUND + b"[data]\n[train]\n"),
        ("a.toml", b"#" + b" ... and so on" * 40 + b" " + b"." * 100 + b"\n" + SOUND),
        ("a.spec", SOUND),
        ("a.json", json.dumps(PERCEIVER).encode()),
        ("a.json", b"\xef\xbb\xbf" + json.dumps(PERCEIVER).encode("utf-8")),
        ("a.json", json.dumps(PERCEIVER).encode() + b" " * (MAX_LINE + 1)),
    ],
)
def test_a_sound_file_is_read(name: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert composed(read_spec_file(file)).spec == composed(PERCEIVER).spec


def test_an_empty_file_is_an_empty_layer(tmp_path: Path) -> None:
    file = tmp_path / "empty.toml"
    file.write_bytes(b"")
    assert read_spec_file(file).values == {}


def test_the_deepest_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "deep.toml"
    file.write_text("a = " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    assert "a" in read_spec_file(file).values


def test_the_spec_of_a_run_is_read_back(tmp_path: Path) -> None:
    spec = composed(PERCEIVER, {"data": {"augment": [{"name": "random_crop"}]}, "train": {"clip_norm": 1.5}}).spec
    write_json(tmp_path / "spec.json", {"schema_version": 1, **spec.model_dump(mode="json")})
    again = composed(read_spec_file(tmp_path / "spec.json")).spec
    assert again == spec
    assert again.run_id == spec.run_id
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("data = 5", "data", "must be a table"),
        ("model = []", "model", "must be a table"),
        ("[[model]]\nname = 'swin'", "model", "must be a table"),
        ("train.epochs = true", "train.epochs", "must be a valid integer"),
        ("train.epochs = 3.5", "train.epochs", "must be a valid integer"),
        ("train.epochs = 2026-01-02", "train.epochs", "must be a valid integer"),
        ("train.epochs = 07:32:00", "train.epochs", "must be a valid integer"),
        (f"train.epochs = {HEX_HUGE}", "the file", "contains a whole number of more than 4300 digits"),
        (f"train.epochs = {'9' * 4000}", "train.epochs", "must be"),
        (f"data.dataset = {HEX_HUGE}", "the file", "contains a whole number of more than 4300 digits"),
        ("optimizer.learning_rate = nan", "optimizer.learning_rate", "must be a finite number"),
        ("optimizer.learning_rate = -inf", "optimizer.learning_rate", "must be a finite number"),
        ("optimizer.learning_rate = 1e999", "optimizer.learning_rate", "must be a finite number"),
        ("optimizer.betas = [0.9]", "optimizer.betas.1", "is missing"),
        ("optimizer.betas = [0.9, 0.99, 0.999]", "optimizer.betas", "must have at most 2 items, not 3"),
        ("optimizer.betas = 0.9", "optimizer.betas", "must be a list in brackets"),
        ("data.dataset = 'a/b'", "data.dataset", "must be a name of 1 to 100 printable characters without slashes"),
        ("data.augment = ['random_crop']", "data.augment.0", "must be a table"),
        ("data.augment = 'random_crop'", "data.augment", "must be a list in brackets"),
        ("'train.epochs' = 3", '"train.epochs"', "unknown field"),
        ("'' = 3", '""', "unknown field"),
        ("'a b'.'c.d' = 3", '"a b"', "unknown field"),
        ("data.image_size = 7", "data.image_size", "must be greater than or equal to 8"),
        ("seed = 2147483648", "seed", "must be less than or equal to 2147483647"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(text: str, field: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    found = problems(PERCEIVER, read_spec_file(file))
    assert found[field].message.startswith(said)
    assert found[field].origin in (str(file), "")


@pytest.mark.parametrize(
    ("text", "field", "hint"),
    [
        ("optimizer.betas = 0.9", "optimizer.betas", "such as [0.9, 0.999]"),
        (
            "data.augment = [{name = 'random_rotation', degrees = 30}]",
            "data.augment.0.degrees",
            "such as [-15.0, 15.0]",
        ),
        ("model.name = 'timm'", "model.architecture", 'such as "resnet18"'),
    ],
)
def test_a_value_that_can_be_is_shown(text: str, field: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(text)
    assert problems(PERCEIVER, read_spec_file(tmp_path / "wrong.toml"))[field].hint == hint


def test_json_has_its_own_ways_to_be_wrong(tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text('{"seed": NaN, "train": {"clip_norm": Infinity}}')
    found = problems(PERCEIVER, read_spec_file(file))
    assert {field: problem.message for field, problem in found.items()} == {
        "train.clip_norm": "must be a finite number",
        "seed": "must be a valid integer",
    }
    for text in ('{"data": {"dataset": "\\ud800"}}', '{"tra\\ud800in": 1}'):
        file.write_text(text)
        (problem,) = problems(PERCEIVER, read_spec_file(file)).values()
        assert problem.message.endswith("or a text that is not Unicode")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        (" 1e-3 ", 1e-3),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('{ name = "sgd" }', {"name": "sgd"}),
        ("none", None),
        ("NONE", None),
        ("digits", "digits"),
        ('"64"', "64"),
        ("", ""),
        ("my set", "my set"),
        ("a = b", "a = b"),
        ("1\nb = 2", "1\nb = 2"),
        ("[" * 40 + "]" * 40, "[" * 40 + "]" * 40),
        ("[" * 4000, "[" * 4000),
        ("[" * 100_000, "[" * 100_000),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_value_is_read_as_toml_or_else_as_text(text: str, value: Any) -> None:
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


def test_an_assignment_may_hold_the_sign_itself() -> None:
    assert read_assignments(["dataset=a=b"]).values == {"data": {"dataset": "a=b"}}


def test_the_later_of_two_assignments_counts() -> None:
    assert read_assignments(["epochs=1", "train.epochs=2"]).values == {"train": {"epochs": 2}}
