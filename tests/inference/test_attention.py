"""Attention maps are those of the networks' own computations, at the right places."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.models.small import IMAGE_SIZE, NUM_CLASSES, SMALL_MODELS, small_model
from tests.spec.composing import composed
from vitreport.errors import SpecError
from vitreport.inference.attention import (
    attention_maps,
    call_with_hooks,
    class_token_rollout,
    cross_attention,
    cross_weights,
    grad_cam,
    method_of,
    output_of,
    self_weights,
    swin_rollout,
    tnt_rollout,
)
from vitreport.models.ensemble import Ensemble
from vitreport.models.registry import build_model
from vitreport.spec.model import ModelSpec

PACKAGE = {"implementation": "transformer-in-transformer", "embed_dim": 16, "inner_dim": 8, "depth": 2, "num_heads": 2}
NETWORKS: dict[str, dict[str, Any]] = {
    **{name: small_model(name) for name in SMALL_MODELS if name != "perceiver-io"},
    "perceiver-io-patches": {"name": "perceiver-io", "num_latents": 8, "latent_dim": 16, "patch_size": 4},
    "tnt-package": {"name": "tnt", **PACKAGE},
}
GRIDS = {"perceiver": 16, "mlp-mixer": 4, "swin": 8, "tnt": 4, "timm": 2, "perceiver-io-patches": 4, "tnt-package": 4}
CLASSES = torch.tensor([3, 7])
PLACES = pytest.mark.parametrize("place", [(0, 0), (3, 2), (1, 3), (3, 3)])


def spec_of(model: dict[str, Any], image_size: int = IMAGE_SIZE) -> ModelSpec:
    data = {"dataset": "digits", "image_size": image_size}
    return composed({"model": model, "data": data}).spec.model


def built(model: dict[str, Any], image_size: int = IMAGE_SIZE, seed: int = 0) -> Any:
    """A network in evaluation mode without weights that are zero, as a trained one."""
    spec = spec_of(model, image_size)
    network = build_model(spec, image_size=image_size, num_classes=NUM_CLASSES, seed=seed).eval()
    torch.manual_seed(seed)
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


def some_images(size: int = IMAGE_SIZE) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def bright(place: tuple[int, int], patch: int, size: int = IMAGE_SIZE) -> Tensor:
    """An image that is black but for one patch."""
    image = torch.zeros(1, 3, size, size)
    row, column = (patch * each for each in place)
    image[:, :, row : row + patch, column : column + patch] = 1
    return image


def peak(maps: Tensor) -> tuple[int, int]:
    return divmod(int(maps[0].argmax()), maps.shape[2])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_architecture_has_maps_from_0_to_1(name: str) -> None:
    network, (_, maps_of) = built(NETWORKS[name]), method_of(spec_of(NETWORKS[name]))
    images = some_images()
    classes = network(images).argmax(1)
    maps = attention_maps(network, maps_of, images, classes)
    assert maps.shape == (2, GRIDS[name], GRIDS[name])
    assert maps.min() >= 0
    torch.testing.assert_close(maps.amax((1, 2)), torch.ones(2))
    assert not torch.allclose(maps[0], maps[1], rtol=1e-4), "they depend on the image"
    torch.testing.assert_close(attention_maps(network, maps_of, images[1:], classes[1:])[0], maps[1])
    assert not any(module._forward_hooks for module in network.modules())
    assert not maps.requires_grad


def test_a_single_token_has_no_map() -> None:
    with pytest.raises(SpecError, match="its only token is the whole image") as error:
        method_of(spec_of(small_model("perceiver-io")))
    assert "model.patch_size" in error.value.hint


def test_the_maps_of_several_networks_are_averaged() -> None:
    model = NETWORKS["swin"]
    networks, (_, maps_of) = [built(model, seed=seed) for seed in (0, 1)], method_of(spec_of(model))
    each = [attention_maps(network, maps_of, some_images(), CLASSES) for network in networks]
    assert not torch.allclose(each[0], each[1])
    mean = (each[0] + each[1]) / 2
    found = attention_maps(Ensemble(networks), maps_of, some_images(), CLASSES)
    torch.testing.assert_close(found, mean / mean.amax((1, 2), keepdim=True))


def merged(weights: Tensor, values: Tensor, attention: Any) -> Tensor:
    """What attention with these weights gives: the values of all heads side by side, projected."""
    heads = values.unflatten(2, (attention.heads, -1)).transpose(1, 2)  # type: ignore[no-untyped-call]
    projected: Tensor = attention.to_out((weights @ heads).transpose(1, 2).flatten(2))
    return projected


@pytest.mark.parametrize("name", ["perceiver", "perceiver-io-patches"])
def test_the_weights_of_a_perceiver_give_the_output_of_its_module(name: str) -> None:
    network = built(NETWORKS[name])
    blocks = network.network.layers if name == "perceiver" else [network.network.cross_attend_block]
    call = network if name == "perceiver" else network.published_forward

    def look(attention: Any, arguments: Any, keywords: Any, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights = cross_weights(attention, arguments, keywords, output)
        values = attention.to_kv(keywords["context"]).chunk(2, dim=2)[1]
        return weights, merged(weights, values, attention), output

    found, _ = call_with_hooks([block.cross_attn.fn for block in blocks], look, call, some_images())
    assert len(found) == (3 if name == "perceiver" else 1), "every layer, also where weights are tied"
    for weights, recomputed, output in found:
        torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
        torch.testing.assert_close(recomputed, output)
    maps = cross_attention(network, some_images(), CLASSES)
    torch.testing.assert_close(maps.flatten(1), sum(weights.mean((1, 2)) for weights, *_ in found) / len(found))


def test_the_weights_of_the_package_give_the_output_of_its_module() -> None:
    network = built(NETWORKS["tnt-package"])

    def look(attention: Any, arguments: Any, keywords: Any, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        weights = self_weights(attention, arguments, keywords, output)
        return weights, merged(weights, attention.to_qkv(arguments[0]).chunk(3, dim=2)[2], attention), output

    found, _ = call_with_hooks([layer[3].fn for layer in network.layers], look, network, some_images())
    for weights, recomputed, output in found:
        torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
        torch.testing.assert_close(recomputed, output)
    maps = tnt_rollout(network, some_images(), CLASSES).flatten(1)
    torch.testing.assert_close(maps, class_token_rollout([weights for weights, *_ in found])[:, 1:])


@PLACES
@pytest.mark.parametrize("name", ["perceiver", "perceiver-io-patches"])
def test_a_perceiver_that_reads_bright_tokens_attends_to_the_bright_patch(name: str, place: tuple[int, int]) -> None:
    network = built(NETWORKS[name])
    values = 3 if name == "perceiver" else 3 * 4**2
    inner = network.network
    for block in inner.layers if name == "perceiver" else [inner.cross_attend_block]:
        block.cross_attn.norm.bias.data[:] = 1  # the query of every latent is the same
        block.cross_attn.norm.weight.data.zero_()
        block.cross_attn.norm_context.weight.data[:] = 1
        block.cross_attn.norm_context.bias.data.zero_()
        block.cross_attn.fn.to_q.weight.data[:] = 1
        block.cross_attn.fn.to_kv.weight.data.zero_()
        block.cross_attn.fn.to_kv.weight.data[: block.cross_attn.fn.to_q.out_features, :values] = 1 / values
    images = bright(place, 1 if name == "perceiver" else 4)
    assert peak(cross_attention(network, images, CLASSES[:1])) == place


@PLACES
@pytest.mark.parametrize("name", ["tnt", "tnt-package"])
def test_a_class_token_that_reads_one_patch_attends_to_it(name: str, place: tuple[int, int]) -> None:
    network = built(NETWORKS[name])
    if name == "tnt":
        positions, attentions = network.patch_pos[0], [block.attn_out.qk for block in network.blocks]
    else:
        positions, attentions = network.patch_pos_emb, [layer[3].fn.to_qkv for layer in network.layers]
    positions.data[0, 1] += 50
    positions.data[1 + 4 * place[0] + place[1], 0] += 50
    for projection in attentions:
        width = projection.out_features // (2 if name == "tnt" else 3)
        projection.weight.data.zero_()
        projection.weight.data[:width, 1] = 1  # the query of the class token
        projection.weight.data[width : 2 * width, 0] = 1  # the key of the patch
    assert peak(tnt_rollout(network, some_images(), CLASSES)) == place


def test_rollout_is_the_product_of_half_the_attention_and_half_the_identity() -> None:
    """Abnar and Zuidema 2020, equation 1, for two layers of two heads on a class token and two patches."""
    layers = torch.rand(2, 1, 2, 3, 3, generator=torch.Generator().manual_seed(0)).softmax(-1)
    first, second = (0.5 * layer[0].mean(0) + 0.5 * torch.eye(3) for layer in layers)
    torch.testing.assert_close(class_token_rollout(list(layers))[0], (second @ first)[0])


SWIN = {"name": "swin", "patch_size": 2, "embed_dim": 8, "depths": [2, 2, 1], "num_heads": [2, 2, 2], "window_size": 4}


class Mixed(nn.Module):
    """In place of the attention in windows: their tokens, mixed by given weights."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, windows: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.weights @ windows


def test_rollout_through_windows_is_the_gradient_of_the_mixing_alone() -> None:
    """On grids of 12 (shifted), 6 (padded and shifted) and 3 (padded) places, timm itself moves the tokens."""
    network = built(SWIN, image_size=24)
    blocks = [block for stage in network.layers for block in stage.blocks]
    weights, _ = call_with_hooks([block.attn.softmax for block in blocks], output_of, network, some_images(24))
    found = swin_rollout(network, some_images(24), CLASSES)
    assert [any(block.shift_size) for block in blocks] == [False, True, False, True, False]
    patches = torch.zeros(2, 12, 12, 1, requires_grad=True)
    tokens: Tensor = patches
    for block, weight in zip(blocks, weights, strict=True):
        if tokens.shape[1] > block.input_resolution[0]:
            tokens = nn.functional.avg_pool2d(tokens.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        block.attn = Mixed(weight.mean(1))
        tokens = (tokens + block._attn(tokens)) / 2
    (expected,) = torch.autograd.grad(tokens.mean((1, 2)).sum(), patches)
    torch.testing.assert_close(found, expected[..., 0])
    assert found.std() > 1e-4


def test_rollout_keeps_the_whole_share_where_no_window_is_padded() -> None:
    shares = swin_rollout(built(SWIN, image_size=16), some_images(), CLASSES)
    torch.testing.assert_close(shares.sum((1, 2)), torch.ones(2))


@pytest.mark.parametrize("place", [(0, 0), (7, 7), (2, 5), (7, 0)])
def test_a_swin_that_reads_bright_patches_attends_to_the_bright_patch(place: tuple[int, int]) -> None:
    network = built(SWIN, image_size=16)
    network.patch_embed.proj.weight.data[:] = 0
    network.patch_embed.proj.weight.data[0] = 1
    network.patch_embed.proj.bias.data[:] = 0
    for block in network.layers[0].blocks:
        block.attn.qkv.weight.data.zero_()
        block.attn.qkv.bias.data[:] = 0
        block.attn.qkv.bias.data[:8] = 1
        block.attn.qkv.weight.data[8:16, 0] = 5
    assert peak(swin_rollout(network, bright(place, 2), CLASSES[:1])) == place


class Pooled(nn.Module):
    """A network whose class activation map is known: logits are a linear map of the means of its features."""

    feature_info = ({"module": "features"}, {"module": "last"})

    def __init__(self, layout: str) -> None:
        super().__init__()
        self.layout, self.features, self.last, self.head = layout, nn.Identity(), nn.Identity(), nn.Linear(3, 4)

    def forward(self, images: Tensor) -> Tensor:
        tokens = images.flatten(2).transpose(1, 2)
        if self.layout == "class token":  # reads the means in the end, after which the patches do not count
            tokens = self.features(torch.cat([torch.zeros_like(tokens[:, :1]), tokens], dim=1))
            tokens = torch.cat([tokens[:, 1:].mean(1, keepdim=True), tokens[:, 1:]], dim=1)
            logits: Tensor = self.head(self.last(tokens)[:, 0])
            return logits
        seen = {"first": images, "last": images.permute(0, 2, 3, 1), "tokens": tokens}[self.layout]
        seen = self.features(seen)
        means = seen.mean({"first": (2, 3), "last": (1, 2), "tokens": 1}[self.layout])
        pooled: Tensor = self.head(self.last(means[:, :, None, None]).flatten(1))
        return pooled


@pytest.mark.parametrize("layout", ["first", "last", "tokens", "class token"])
def test_grad_cam_is_the_class_activation_map_where_features_are_averaged(layout: str) -> None:
    """Selvaraju et al. 2017, section 3: the weights are then those of the classifier, for each number of places."""
    network, images = Pooled(layout), torch.randn(2, 3, 4, 4)
    classes = torch.tensor([0, 2])
    with torch.no_grad():
        found = grad_cam(network, images, classes)
    weights = network.head.weight[classes] / 16
    torch.testing.assert_close(found, torch.einsum("bk,bkhw->bhw", weights, images).relu().detach())


def test_grad_cam_finds_the_patch_that_decides() -> None:
    network = Pooled("first")
    network.head.weight.data[:] = torch.tensor([[1.0], [-1], [0], [0]])
    assert peak(grad_cam(network, bright((2, 1), 1, size=4), torch.tensor([0]))) == (2, 1)
    assert not grad_cam(network, bright((2, 1), 1, size=4), torch.tensor([1])).any()


def test_a_network_without_known_features_is_an_error() -> None:
    with pytest.raises(SpecError, match="no feature maps that Grad-CAM can use"):
        grad_cam(nn.Sequential(nn.Flatten(), nn.Linear(48, 4)), torch.rand(1, 3, 4, 4), torch.tensor([0]))
