"""Entries of `data.augment`, also those inside a mixture: what is wrong is told with the path of the field."""

from pathlib import Path
from typing import Any

import pytest

from tests.spec.composing import PERCEIVER, composed, problems
from vitreport.spec.augment import EqualizeSpec, MixtureSpec, RandomAffineSpec, RandomRotationSpec
from vitreport.spec.load import read_assignments, read_spec_file

FLIP = {"name": "horizontal_flip"}
MIXTURE_IN_TOML = """
[[data.augment]]
name = "mixture"
maximum = 2

[[data.augment.operations]]
name = "random_rotation"
degrees = [0, 180.0]

[[data.augment.operations]]
name = "equalize"
"""
MIXTURE_IN_A_LINE = (
    '[{name="mixture", maximum=2, operations=[{name="random_rotation", degrees=[0, 180.0]}, {name="equalize"}]}]'
)


def test_a_mixture_is_written_in_a_file_or_on_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_text(MIXTURE_IN_TOML, encoding="utf-8")
    written = composed(PERCEIVER, read_spec_file(file)).spec
    given = composed(PERCEIVER, read_assignments([f"data.augment={MIXTURE_IN_A_LINE}"])).spec
    operations = (RandomRotationSpec(degrees=(0.0, 180.0)), EqualizeSpec())
    assert written.data.augment == given.data.augment == (MixtureSpec(maximum=2, operations=operations),)
    assert written.run_id == given.run_id


def test_every_value_inside_a_mixture_is_in_the_id() -> None:
    def with_scale(scale: list[float]) -> str:
        affine = {"name": "random_affine", "scale": scale}
        mixture = {"name": "mixture", "operations": [FLIP, affine]}
        return composed(PERCEIVER, {"data": {"augment": [mixture]}}).spec.run_id

    assert with_scale([0.8, 1.2]) == with_scale([0.8, 1.2]) != with_scale([0.8, 1.25])


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "random_rotation", "degrees": [20, 10]}, "degrees", "must be [lowest, highest]"),
    ({"name": "random_rotation", "degrees": 20}, "degrees", "must be a list in brackets"),
    ({"name": "random_rotation", "degrees": [0, 1e9]}, "degrees.1", "must be less than or equal to 360"),
    ({"name": "random_rotation", "interpolation": "cubic"}, "interpolation", "must be 'nearest' or 'bilinear'"),
    ({"name": "random_affine", "scale": [1.2, 0.8]}, "scale", "must be [lowest, highest]"),
    ({"name": "random_affine", "translate": [0.2, 1.2]}, "translate.1", "must be less than or equal to 1"),
    ({"name": "random_affine", "shear": [-90, 0]}, "shear.0", "must be greater than or equal to -85"),
    ({"name": "random_resized_crop", "scale": [0.5, 1.5]}, "scale.1", "must be less than or equal to 1"),
    ({"name": "random_resized_crop", "scale": [0.0, 1.0]}, "scale.0", "must be greater than 0"),
    ({"name": "random_resized_crop", "ratio": [2.0, 1.0]}, "ratio", "must be [lowest, highest]"),
    ({"name": "random_erasing", "probability": -0.1}, "probability", "must be greater than or equal to 0"),
    ({"name": "random_erasing", "value": "white"}, "value", "must be 'black' or 'noise'"),
    ({"name": "equalize", "probability": 1.5}, "probability", "must be less than or equal to 1"),
    ({"name": "sharpness", "factor": -1}, "factor", "must be greater than or equal to 0"),
    ({"name": "rand_augment", "num_ops": 0}, "num_ops", "must be greater than or equal to 1"),
    ({"name": "trivial_augment", "num_magnitude_bins": 1}, "num_magnitude_bins", "must be greater than or equal to 2"),
    ({"name": "equalise"}, "name", "unknown name"),
    ({"name": "autocontrast", "cutoff": 1}, "cutoff", "unknown field"),
]


@pytest.mark.parametrize(
    ("entry", "field", "said"), FAULTS, ids=[f"{entry['name']} {field}" for entry, field, _ in FAULTS]
)
def test_a_fault_is_told_with_its_path(entry: dict[str, Any], field: str, said: str) -> None:
    alone = problems(PERCEIVER, {"data": {"augment": [FLIP, entry]}})
    inside = problems(PERCEIVER, {"data": {"augment": [{"name": "mixture", "operations": [FLIP, FLIP, entry]}]}})
    for found, path in ((alone, f"data.augment.1.{field}"), (inside, f"data.augment.0.operations.2.{field}")):
        assert list(found) == [path]
        assert found[path].message == said
        assert found[path].origin == "layer 2"


@pytest.mark.parametrize(
    ("mixture", "field", "said"),
    [
        ({"operations": []}, "operations", "must contain at least one operation"),
        ({}, "operations", "is missing"),
        ({"operations": [FLIP], "maximum": 0}, "maximum", "must be greater than or equal to 1"),
        (
            {"operations": [FLIP, {"name": "mixture", "operations": [FLIP]}]},
            "operations.1.name",
            "unknown name",
        ),
    ],
)
def test_a_mixture_that_cannot_be(mixture: dict[str, Any], field: str, said: str) -> None:
    found = problems(PERCEIVER, {"data": {"augment": [{"name": "mixture", **mixture}]}})
    assert {path: problem.message for path, problem in found.items()} == {f"data.augment.0.{field}": said}


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_what_mixes_batches_is_no_entry(name: str) -> None:
    for entry in ({"name": name}, {"name": "mixture", "operations": [{"name": name}]}):
        (found,) = problems(PERCEIVER, {"data": {"augment": [entry]}}).values()
        assert found.message == "unknown name"
        assert found.hint == f"set data.mix.{name}_alpha"


@pytest.mark.parametrize(
    ("field", "value", "said", "hint"),
    [
        ("mixup_alpha", -0.1, "must be greater than or equal to 0", ""),
        ("cutmix_alpha", "much", "must be a valid number", ""),
        ("probability", 1.5, "must be less than or equal to 1", ""),
        ("switch_probability", -1, "must be greater than or equal to 0", ""),
        ("mixup_alfa", 0.2, "unknown field", "did you mean mixup_alpha or cutmix_alpha?"),
    ],
)
def test_a_fault_in_mixing_is_told_with_its_path(field: str, value: Any, said: str, hint: str) -> None:
    (found,) = problems(PERCEIVER, {"data": {"mix": {field: value}}}).values()
    assert (found.field, found.message, found.hint) == (f"data.mix.{field}", said, hint)


def test_mixing_is_in_the_id_where_it_is_on() -> None:
    ids = [
        composed(PERCEIVER, {"data": {"mix": mix}}).spec.run_id
        for mix in ({}, {"mixup_alpha": 0.0}, {"mixup_alpha": 0.2})
    ]
    assert ids[0] == ids[1] == composed(PERCEIVER).spec.run_id != ids[2]


def test_a_range_may_be_a_single_value() -> None:
    entry = {"name": "random_affine", "degrees": [15, 15], "scale": [1, 1]}
    found = composed(PERCEIVER, {"data": {"augment": [entry]}}).spec.data.augment
    assert found == (RandomAffineSpec(degrees=(15.0, 15.0), scale=(1.0, 1.0)),)
