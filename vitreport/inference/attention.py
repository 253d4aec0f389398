"""Which parts of an image a network attends to, by the method that fits its architecture.

Shape legend: B images, h x w places of a map, M queries, N keys or tokens, I width of all heads.
"""

from collections.abc import Callable, Iterable, Sequence
from math import isqrt
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from vitreport.errors import SpecError
from vitreport.models.ensemble import Ensemble
from vitreport.models.perceiver import PerceiverIOClassifier
from vitreport.models.tnt import PackageTNT
from vitreport.spec.architectures.mlp_mixer import MLPMixerSpec
from vitreport.spec.architectures.perceiver import PerceiverIOSpec, PerceiverSpec
from vitreport.spec.architectures.swin import SwinSpec
from vitreport.spec.architectures.timm import TimmSpec
from vitreport.spec.architectures.tnt import TNTSpec
from vitreport.spec.model import ModelSpec

HookFunction = Callable[[Any, Any, Any, Any], Any]  # what to keep of a call: its module, arguments, keywords and output
MapsOf = Callable[
    [Any, Tensor, Tensor], Tensor
]  # of a network, images and classes: maps (B, h, w), on any scale from 0


def output_of(_module: Any, _arguments: Any, _keywords: Any, output: Any) -> Any:
    """Keep the output of a call."""
    return output


def method_of(spec: ModelSpec) -> tuple[str, MapsOf]:
    """Return the method for an architecture, in words and as a function. Raises SpecError if there is none."""
    match spec:
        case PerceiverIOSpec(patch_size=None):
            fault = "this Perceiver IO has no attention map: its only token is the whole image"
            raise SpecError(fault, "train it with --set model.patch_size=2")
        case PerceiverSpec() | PerceiverIOSpec():
            return "Cross attention, mean over latents, heads and layers", cross_attention
        case SwinSpec() | TNTSpec():
            rollout = swin_rollout if isinstance(spec, SwinSpec) else tnt_rollout
            return "Attention rollout over all layers, mean over heads", rollout
        case MLPMixerSpec() | TimmSpec():
            return "Grad-CAM of the predicted class", grad_cam
        case _:
            assert_never(spec)


@torch.no_grad()
def attention_maps(network: nn.Module, maps_of: MapsOf, images: Tensor, classes: Tensor) -> Tensor:
    """Return maps (B, h, w) from 0 to 1, the largest value of each, of images as the network takes them.

    Grad-CAM explains these `classes` (B,); its map is 0 if no part of the image speaks for the class. Of several
    networks, this is the mean of their maps.
    """
    if isinstance(network, Ensemble):
        maps = torch.stack([attention_maps(each, maps_of, images, classes) for each in network.networks]).mean(0)
    else:
        maps = maps_of(network, images, classes).float()
    return maps / maps.amax((1, 2), keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)


def call_with_hooks(
    modules: Iterable[nn.Module], look: HookFunction, call: Callable[[Tensor], Tensor], images: Tensor
) -> tuple[list[Any], Tensor]:
    """Return what `look` keeps of every call of these modules, in the order of the calls, and the logits."""
    found: list[Any] = []

    def hook(*seen: Any) -> None:
        found.append(look(*seen))

    handles = [module.register_forward_hook(hook, with_kwargs=True) for module in dict.fromkeys(modules)]
    try:
        return found, call(images)
    finally:
        for handle in handles:
            handle.remove()


def attention_weights(queries: Tensor, keys: Tensor, attention: Any) -> Tensor:
    """Return the weights (B, heads, M, N) of queries (B, M, I) for keys (B, N, I), which the packages do not keep."""
    queries, keys = (each.reshape(*each.shape[:2], attention.heads, -1).transpose(1, 2) for each in (queries, keys))
    scores: Tensor = queries @ keys.transpose(2, 3) * attention.scale
    return scores.softmax(-1)


def cross_weights(attention: Any, arguments: Any, keywords: Any, _output: Tensor) -> Tensor:
    """Return the weights of a call of perceiver-pytorch's attention to a context."""
    keys, _ = attention.to_kv(keywords["context"]).chunk(2, dim=2)
    return attention_weights(attention.to_q(arguments[0]), keys, attention)


def self_weights(attention: Any, arguments: Any, _keywords: Any, _output: Tensor) -> Tensor:
    """Return the weights of a call of the attention in transformer-in-transformer."""
    queries, keys, _ = attention.to_qkv(arguments[0]).chunk(3, dim=2)
    return attention_weights(queries, keys, attention)


def cross_attention(network: Any, images: Tensor, _classes: Tensor) -> Tensor:
    """Return the share of each token (B, h, w) in what the latents of a Perceiver or Perceiver IO read."""
    if isinstance(network, PerceiverIOClassifier):
        blocks, call = [network.network.cross_attend_block], network.published_forward
    else:
        blocks, call = network.network.layers, network
    weights, _ = call_with_hooks([block.cross_attn.fn for block in blocks], cross_weights, call, images)
    return _square(torch.stack(weights).mean((0, 2, 3)))


def tnt_rollout(network: Any, images: Tensor, _classes: Tensor) -> Tensor:
    """Return the share of each patch (B, h, w) in the class token of a TNT."""
    if isinstance(network, PackageTNT):
        weights, _ = call_with_hooks([layer[3].fn for layer in network.layers], self_weights, network, images)
    else:
        weights, _ = call_with_hooks([block.attn_out.attn_drop for block in network.blocks], output_of, network, images)
    return _square(class_token_rollout(weights)[:, 1:])


def _square(tokens: Tensor) -> Tensor:
    """Arrange tokens (B, N), row by row, as a map (B, h, w)."""
    return tokens.reshape(len(tokens), isqrt(tokens.shape[1]), -1)


def class_token_rollout(weights: Sequence[Tensor]) -> Tensor:
    """Return the share (B, N) of each token in the first, the class token, by the layers' weights (B, heads, N, N)."""
    shares = torch.zeros_like(weights[-1][:, 0, 0])
    shares[:, 0] = 1
    for layer in reversed(weights):
        shares = rollout_through_layer(shares, layer)
    return shares


def rollout_through_layer(shares: Tensor, weights: Tensor) -> Tensor:
    """Turn shares (B, N) of a layer's outputs into shares of its inputs, by its weights (B, heads, N, N).

    Attention rollout (Abnar and Zuidema 2020, arXiv:2005.00928): one half comes over the residual connection.
    """
    return (shares + torch.einsum("bm,bmn->bn", shares, weights.mean(1))) / 2


def swin_rollout(network: Any, images: Tensor, _classes: Tensor) -> Tensor:
    """Return the share of each patch (B, h, w) in the mean over the last stage, back through windows and mergings."""
    from timm.models.swin_transformer import window_partition, window_reverse

    blocks = [block for stage in network.layers for block in stage.blocks]
    for block in blocks:
        block.attn.fused_attn = False  # an environment variable of timm sets it
    weights, _ = call_with_hooks([block.attn.softmax for block in blocks], output_of, network, images)
    height, width = blocks[-1].input_resolution
    shares = images.new_full((len(images), height, width), 1 / (height * width))
    for stage in reversed(network.layers):
        for block in reversed(stage.blocks):
            (down, right), size, (height, width) = block.shift_size, block.window_size, block.input_resolution
            padding = (0, -width % size[1], 0, -height % size[0])
            padded = nn.functional.pad(shares.roll((-down, -right), (1, 2)), padding)
            inside = rollout_through_layer(window_partition(padded.unsqueeze(3), size).flatten(1), weights.pop())
            whole = window_reverse(inside.reshape(-1, *size, 1), size, *padded.shape[1:])
            shares = whole[:, :height, :width, 0].roll((down, right), (1, 2))
        if not isinstance(stage.downsample, nn.Identity):  # it has made each place of 2 x 2
            height, width = stage.input_resolution
            shares = shares.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, :height, :width] / 4
    return shares


def grad_cam(network: Any, images: Tensor, classes: Tensor) -> Tensor:
    """Return Grad-CAM of `classes` (B,), by the last features of timm's network with places that the logits depend on.

    A channel has the mean of its gradient over all places as its weight (Selvaraju et al. 2017, arXiv:1610.02391).
    Skip features of a single place, and features from which only the class token is used.
    """
    modules, names = dict(network.named_modules()), [each["module"] for each in getattr(network, "feature_info", ())]
    with torch.enable_grad():
        layers = [modules[name] for name in names if name in modules]
        found, logits = call_with_hooks(layers, output_of, network, images.clone().requires_grad_())
        tensors = (each[-1] if isinstance(each, tuple) else each for each in found)
        features = [each for each in tensors if isinstance(each, Tensor)]
        chosen = logits.gather(1, classes.unsqueeze(1)).sum()
        gradients = torch.autograd.grad(chosen, features, materialize_grads=True) if features else ()
    for feature, gradient in zip(reversed(features), reversed(gradients), strict=True):
        values, slopes = _channels_first(feature.detach()), _channels_first(gradient)
        if values.shape[2] > 1 and slopes.any():
            return (values * slopes.mean((2, 3), keepdim=True)).sum(1).relu()
    raise SpecError("this model of timm has no feature maps that Grad-CAM can use", "use a run of another model")


def _channels_first(features: Tensor) -> Tensor:
    """Return features of places as (B, channels, h, w); tokens that are not patches come first."""
    if features.ndim == 3:
        side = isqrt(features.shape[1])
        features = features[:, -(side**2) :].reshape(len(features), side, side, -1)
    return features if features.shape[2] == features.shape[3] else features.permute(0, 3, 1, 2)
