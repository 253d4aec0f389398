"""Decode listed images to RGB of one size.

An image is turned upright by its EXIF orientation, except in the archives of published datasets. A color profile is
ignored. Transparent pixels become white. Of a file with several pictures the first one is read. 16-bit gray is scaled
to 8 bits, from 0 to 65535.
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

from vitreport.data.archive import Tree, shown
from vitreport.data.arrays import Chunk, Decoding, Labels, Pixels
from vitreport.errors import DatasetError, Problem, ResourceError, SpecError
from vitreport.formatting import listed
from vitreport.spec.data import CHANNELS, LARGEST_SIDE, SMALLEST_SIDE
from vitreport.untrusted_files import refuse_shortage

VERSION = 2
"""Raised whenever the same files give other pixels, so that no older copy in the cache is used."""
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM")
CHUNK_IMAGES = 1000
CHUNK_BYTES = 2**25
FAULTS_HINT = (
    "replace or delete damaged images, restore what dead links lead to (with DVC: dvc pull), scale other gray values "
    "to 0 to 65535; `vitreport datasets verify FOLDER --json` lists all faults"
)

_Result = TypeVar("_Result")


class Listing(NamedTuple):
    """The image files in `tree` and the labels (N,) of their classes, by split; `source` says where they are from."""

    tree: Tree
    classes: tuple[str, ...]
    files: dict[str, list[str]]
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


def decoding(listing: Listing, size: int, *, canonical: bool) -> Decoding:
    """Prepare to decode listed images."""
    decode = partial(_picture, size=size, upright=not canonical)
    return Decoding(listing.classes, listing.labels, _chunks(listing, size, decode), canonical)


def first_size(tree: Tree, file: str) -> int:
    """Return the side of an image that sets the size of all.

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
    message = f"the first image, {shown(file)}, is {width} x {height} pixels, not {wanted}"
    raise SpecError(problems=[Problem("data.image_size", message, "set image_size to choose the size, such as 64")])


def _tried_in_blocks(
    function: Callable[[Image.Image], _Result], tree: Tree, files: Sequence[str], length: int
) -> Iterator[list[_Result | Fault]]:
    """Yield what a function returns for image files, a block of `length` at a time, each by several threads."""

    def tried(file: str) -> _Result | Fault:
        try:
            with tree.open(file) as opened, Image.open(opened, formats=FORMATS) as image:
                return function(image)
        except ResourceError:
            raise
        except Exception as error:  # damaged files make Pillow raise almost anything
            refuse_shortage(error)
            return Fault(f"{shown(file)} ({_reason(error)})")

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), length):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)  # it would fill the memory
                block = list(pool.map(tried, files[start : start + length]))
            yield block


def _chunks(listing: Listing, size: int, decode: Callable[[Image.Image], tuple[Pixels, bool]]) -> Iterator[Chunk]:
    """Try every image. Raises UndecodableError after the last one if some do not decode."""
    faults: list[Fault] = []
    length = max(1, min(CHUNK_IMAGES, CHUNK_BYTES // (CHANNELS * size**2)))
    for split, files in listing.files.items():
        for results in _tried_in_blocks(decode, listing.tree, files, length):
            faults += [result for result in results if isinstance(result, Fault)]
            pictures = [result for result in results if not isinstance(result, Fault)]
            images = np.array([pixels for pixels, _ in pictures], np.uint8).reshape(-1, CHANNELS, size, size)
            yield Chunk(split, images, sum(is_resized for _, is_resized in pictures))
    if faults:
        raise UndecodableError(faults, sum(map(len, listing.files.values())))


def _picture(image: Image.Image, *, size: int, upright: bool) -> tuple[Pixels, bool]:
    """Decode an image to (3, size, size), upright or as stored; the second result says whether it was resized."""
    if upright:
        _turn_upright(image)
    image.load()
    if image.mode.startswith(("I", "F")):
        rgb = _from_gray16(np.asarray(image), image.info.get("transparency"))
    elif image.has_transparency_data:
        rgb = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    else:
        rgb = image.convert("RGB")
    is_resized = rgb.size != (size, size)
    if is_resized:
        rgb = ImageOps.fit(rgb, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(rgb).transpose(2, 0, 1), is_resized


def _turn_upright(image: Image.Image) -> None:
    image.load()
    with suppress(Exception):  # damaged metadata makes Pillow raise almost anything; the pixels can still be sound
        ImageOps.exif_transpose(image, in_place=True)


def _from_gray16(values: npt.NDArray[np.generic], transparent: object) -> Image.Image:
    """Scale gray values from 0 to 65535 to 8 bits. Raises ValueError for others."""
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise ValueError("values that are not whole numbers from 0 to 65535")
    gray = np.rint(values.astype(np.float32) / np.float32(65535) * 255).astype(np.uint8)
    if isinstance(transparent, int):
        gray[values == transparent] = 255
    return Image.fromarray(gray).convert("RGB")


def _upright_size(image: Image.Image) -> tuple[int, int]:
    _turn_upright(image)
    return image.size


def _reason(error: Exception) -> str:
    match error:
        case UnidentifiedImageError():
            return "not an image of a known format"
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
        case OSError(strerror=str(reason)):
            return reason
    return shown(str(error)[:80]) or type(error).__name__
