"""Which test images a run classifies correctly, one bit each in the order of the split, to pair two runs by them.

In a record they are base64; the first image is the highest bit of the first byte, and the last byte is filled up
with zeros.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

MOST_IMAGES = 500_000  # more would make a record large


@dataclass(frozen=True)
class Answers:
    """Which of the `count` test images of the dataset with this fingerprint are correct, as the bits of a number."""

    fingerprint: str
    count: int
    correct: int


def packed(correct: Sequence[bool]) -> str | None:
    """Return the bits as a record holds them; None for no images, or more than it has room for."""
    if not 0 < len(correct) <= MOST_IMAGES:
        return None
    size = -(-len(correct) // 8)
    bits = "".join("01"[each] for each in correct).ljust(8 * size, "0")
    return base64.b64encode(int(bits, 2).to_bytes(size, "big")).decode()


def unpacked(text: str, count: int) -> int:
    """Return a number of `count` bits. Raises ValueError if the text does not hold the bits of so many images."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        content = b""
    value, filled = int.from_bytes(content, "big"), -count % 8
    if len(content) != -(-count // 8) or value & ((1 << filled) - 1):
        raise ValueError(f"correct is not of {count} images")
    return value >> filled


def right_alone(first: Answers | None, second: Answers | None) -> tuple[int, int] | None:
    """Count the images that only the first of two runs classifies correctly, and those that only the second does.

    None where these are not known to be the same images.
    """
    if not (first and second) or (first.fingerprint, first.count) != (second.fingerprint, second.count):
        return None
    return (first.correct & ~second.correct).bit_count(), (second.correct & ~first.correct).bit_count()
