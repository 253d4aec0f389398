"""A spec is read in one call, whatever it is given as."""

from pathlib import Path
from typing import Any

import pytest

from tests.spec.composing import PERCEIVER, composed, describe
from vitreport.errors import Problem, SpecError
from vitreport.files import write_json
from vitreport.spec.compose import read_spec

EXPECTED = composed(PERCEIVER, {"train": {"epochs": 3}}).spec


@pytest.mark.parametrize("name", ["my.toml", "run/spec.json", "run", "dictionary"])
@pytest.mark.parametrize("kind", [str, Path])
def test_every_source_gives_the_same_spec(name: str, kind: type, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "my.toml").write_text('model.name = "perceiver-io"\ntrain.epochs = 3\n')
    write_json(tmp_path / "run" / "spec.json", {"schema_version": 1, **EXPECTED.model_dump(mode="json")})
    values = {"schema_version": 1, **EXPECTED.model_dump(mode="json")}
    assert read_spec(values if name == "dictionary" else kind(tmp_path / name), describe).spec == EXPECTED


def test_all_problems_are_told_at_once() -> None:
    faulty: dict[str, Any] = {"model": {"name": "swim"}, "train": {"epoch": 1}, "data": {"augment": {"a"}}}
    with pytest.raises(SpecError) as caught:
        read_spec(faulty, describe)
    origin, list_hint = "the dictionary", 'such as [{name="horizontal_flip"}]'
    assert caught.value.problems == (
        Problem("model.name", "unknown name", "did you mean swin?", "'swim'", origin),
        Problem("data.augment", "must be a list in brackets", list_hint, repr("{'a'}"), origin),
        Problem("train.epoch", "unknown field", "did you mean epochs?", origin=origin),
    )


def test_a_path_that_is_no_spec_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is missing"):
        read_spec(tmp_path, describe)
