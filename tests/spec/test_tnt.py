"""Each implementation of TNT has fields of its own."""

import json
from typing import Any

import pytest

from vitreport.spec.compose import compose
from vitreport.spec.data import DatasetFacts
from vitreport.spec.load import Layer
from vitreport.spec.run import RunSpec

from .composing import composed, problems

PACKAGE = {"name": "tnt", "implementation": "transformer-in-transformer"}
TIMM = {"name": "tnt", "implementation": "timm"}
FACTS = DatasetFacts("cifar10", 10, 32)


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (PACKAGE, "inner_heads", 4),
        (PACKAGE, "mlp_ratio", 2.0),
        (PACKAGE, "qkv_bias", False),
        (PACKAGE, "drop_rate", 0.1),
        (PACKAGE, "pos_drop_rate", 0.0),
        (PACKAGE, "proj_drop_rate", 0.1),
        (PACKAGE, "attn_drop_rate", 0.1),
        (PACKAGE, "drop_path_rate", 0.1),
        (TIMM, "dim_head", 64),
        (TIMM, "attn_dropout", 0.1),
        ({"name": "tnt"}, "ff_dropout", 0.2),
    ],
)
def test_a_field_of_the_other_implementation_is_an_error(model: dict[str, Any], field: str, value: object) -> None:
    """Also where it is given its default value."""
    found = problems({"model": {**model, field: value}}, {"seed": -1})
    assert found.keys() == {f"model.{field}", "seed"}
    assert found[f"model.{field}"].message == "unknown field"
    assert "model.implementation=" in found[f"model.{field}"].hint


def test_the_heads_of_the_package_have_a_width_of_their_own() -> None:
    composed({"model": {**PACKAGE, "num_heads": 7}})
    assert problems({"model": {**PACKAGE, "pixel_size": 3}}).keys() == {"model.pixel_size"}


@pytest.mark.parametrize("value", ["lucidrains", 3, ["timm"]])
def test_an_unknown_implementation_is_an_error(value: object) -> None:
    assert problems({"model": {"name": "tnt", "implementation": value}}).keys() == {"model.implementation"}


@pytest.mark.parametrize("model", [PACKAGE, TIMM, {**PACKAGE, "dim_head": 32}, {**TIMM, "inner_heads": 2}])
def test_a_saved_spec_names_its_own_fields_only_and_is_the_same_run(model: dict[str, Any]) -> None:
    spec = composed({"model": model}).spec
    saved = spec.model_dump(mode="json")
    is_timm = model["implementation"] == "timm"
    assert ("inner_heads" in saved["model"], "dim_head" in saved["model"]) == (is_timm, not is_timm)
    again = RunSpec.model_validate_json(json.dumps(saved))
    assert (again.run_id, again.model_dump()) == (spec.run_id, spec.model_dump())
    assert composed(saved).spec.run_id == spec.run_id


def test_the_implementation_is_part_of_the_id_where_it_is_not_timm() -> None:
    bare = composed({"model": {"name": "tnt"}}).spec
    assert composed({"model": TIMM}).spec.run_id == bare.run_id
    assert composed({"model": PACKAGE}).spec.run_id != bare.run_id
    assert composed({"model": {**PACKAGE, "dim_head": 32}}).spec.run_id != composed({"model": PACKAGE}).spec.run_id


@pytest.mark.parametrize(
    ("preset", "chosen"),
    [
        ({**PACKAGE, "dim_head": 32, "depth": 3}, "timm"),
        ({**TIMM, "inner_heads": 2, "depth": 3}, PACKAGE["implementation"]),
    ],
)
def test_the_other_implementation_can_be_chosen_over_a_preset(preset: dict[str, Any], chosen: str) -> None:
    """The fields of the former one fall away, the common ones stay; a field that is given itself never does."""
    layers = [Layer("preset", {"model": preset}, is_whole=True), Layer("--set", {"model": {"implementation": chosen}})]
    model = compose(layers, lambda *_: FACTS).spec.model
    assert model.model_dump().items() >= {"implementation": chosen, "depth": 3}.items()
    given = {"model": {name: value for name, value in preset.items() if name in ("dim_head", "inner_heads")}}
    assert problems(*(layer.values for layer in layers), given)
