"""What timm is asked for, and how its refusals are told."""

import json
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from vitreport.errors import Problem, SpecError
from vitreport.models.registry import build_model
from vitreport.spec.model import ModelSpec
from vitreport.spec.run import RunSpec
from vitreport.training.setup import place_model

VIT = {"patch_size": 4, "embed_dim": 16, "depth": 1, "num_heads": 2}


def build(architecture: str, image_size: int = 16, **arguments: Any) -> nn.Module:
    values = {"name": "timm", "architecture": architecture, "arguments": arguments}
    spec: Any = TypeAdapter[Any](ModelSpec).validate_json(json.dumps(values))
    return build_model(spec, image_size=image_size, num_classes=7, seed=0)


def refusal(architecture: str, image_size: int = 16, **arguments: Any) -> Problem:
    with pytest.raises(SpecError) as caught:
        build(architecture, image_size, **arguments)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize("image_size", [16, 24])
def test_a_vision_transformer_is_built_for_the_size_of_the_images(image_size: int) -> None:
    model = build("vit_tiny_patch16_224", image_size, **VIT)
    assert model.get_parameter("pos_embed").shape[1] == (image_size // 4) ** 2 + 1
    assert model(torch.zeros(2, 3, image_size, image_size)).shape == (2, 7)


def test_a_convolutional_network_takes_any_size_and_comes_untouched() -> None:
    model = build("resnet10t", 40)
    assert model.training
    assert all(module.num_batches_tracked == 0 for module in model.modules() if isinstance(module, nn.BatchNorm2d))


def test_attention_of_timms_tnt_can_be_dropped() -> None:
    model = build("tnt_s_patch16_224", patch_size=4, embed_dim=12, inner_dim=4, depth=1, attn_drop_rate=0.5)
    model(torch.rand(2, 3, 16, 16)).sum().backward()


def test_a_misspelt_architecture_is_met_with_the_nearest() -> None:
    problem = refusal("resnet_18")
    assert (problem.message, problem.value) == ("timm has no such model", "'resnet_18'")
    assert problem.hint.startswith("did you mean resnet18 or ")
    assert "timm has no such weights" in refusal("resnet18.nowhere").message


@pytest.mark.parametrize("architecture", ["hf-hub:timm", "local-dir:.", "resnet18:x", "."])
def test_no_name_leads_out_of_timms_list(architecture: str) -> None:
    assert refusal(architecture).message == "timm has no such model"


@pytest.mark.parametrize(
    ("architecture", "arguments", "reason"),
    [
        ("resnet18", {"drop_rat": 0.1}, "got an unexpected keyword argument 'drop_rat'"),
        ("mixer_s16_224", {"patch_size": 4}, "got multiple values for keyword argument 'patch_size'"),
    ],
)
def test_a_keyword_that_the_architecture_does_not_take(
    architecture: str, arguments: dict[str, Any], reason: str
) -> None:
    problem = refusal(architecture, 32, **arguments)
    assert problem.field == "model.arguments"
    assert problem.message.startswith(f"{architecture} cannot be built for images of 32 x 32 pixels: ")
    assert problem.message.endswith(reason)


@pytest.mark.parametrize("arguments", [{"num_heads": 7}, {"depth": "many"}, {"patch_size": 0}])
def test_a_value_that_the_constructor_chokes_on(arguments: dict[str, Any]) -> None:
    problem = refusal("vit_tiny_patch16_224", **{**VIT, **arguments})
    assert problem.field == "model.arguments"
    assert problem.message.startswith("vit_tiny_patch16_224 cannot be built for images of 16 x 16 pixels: ")


def test_keywords_that_the_network_does_not_run_with() -> None:
    problem = refusal("resnet10t", 32, drop_rate=2)
    assert problem.field == "model.arguments"
    assert problem.message.startswith("resnet10t cannot be built for images of 32 x 32 pixels: dropout probability")


def test_images_of_a_size_that_the_network_does_not_run_at() -> None:
    problem = refusal("inception_v3", 16)
    assert problem.field == "model.architecture"
    assert problem.message.startswith("inception_v3 cannot be built for images of 16 x 16 pixels: ")


def test_a_network_without_logits_is_refused() -> None:
    problem = refusal("vit_tiny_patch16_224", **VIT, global_pool="", class_token=False)
    assert problem.message == "gives (1, 16, 7) for one image, not (1, 7) logits"


@pytest.mark.parametrize("value", [10**9, -(10**9), [1, [10_001]]])
def test_a_number_that_would_be_a_loop_without_an_end_is_refused(value: object) -> None:
    with pytest.raises(ValidationError, match=r"'depth' must be .*number to 10,000"):
        build("vit_tiny_patch16_224", depth=value)


def test_what_fails_in_training_alone_is_a_fault_of_the_arguments() -> None:
    spec = RunSpec.model_validate_json(
        json.dumps(
            {
                "model": {"name": "timm", "architecture": "resnet10t", "arguments": {"drop_path_rate": 5}},
                "data": {"dataset": "digits", "num_classes": 10, "image_size": 32},
            }
        )
    )
    with pytest.raises(SpecError) as caught:
        place_model(spec, torch.device("cpu"))
    (problem,) = caught.value.problems
    assert problem.field == "model.arguments"
    assert problem.message.startswith("resnet10t cannot be trained with these settings: ")
