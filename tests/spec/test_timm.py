"""What a spec says of an architecture of timm without asking timm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spec.composing import Table, composed, problems
from vitreport.records.folders import RUN_NAME
from vitreport.spec.architectures.timm import timm_label
from vitreport.spec.load import read_assignments

RESNET = {"model": {"name": "timm", "architecture": "resnet18"}}


def with_arguments(**arguments: object) -> Table:
    return {"model": {**RESNET["model"], "arguments": arguments}}


def test_a_run_is_called_after_its_architecture() -> None:
    spec = composed(RESNET, {"seed": 3}).spec
    assert spec.run_id == f"timm-resnet18-cifar10-{spec.group_hash}-s3"


@given(st.text(st.characters(exclude_characters="/\\", exclude_categories=["C"]), min_size=1, max_size=100))
def test_a_run_id_is_the_name_of_a_folder_whatever_the_architecture_is_called(architecture: str) -> None:
    spec = composed({"model": {"name": "timm", "architecture": architecture}}, {"data": {"dataset": "x" * 100}}).spec
    assert RUN_NAME.match(f"{spec.model_copy(update={'seed': 2**31 - 1}).run_id}-r99")
    assert spec.run_id.startswith(f"{spec.model.id_label}-")
    assert timm_label(architecture).startswith(spec.model.id_label)


def test_arguments_are_in_the_hash() -> None:
    first, second = (composed(with_arguments(drop_rate=rate)).spec for rate in (0.1, 0.2))
    assert len({composed(RESNET).spec.group_hash, first.group_hash, second.group_hash}) == 3
    assert (
        composed(with_arguments(a=1, b=[0.0])).spec.group_hash
        == composed(with_arguments(b=[-0.0], a=1)).spec.group_hash
    )


def test_arguments_of_several_layers_are_merged() -> None:
    set_ = read_assignments(["model.arguments.drop_rate=0.2", "arguments.layers=[1, 1]"])
    assert composed(with_arguments(drop_rate=0.1, width=2), set_).spec.model.model_dump()["arguments"] == {
        "drop_rate": 0.2,
        "layers": [1, 1],
        "width": 2,
    }


def test_an_entry_replaces_a_text_in_the_place_of_the_table() -> None:
    set_ = read_assignments(["model.arguments=text", "model.arguments.width=2"])
    assert composed(RESNET, set_).spec.model.model_dump()["arguments"] == {"width": 2}


@pytest.mark.parametrize("value", [None, {"inner": 1}, [None], [[{"inner": 1}]], float("inf")])
def test_an_argument_is_a_plain_value(value: object) -> None:
    assert "'width' must be a keyword with text" in problems(with_arguments(width=value))["model.arguments"].message


def test_an_argument_is_a_keyword() -> None:
    assert problems(with_arguments(**{"drop-rate": 1}))["model.arguments"].message.startswith("'drop-rate' must be")
