"""The figure of what a model attends to shows each map at its place in the image."""

import io

import numpy as np
import pytest
from PIL import Image

from vitreport.report.figures.attention import GAP, SIDE, AttentionFigure, Example
from vitreport.report.figures.canvas import WIDTH
from vitreport.report.figures.draw import FILE_DPI, panel_file

MAP = ((0.0, 1.0), (0.5, 0.0))


def drawn(gray: int) -> np.ndarray:
    """The picture of one image of this gray, with its map beside it, in pixels of the file."""
    example = Example("cat.png", np.full((3, 8, 8), gray, np.uint8), MAP, "cat", 0.75)
    figure = AttentionFigure("What Swin Transformer on Pets attends to", "Attention rollout", [example])
    assert figure.alt == "What Swin Transformer on Pets attends to: cat.png, as cat, 75.0%."
    return np.asarray(Image.open(io.BytesIO(panel_file(figure.draw, "a", figure.alt, ".png"))).convert("RGB")).astype(
        int
    )


@pytest.mark.parametrize("gray", [0, 200])
def test_the_color_covers_the_part_that_is_attended_to(gray: int) -> None:
    picture = drawn(gray)
    changed = np.argwhere((picture != drawn(100)).any(2))  # the image, and beside it the image under its map
    (top, left), (bottom, right) = changed.min(0), changed.max(0)
    scale = (right - left) / (2 * SIDE + GAP)
    assert 0.9 < scale * 72 / FILE_DPI < 1, f"{WIDTH} wide with a margin"
    second = left + scale * (SIDE + GAP)

    def shown(x: float, y: float) -> list[int]:
        return [int(part) for part in picture[int(top + y * (bottom - top)), int(second + x * scale * SIDE)]]

    def covered(value: float) -> list[float]:
        return [gray * (1 - 0.85 * value) + 0.85 * value * part for part in (0xD5, 0x5E, 0x00)]

    for row, values in enumerate(MAP):
        for column, value in enumerate(values):
            assert shown(column / 2 + 0.25, row / 2 + 0.25) == pytest.approx(covered(value), abs=3)
    assert [int(part) for part in picture[(top + bottom) // 2, left + 5]] == [gray] * 3
