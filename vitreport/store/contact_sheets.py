"""Contact sheets of a run: mistakes.png has confident mistakes, attention.png what the network attends to.

They show test images as they are stored, before normalization, in rows of `COLUMNS` tiles with transparent pixels
between them. Small images are enlarged by a whole number, large ones are made smaller, so that a record stays small.
"""

import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vitreport.files import remove_file, write_atomic, write_json
from vitreport.records.attention import AttentionRecord
from vitreport.records.measurement import MAX_TILE, ClassifiedImage, ResultRecord
from vitreport.records.reader import Damage, read_record_file
from vitreport.records.upgrade import parse

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture

    from vitreport.data.arrays import Pixels

    Maps = NDArray[float32]

MISTAKES, ATTENTION, ATTENTION_RECORD = "mistakes.png", "attention.png", "attention.json"
COLUMNS = 6
GAP = 4
SMALLER_SIDES = (48, 40, 32)
MAX_SHEET_BYTES = 60_000
TINT, MAX_OPACITY = (213, 94, 0), 0.85
"""The color of attention, and its opacity where the attention is strongest."""


def place_of(number: int, side: int, tiles: int = 1) -> tuple[int, int]:
    """Return the left and upper edge of an entry, by its place in the list. An entry has one or more tiles."""
    row, column = divmod(number, COLUMNS // tiles)
    return column * (width_of(side, tiles) + tiles * GAP), row * (side + tiles * GAP)


def width_of(side: int, tiles: int) -> int:
    """Return the width of an entry."""
    return tiles * (side + GAP) - GAP


def draw_sheet(images: "Pixels", maps: "Maps | None" = None) -> tuple[int, bytes]:
    """Draw images uint8 (n, 3, S, S); return the side of each (the largest that keeps the file small) and the PNG.

    With maps (n, h, w) from 0 to 1, there is beside each image the same image under its map.
    """
    size = images.shape[-1]
    largest = size * (MAX_TILE // size) or MAX_TILE
    for side in (largest, *(side for side in SMALLER_SIDES if side < size)):
        content = _png(images, maps, side)
        if len(content) <= MAX_SHEET_BYTES:
            break
    return side, content


def _png(images: "Pixels", maps: "Maps | None", side: int) -> bytes:
    """Draw a sheet whose images have this side."""
    from PIL import Image

    tiles = 1 if maps is None else 2
    places = [place_of(number, side, tiles) for number in range(len(images))]
    right, lower = max(left for left, _ in places) + width_of(side, tiles), places[-1][1] + side
    sheet = Image.new("RGBA", (right, lower))
    method = Image.Resampling.LANCZOS if side < images.shape[-1] else Image.Resampling.NEAREST
    for number, (left, upper) in enumerate(places):
        image = Image.fromarray(images[number].transpose(1, 2, 0)).resize((side, side), method)
        sheet.paste(image, (left, upper))
        if maps is not None:
            sheet.paste(_tinted(image, maps[number]), (left + side + GAP, upper))
    content = io.BytesIO()
    sheet.save(content, "PNG", compress_level=9)
    return content.getvalue()


def _tinted(image: "Picture", attention: "Maps") -> "Picture":
    """Return the image in gray under its attention map."""
    import numpy as np
    from PIL import Image

    enlarged = Image.fromarray(attention).resize(image.size, Image.Resampling.NEAREST)
    gray, opacity = np.asarray(image).mean(2, keepdims=True), MAX_OPACITY * np.asarray(enlarged)[:, :, np.newaxis]
    mixed: Pixels = (gray * (1 - opacity) + opacity * np.array(TINT)).round().astype(np.uint8)
    return Image.fromarray(mixed)


def read_sheet(path: Path, sha256: str, named_by: str, damage: list[Damage]) -> bytes | None:
    """Return a sheet as it was written, None if it is missing; add what is wrong with it to `damage`.

    The record in the file `named_by` has its checksum.
    """

    def checked(content: bytes) -> bytes:
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(f"differs from the file that {named_by} names (sha256)")
        return content

    return read_record_file(path, checked, damage) if os.path.lexists(path) else None


def write_attention(
    folder: Path,
    weights_sha256: str,
    method: str,
    images: Sequence[ClassifiedImage],
    pixels: "Pixels",
    maps: "Maps",
) -> None:
    """Write attention.png and attention.json of a run, which the caller holds."""
    side, content = draw_sheet(pixels, maps)
    digest = hashlib.sha256(content).hexdigest()
    shown = tuple(images)
    record = AttentionRecord(method=method, images=shown, side=side, sha256=digest, weights_sha256=weights_sha256)
    remove_file(folder / ATTENTION_RECORD)  # after a crash there is none, and not one of another sheet
    write_atomic(folder / ATTENTION, content)
    write_json(folder / ATTENTION_RECORD, record.stored(), indent=None)


def read_attention(folder: Path, result: ResultRecord, damage: list[Damage]) -> tuple[AttentionRecord, bytes] | None:
    """Return what `write_attention` wrote, None if it is missing; add what is wrong with it to `damage`."""

    def checked(content: bytes) -> AttentionRecord:
        record = parse(AttentionRecord, content)
        if record.weights_sha256 != result.weights_sha256:
            raise ValueError("is of other weights than result.json")
        for each in record.images:
            if not result.agrees_with(each):
                raise ValueError(f"image {each.index} is unknown, or result.json says otherwise")
        return record

    path = folder / ATTENTION_RECORD
    record = read_record_file(path, checked, damage) if os.path.lexists(path) else None
    sheet = read_sheet(folder / ATTENTION, record.sha256, path.name, damage) if record else None
    return (record, sheet) if record and sheet else None
