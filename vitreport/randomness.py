"""Random numbers as a function of (seed, purpose, counters), never of earlier draws.

Resuming is exact because step 4711 draws the same numbers whether or not the run was interrupted at 4710. Where the
counters are an epoch and positions in its order, the numbers do not depend on batch size, block or rank either.

The hash is the finalizer of MurmurHash3 (Austin Appleby, public domain: `fmix32`) on counters spread by a Weyl
sequence. It runs twice, with one half of a 64-bit key before each, as Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3" (2011), build generators without state from keyed bijections.
"""

import hashlib
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

RANDOMNESS_VERSION = "2"
"""Part of a run's fingerprint: in another version a seed gives other numbers. Records without a version have "1"."""

Words = NDArray[np.int32]
AnyWords = TypeVar("AnyWords", Words, "Tensor")

WEYL_STEP = 0x9E3779B9 - 2**32
ROUNDS = ((16, 0x85EBCA6B - 2**32), (13, 0xC2B2AE35 - 2**32))
LAST_SHIFT = 16
MIDDLE = 0.5 + 2.0**-33
"""The number from (0, 1) that the word 0 becomes."""


def stream_seed(seed: int, purpose: str, *counters: int) -> int:
    """Derive a 63-bit seed for one purpose; torch's generators on a CPU use its lower 32 bits only."""
    return _digest(seed, purpose, counters) >> 1


def hashed(counters: AnyWords, low: AnyWords, high: AnyWords) -> AnyWords:
    """Hash int32 counters with the two halves of a key; arrays and tensors on any device give the same bits."""
    return _finalized(_finalized(counters * WEYL_STEP + low) ^ high)


def position_keys(seed: int, purpose: str, epoch: int, positions: NDArray[np.int64]) -> Words:
    """Derive a 64-bit key (2, N) for each position (N,) in the order of an epoch."""
    halves = np.array([_digest(seed, purpose, (epoch,))], dtype="<u8").view("<i4").astype(np.int32)[:, None]
    return hashed(positions.astype(np.int32)[None], halves, halves[::-1])


def random_words(keys: Words, first: int, count: int) -> Words:
    """Draw `count` columns (N, count) from column `first` on, for keys (2, N)."""
    columns = np.arange(first, first + count, dtype=np.int32)[None]
    return hashed(columns, *keys[:, :, None])


def as_uniforms(words: Words) -> NDArray[np.float64]:
    """Map each of the 2**32 words to the middle of its part of (0, 1)."""
    return np.multiply(words, 2.0**-32, dtype=np.float64) + MIDDLE


def permutation(seed: int, purpose: str, epoch: int, count: int) -> NDArray[np.int64]:
    """Sort range(count) by hashes of 64 bits; equal ones keep their order."""
    words = random_words(position_keys(seed, purpose, epoch, np.arange(count)), 0, 2).astype(np.int64)
    return ((words[:, 0] << 32) + words[:, 1]).argsort(stable=True)


def _digest(seed: int, purpose: str, counters: tuple[int, ...]) -> int:
    text = "/".join([purpose, str(seed), *map(str, counters)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _finalized(state: AnyWords) -> AnyWords:
    """Mix the bits of `state` in place; a shift to the right fills with the sign, which the masks take off."""
    for shift, factor in ROUNDS:
        state ^= (state >> shift) & ((1 << (32 - shift)) - 1)
        state *= factor
    state ^= (state >> LAST_SHIFT) & ((1 << (32 - LAST_SHIFT)) - 1)
    return state
