"""Decode listed images to RGB of one size.

An image is turned upright by its EXIF orientation, except in the archives of published datasets. A colour profile is
ignored. Transparent pixels become white. Of a file with several pictures the first one is read. 16-bit grey is scaled
to 8 bits: from 0 to 65535, or from the range of the training images.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from vitreport.data.archive import File, Tree, shown
from vitreport.data.arrays import Chunk, Decoding, Labels, Pixels, Range, Seen, joined_range
from vitreport.data.registry import IntensityRange
from vitreport.errors import DatasetError, Problem, SpecError
from vitreport.formatting import listed
from vitreport.spec.data import CHANNELS, LARGEST_SIDE, SMALLEST_SIDE

VERSION = 2
"""Raised whenever the same files give other pixels, so that no older copy in the cache is used."""
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM")
CHUNK_IMAGES = 1000
CHUNK_BYTES = 2**25
FAULTS_HINT = (
    "replace or delete damaged images, restore what dead links lead to (with DVC: dvc pull), scale other grey values "
    "with --set intensity_range=train; `vitreport datasets verify FOLDER --json` lists all faults"
)
TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by its EXIF orientation."""

_Result = TypeVar("_Result")


class Listing(NamedTuple):
    """The image files in `tree` and the labels (N,) of their classes, by split; `source` says where they are from."""

    tree: Tree
    classes: tuple[str, ...]
    files: dict[str, list[File]]
    labels: dict[str, Labels]
    source: str


class Fault(str):
    """An image that cannot be decoded, and why."""


class UndecodableError(DatasetError):
    """Some of `total` images cannot be decoded; without a total, the first image, which was tried alone."""

    def __init__(self, faults: list[Fault], total: int | None = None) -> None:
        self.faults = faults
        of_all = f"{len(faults)} of {total} images do" if total else "the first image does"
        super().__init__(f"{of_all} not decode: {listed(faults, 3)}", FAULTS_HINT)


def decoding(listing: Listing, size: int, *, canonical: bool, intensity_range: IntensityRange = "full") -> Decoding:
    """Prepare to decode listed images; with the range "train", read that of the training images first.

    Raises:
        DatasetError: The range is "train", and no training image is 16-bit grey.
    """
    levels = None if isinstance(intensity_range, str) else intensity_range
    if intensity_range == "train":
        blocks = _tried_in_blocks(_deep_range, listing.tree, listing.files["train"], CHUNK_IMAGES)
        levels = joined_range(found for block in blocks for found in block if not isinstance(found, Fault))
        if levels is None:
            fault = 'data.intensity_range = "train": no training image is 16-bit grey'
            raise DatasetError(fault, "leave it out, or check the images")
    decode = partial(_picture, size=size, upright=not canonical, levels=levels)
    return Decoding(listing.classes, listing.labels, _chunks(listing, size, decode), canonical, levels)


def first_size(tree: Tree, file: File) -> int:
    """Return the side of an image that sets the size of all, from its header.

    Raises:
        UndecodableError: It cannot be read.
        SpecError: It is not square, or its size is not allowed.
    """
    ((found,),) = _tried_in_blocks(_upright_size, tree, [file], 1)
    if isinstance(found, Fault):
        raise UndecodableError([found])
    width, height = found
    if width == height and SMALLEST_SIDE <= width <= LARGEST_SIDE:
        return width
    wanted = f"a square of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels"
    message = f"the first image, {shown(file.path)}, is {width} x {height} pixels, not {wanted}"
    raise SpecError(problems=[Problem("data.image_size", message, "set image_size to choose the size, such as 64")])


def _tried_in_blocks(
    function: Callable[[Image.Image], _Result], tree: Tree, files: Sequence[File], length: int
) -> Iterator[list[_Result | Fault]]:
    """Yield what a function returns for image files, a block of `length` at a time, each by several threads."""

    def tried(file: File) -> _Result | Fault:
        try:
            with tree.open(file.path) as opened, Image.open(opened, formats=FORMATS) as image:
                return function(image)
        except Exception as error:  # damaged files make Pillow raise almost anything
            return Fault(f"{shown(file.path)} ({_reason(error)})")

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), length):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)  # it would fill the memory
                block = list(pool.map(tried, files[start : start + length]))
            yield block


def _chunks(listing: Listing, size: int, decode: Callable[[Image.Image], tuple[Pixels, Seen]]) -> Iterator[Chunk]:
    """Try every image. Raises UndecodableError after the last one if some do not decode."""
    faults: list[Fault] = []
    length = max(1, min(CHUNK_IMAGES, CHUNK_BYTES // (CHANNELS * size**2)))
    for split, files in listing.files.items():
        for results in _tried_in_blocks(decode, listing.tree, files, length):
            faults += [result for result in results if isinstance(result, Fault)]
            pictures = [result for result in results if not isinstance(result, Fault)]
            images = np.array([pixels for pixels, _ in pictures], np.uint8).reshape(-1, CHANNELS, size, size)
            seen = [seen if split == "train" else seen._replace(grey16=None) for _, seen in pictures]
            yield Chunk(split, images, seen)
    if faults:
        raise UndecodableError(faults, sum(map(len, listing.files.values())))


def _picture(image: Image.Image, *, size: int, upright: bool, levels: Range | None) -> tuple[Pixels, Seen]:
    """Decode an image to (3, size, size), upright or as stored, with the levels black and white."""
    several, sideways = _has_several(image), upright and _orientation(image) in TURNED
    image.load()
    grey16 = _deep_range(image)
    if grey16:
        rgb = _scaled(np.asarray(image), levels, image.info.get("transparency"))
    elif image.has_transparency_data:
        rgb = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    else:
        rgb = image.convert("RGB")
    if upright and (turn := TURNED.get(_orientation(image))) is not None:  # Pillow has turned a TIFF already
        rgb = rgb.transpose(turn)
    side = None if rgb.size == (size, size) else min(rgb.size)
    if side:
        rgb = ImageOps.fit(rgb, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(rgb).transpose(2, 0, 1), Seen(side, sideways, several, grey16)


def _has_several(image: Image.Image) -> bool:
    """Whether a file has several pictures; the further ones that phones and cameras add to a JPEG do not count."""
    several = False
    with suppress(Exception):  # the first picture may be sound if the others are damaged
        several = image.format != "MPO" and getattr(image, "n_frames", 1) > 1
    with suppress(Exception):  # counting may have stopped at a later one
        image.seek(0)
    return several


def _deep_range(image: Image.Image) -> Range | None:
    """Return the lowest and the highest value of a grey image of more than 8 bits; None for another image."""
    if not image.mode.startswith(("I", "F")):
        return None
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("values that are not finite")
    return low, high


def _scaled(values: npt.NDArray[np.generic], levels: Range | None, transparent: object) -> Image.Image:
    """Scale grey values to 8 bits: the levels become black and white, what lies outside is cut off."""
    low, high = levels or (0, 65535)
    if levels is None and (values.dtype.kind == "f" or values.min() < low or values.max() > high):
        raise ValueError("values that are not whole numbers from 0 to 65535")
    share = (values.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-12))
    grey = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey).convert("RGB")


def _upright_size(image: Image.Image) -> tuple[int, int]:
    turned = image.format != "TIFF" and _orientation(image) >= 5  # Pillow gives the upright size of a TIFF
    return image.size[::-1] if turned else image.size


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) if there is none or it cannot be read."""
    with suppress(Exception):  # damaged metadata makes Pillow raise almost anything; the pixels can still be sound
        found = image.getexif().get(0x0112)
        return found if isinstance(found, int) and found in TURNED else 1
    return 1


def _reason(error: Exception) -> str:
    match error:
        case UnidentifiedImageError():
            return "not an image of a known format"
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
        case OSError(strerror=str(reason)):
            return reason
    return shown(str(error)[:80]) or type(error).__name__
