"""Perceiver on the pixels of an image; Perceiver IO on it as one token or as patches, with a learned query.

perceiver-pytorch owns the parameters; the forward pass of Perceiver IO computes the same function in a cheaper order.

Shape legend: B images, C channels, H height, W width, V values of a token, F features of its place, Q = K classes,
N tokens attended to, M queries, E and D width of a query and of a token, A heads, I width of a head, R = M*A rows.
"""

from typing import Any

import torch
from perceiver_pytorch import Perceiver, PerceiverIO
from perceiver_pytorch.perceiver_pytorch import fourier_encode
from torch import Tensor, nn
from torch.nn import functional

from vitreport.models.linear import linear
from vitreport.spec.architectures.perceiver import PerceiverIOSpec, PerceiverSpec
from vitreport.spec.data import CHANNELS


class PerceiverClassifier(nn.Module):
    """perceiver-pytorch's Perceiver, which wants its channels last."""

    classifier = ("network.to_logits.2.",)

    def __init__(self, spec: PerceiverSpec, num_classes: int) -> None:
        super().__init__()
        self.network = Perceiver(input_channels=CHANNELS, input_axis=2, num_classes=num_classes, **spec.fields())

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Map images (B, C, H, W) to logits (B, K)."""
        logits_BK: Tensor = self.network(images_BCHW.permute(0, 2, 3, 1))
        return logits_BK


class PerceiverIOClassifier(nn.Module):
    """perceiver-pytorch's PerceiverIO between an image and its logits (Jaegle et al. 2021, section 3)."""

    classifier = ("query_11Q", "network.decoder_cross_attn.", "network.decoder_ff.", "network.to_logits.")
    places: Tensor
    query_11Q: Tensor

    def __init__(self, spec: PerceiverIOSpec, image_size: int) -> None:
        super().__init__()
        own = ("patch_size", "num_freq_bands", "max_freq", "query_init", "query_trained")
        self.network = PerceiverIO(**spec.fields(*own))
        draw = torch.randn if spec.query_init == "normal" else torch.rand
        query_11Q = draw(1, 1, spec.queries_dim)
        if spec.query_trained:
            self.query_11Q = nn.Parameter(query_11Q)
        else:
            self.register_buffer("query_11Q", query_11Q)
        self.patch_size = spec.patch_size
        if spec.patch_size:
            side = torch.linspace(-1, 1, image_size // spec.patch_size)
            features = fourier_encode(torch.cartesian_prod(side, side), spec.max_freq, spec.num_freq_bands)
            self.register_buffer("places", features.flatten(1), persistent=False)  # (N, F), as section 3.2 of Perceiver

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Map images (B, C, H, W) to logits (B, K), as `published_forward` up to rounding."""
        network = self.network
        encoder = network.cross_attend_block
        tokens = self.tokens(images_BCHW)
        latents = network.latents + cross_attend(encoder.cross_attn, network.latents.unsqueeze(0), tokens)
        latents = latents + feed_forward(encoder.cross_ff, latents)
        for block in network.layers:
            for self_attention, self_ff in block.self_attns:
                normed = self_attention.norm(latents)
                latents = latents + attend(self_attention.fn, normed, normed)
                latents = latents + feed_forward(self_ff, latents)
        decoder = network.decoder_cross_attn
        answer = attend(decoder.fn, decoder.norm(self.query_11Q), decoder.norm_context(latents))
        if network.decoder_ff is not None:
            answer = answer + network.decoder_ff(answer)
        logits_B1K: Tensor = network.to_logits(answer)
        return logits_B1K.squeeze(1)

    def published_forward(self, images_BCHW: Tensor) -> Tensor:
        """Compute the same logits by perceiver-pytorch's own forward pass."""
        query_B1Q = self.query_11Q.expand(len(images_BCHW), -1, -1)
        logits_B1K: Tensor = self.network(self.tokens(images_BCHW), queries=query_B1Q)
        return logits_B1K.squeeze(1)

    def tokens(self, images_BCHW: Tensor) -> Tensor:
        """Return the whole image, (B, 1, V), or its patches row by row, each with its place, (B, N, V + F)."""
        if self.patch_size is None:
            return images_BCHW.flatten(1).unsqueeze(1)
        patches_BVN = functional.unfold(images_BCHW, self.patch_size, stride=self.patch_size)
        places_BNF = self.places.expand(images_BCHW.shape[0], -1, -1)
        return torch.cat([patches_BVN.transpose(1, 2), places_BNF], dim=2)


def feed_forward(block: Any, latents_BME: Tensor) -> Tensor:
    """Compute a normalized feed-forward layer with a GEGLU (Shazeer 2020, arXiv:2002.05202, equation 6).

    The two halves of its first linear layer are computed apart, so that their gradients need no concatenation. A
    compiler fuses it with other operations.
    """
    if torch.compiler.is_compiling():
        compiled: Tensor = block(latents_BME)
        return compiled
    normed_BME, (into, _, out, dropout) = block.norm(latents_BME), block.fn.net
    halves = zip(into.weight.chunk(2), into.bias.chunk(2), strict=True)
    values, gates = (linear(normed_BME, *half) for half in halves)
    answer: Tensor = dropout(out(values * functional.gelu(gates)))
    return answer


def cross_attend(cross_attention: Any, latents_1ME: Tensor, tokens_BND: Tensor) -> Tensor:
    """Return what the latents get from the tokens, (B, M, E), or (B, 1, E) where it is the same for all of them.

    Softmax over one token is 1: all get W_o W_v token + b. The gradients of the idle weights are zero, as the
    optimizer's decay needs them.
    """
    attention, tokens_BND = cross_attention.fn, cross_attention.norm_context(tokens_BND)
    if tokens_BND.shape[1] > 1:
        return attend(attention, cross_attention.norm(latents_1ME), tokens_BND)
    _, to_value = attention.to_kv.weight.chunk(2)
    value = linear(tokens_BND, to_value)
    idle = (*cross_attention.norm.parameters(), attention.to_q.weight)
    answer: Tensor = attention.to_out(value) + sum(parameter[:0].sum() for parameter in idle)
    return answer


def attend(attention: Any, queries_BME: Tensor, tokens_BND: Tensor) -> Tensor:
    """Compute softmax attention (B, M, E) in the cheaper order; all images may share the queries."""
    (_, queries, query_dim), (_, tokens, token_dim) = queries_BME.shape, tokens_BND.shape
    if folding_is_cheaper(queries, query_dim, tokens, token_dim, attention.to_q.out_features // attention.heads):
        return folded_attention(attention, queries_BME, tokens_BND)
    attended: Tensor = attention(queries_BME.expand(tokens_BND.shape[0], -1, -1), tokens_BND)
    return attended


def folding_is_cheaper(queries: int, query_dim: int, tokens: int, token_dim: int, dim_head: int) -> bool:
    """Compare the multiply-adds of one head and image; those that fold the weights are once a batch, and left out."""
    folded = 2 * queries * token_dim * (query_dim + tokens)
    plain = 2 * dim_head * (queries * query_dim + tokens * token_dim + queries * tokens)
    return folded < plain


def folded_attention(attention: Any, queries_BME: Tensor, tokens_BND: Tensor) -> Tensor:
    """Compute attention by multiplying a head's projections with each other instead of with the tokens.

    With p_i = softmax_j((W_q q_i)' (W_k t_j) / sqrt(I)) a head answers W_o sum_j p_ij (W_v t_j) to query q_i about the
    tokens t_j. That is (W_o W_v) sum_j p_ij t_j with p_i = softmax_j((W_k' W_q q_i / sqrt(I))' t_j): the tokens
    themselves are the keys and values of every head, and the products of weights are as wide as they, whatever I.
    """
    heads = attention.heads
    query_AIE = attention.to_q.weight.unflatten(0, (heads, -1)) * attention.scale
    key_AID, value_AID = attention.to_kv.weight.unflatten(0, (2, heads, -1))
    out_EAI = attention.to_out.weight.unflatten(1, (heads, -1))
    to_keys = torch.einsum("aid,aie->ade", key_AID, query_AIE).flatten(0, 1)
    to_answer = torch.einsum("eai,aid->ead", out_EAI, value_AID).flatten(1)
    queries_BRD = linear(queries_BME, to_keys).reshape(queries_BME.shape[0], -1, tokens_BND.shape[-1])
    weights_BRN = (queries_BRD @ tokens_BND.transpose(1, 2)).softmax(dim=-1)
    mixed_BRD = weights_BRN @ tokens_BND
    mixed_BMd = mixed_BRD.reshape(tokens_BND.shape[0], queries_BME.shape[1], -1)  # d = A*D
    return linear(mixed_BMd, to_answer, attention.to_out.bias)
