"""Specs on record keep their meaning when a field is removed."""

import json
from pathlib import Path

import pytest

from vitreport.errors import SpecError
from vitreport.records.upgrade import parse
from vitreport.spec.compose import read_spec
from vitreport.spec.data import DatasetFacts
from vitreport.spec.run import RunSpec

FACTS = DatasetFacts("digits", 10, 8)


def recorded(intensity_range: str) -> bytes:
    spec = read_spec(
        {"model": {"name": "mlp-mixer", "patch_size": 4}, "data": {"dataset": "digits"}}, lambda *_: FACTS
    ).spec
    values = spec.model_dump(mode="json")
    values["data"]["intensity_range"] = intensity_range
    return json.dumps(values).encode()


def test_a_former_field_at_its_default_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_bytes(recorded("full"))
    read = read_spec(tmp_path / "spec.json", lambda *_: FACTS).spec
    assert read == parse(RunSpec, recorded("full"))
    assert "intensity_range" not in read.model_dump()["data"]


def test_another_value_of_a_former_field_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_bytes(recorded("train"))
    with pytest.raises(SpecError):
        read_spec(tmp_path / "spec.json", lambda *_: FACTS)
    with pytest.raises(ValueError, match="intensity_range"):
        parse(RunSpec, recorded("train"))
