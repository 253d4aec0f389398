"""Which test images a run has right, one bit each in the order of the split: two runs can be paired by them.

In a record they are base64; the first image is the highest bit of the first byte, and the last byte is filled up
with zeros.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass

MOST_IMAGES = 500_000  # more would make a record large


@dataclass(frozen=True)
class Answers:
    """Which of `count` test images of a data set, by its fingerprint, a run has right: as many bits."""

    fingerprint: str
    count: int
    correct: int


def packed(correct: Iterable[bool]) -> str | None:
    """The bits as a record holds them; None of more images than it has room for."""
    bits = "".join("01"[each] for each in correct)
    if not 0 < len(bits) <= MOST_IMAGES:
        return None
    size = -(-len(bits) // 8)
    return base64.b64encode(int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")).decode()


def unpacked(text: str, count: int) -> int:
    """One integer of `count` bits. Raises ValueError where these are not the bits of so many images."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError("correct is no base64") from error
    value, filled = int.from_bytes(content, "big"), -count % 8
    if len(content) != -(-count // 8) or value & ((1 << filled) - 1):
        raise ValueError(f"correct is not of {count} images")
    return value >> filled


def right_alone(first: Answers | None, second: Answers | None) -> tuple[int, int] | None:
    """How many images the first of two runs has right and the second has not, and the other way round.

    None where these are not known to be the same images.
    """
    if not (first and second) or (first.fingerprint, first.count) != (second.fingerprint, second.count):
        return None
    return (first.correct & ~second.correct).bit_count(), (second.correct & ~first.correct).bit_count()
