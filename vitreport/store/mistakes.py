"""mistakes.png of a run: the images that the network is most sure of and wrong about.

They are shown as they are stored, before normalization, in rows of `COLUMNS` with `GAP` transparent pixels between
them. Small ones are enlarged by a whole number, large ones are made smaller, so that a record stays small.
"""

import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from vitreport.records.measurement import LARGEST_SIDE, MistakeSheet
from vitreport.records.reader import Damage, read_record_file

if TYPE_CHECKING:
    from vitreport.data.arrays import Pixels

NAME = "mistakes.png"
COLUMNS = 6
GAP = 4
SMALLER_SIDES = (48, 40, 32)
MOST_BYTES = 60_000


def place_of(number: int, side: int) -> tuple[int, int]:
    """Return the left and upper edge of an image, by its place in the list."""
    return number % COLUMNS * (side + GAP), number // COLUMNS * (side + GAP)


def draw_sheet(images: "Pixels") -> tuple[int, bytes]:
    """Draw images uint8 (n, 3, S, S); return the side of each (the largest that keeps the file small) and the PNG."""
    from PIL import Image

    size, columns, rows = images.shape[-1], min(len(images), COLUMNS), -(-len(images) // COLUMNS)
    largest = size * (LARGEST_SIDE // size) or LARGEST_SIDE
    for side in (largest, *(side for side in SMALLER_SIDES if side < size)):
        sheet = Image.new("RGBA", (columns * (side + GAP) - GAP, rows * (side + GAP) - GAP))
        method = Image.Resampling.LANCZOS if side < size else Image.Resampling.NEAREST
        for number, pixels in enumerate(images):
            image = Image.fromarray(pixels.transpose(1, 2, 0)).resize((side, side), method)
            sheet.paste(image, place_of(number, side))
        content = io.BytesIO()
        sheet.save(content, "PNG", compress_level=9)
        if len(content.getvalue()) <= MOST_BYTES:
            break
    return side, content.getvalue()


def read_sheet(folder: Path, record: MistakeSheet, damage: list[Damage]) -> bytes | None:
    """Return the sheet of a run as it was written, None if it is missing; add what is wrong with it to `damage`."""
    path = folder / NAME

    def checked(content: bytes) -> bytes:
        if hashlib.sha256(content).hexdigest() != record.sha256:
            raise ValueError("differs from the file that result.json names (sha256)")
        return content

    return read_record_file(path, checked, damage) if os.path.lexists(path) else None
