"""One bit an image: what was packed is read back, and what is of other images is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitreport.records.measurement import MAX_IMAGES, CorrectImages, discordant_pairs, packed, unpacked

BITS = st.lists(st.booleans(), min_size=1, max_size=100)


@given(BITS)
def test_what_was_packed_is_read_back(correct: list[bool]) -> None:
    text = packed(correct)
    assert text is not None
    read = unpacked(text, len(correct))
    assert [bool(read >> place & 1) for place in reversed(range(len(correct)))] == correct


@given(BITS, BITS)
def test_images_that_one_alone_has_right_are_counted(first: list[bool], second: list[bool]) -> None:
    pairs = list(zip(first, second, strict=False))
    texts = [packed(side) for side in zip(*pairs, strict=True)]
    one, other = (CorrectImages("f", len(pairs), unpacked(text or "", len(pairs))) for text in texts)
    assert discordant_pairs(one, other) == (pairs.count((True, False)), pairs.count((False, True)))
    assert discordant_pairs(one, replace(other, fingerprint="g")) is None
    assert discordant_pairs(one, replace(other, count=len(pairs) + 1)) is None
    assert discordant_pairs(one, None) is None


def test_ten_thousand_images_take_less_than_two_kilobytes() -> None:
    assert len(packed([True] * 10_000) or "") == 1668


def test_of_none_and_of_very_many_images_nothing_is_kept() -> None:
    assert packed([]) is None
    assert packed([True] * (MAX_IMAGES + 1)) is None


@pytest.mark.parametrize("text", ["", "/w==", "//8A", "//9=", "//8", "//4=\n", "//", "é", "####"])
def test_bits_of_other_images_are_refused(text: str) -> None:
    """Nine images take two bytes, of which the last seven bits are zeros: //g= is one such text."""
    assert unpacked("/4A=", 9) == 0b111111111
    with pytest.raises(ValueError):  # noqa: PT011
        unpacked(text, 9)
