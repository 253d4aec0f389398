"""The contact sheet beside a result: the images that the network is most sure of and wrong about.

mistakes.png holds them as they are stored, before normalisation, in rows of `COLUMNS` with `GAP` transparent pixels
between them. Small ones are enlarged by a whole number, large ones are made smaller, so that a record stays small.
"""

import hashlib
import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from vitreport.records.measurement import LARGEST_SIDE, MistakeSheet
from vitreport.records.reader import Damage, read_file

if TYPE_CHECKING:
    from vitreport.data.arrays import Pixels

NAME = "mistakes.png"
COLUMNS = 6
GAP = 4
SMALLER_SIDES = (48, 40, 32)
MOST_BYTES = 60_000


def sheet_size(count: int, side: int) -> tuple[int, int]:
    """Width and height in pixels."""
    columns, rows = min(count, COLUMNS), -(-count // COLUMNS)
    return columns * (side + GAP) - GAP, rows * (side + GAP) - GAP


def place_of(number: int, side: int) -> tuple[int, int]:
    """The left and upper edge of an image, by its place in the list."""
    return number % COLUMNS * (side + GAP), number // COLUMNS * (side + GAP)


def draw_sheet(images: "Pixels") -> tuple[int, bytes]:
    """The sheet of images uint8 (n, 3, S, S) as PNG, and the side of each in it: the largest that keeps it small."""
    size = images.shape[-1]
    largest = size * (LARGEST_SIDE // size) or LARGEST_SIDE
    for side in (largest, *(side for side in SMALLER_SIDES if side < size)):
        content = _drawn(images, side)
        if len(content) <= MOST_BYTES:
            break
    return side, content


def read_sheet(folder: Path, record: MistakeSheet, damage: list[Damage]) -> bytes | None:
    """The sheet of a run as it was written; what is wrong with it is added to `damage`. A missing one is no damage."""
    path = folder / NAME
    return read_file(path, lambda content: _checked(content, record), damage) if os.path.lexists(path) else None


def _drawn(images: "Pixels", side: int) -> bytes:
    from PIL import Image

    sheet = Image.new("RGBA", sheet_size(len(images), side))
    method = Image.Resampling.LANCZOS if side < images.shape[-1] else Image.Resampling.NEAREST
    for number, pixels in enumerate(images):
        image = Image.fromarray(pixels.transpose(1, 2, 0)).resize((side, side), method)
        sheet.paste(image, place_of(number, side))
    content = io.BytesIO()
    sheet.save(content, "PNG", compress_level=9)
    return content.getvalue()


def _checked(content: bytes, record: MistakeSheet) -> bytes:
    """Raises ValueError where it is not the very sheet of the record, or no sound image of the size that is due."""
    from PIL import Image

    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise ValueError("is not what result.json names (sha256 differs)")
    expected = sheet_size(len(record.images), record.side)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=["PNG"])
        size = image.size
        if size == expected:
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError("is no sound PNG image") from error
    if size != expected:
        raise ValueError(f"has {size[0]} x {size[1]} pixels, not {expected[0]} x {expected[1]}")
    return content
