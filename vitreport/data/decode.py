"""Decode listed images to RGB of one size.

An image is turned upright by its EXIF orientation, except in the archives of published datasets. A color profile is
ignored. Transparent pixels become white. Of a file with several pictures the first one is read. 16-bit gray is scaled
to 8 bits, from 0 to 65535.
"""

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from vitreport.data.archive import Tree
from vitreport.data.arrays import Decoding, Labels, Pixels
from vitreport.errors import DatasetError, Problem, SpecError
from vitreport.formatting import listed
from vitreport.spec.data import CHANNELS, MAX_SIDE, MIN_SIDE
from vitreport.untrusted_files import reading_fault

VERSION = 2
"""Raised whenever the same files give other pixels, so that no older copy in the cache is used."""
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM")
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by its EXIF orientation."""
BLOCK_BYTES = 2**25
FILTERS_LOCK = Lock()
"""Held while the filters of warnings are changed: all threads share them."""
FAULTS_HINT = (
    "replace or delete damaged images, restore the targets of broken links (with DVC: dvc pull), scale gray values "
    "to the range 0 to 65535; `vitreport datasets verify DIR --json` lists all faults"
)


class Listing(NamedTuple):
    """The image files in `tree` and the labels (N,) of their classes, by split; `source` says where they are from."""

    tree: Tree
    classes: tuple[str, ...]
    files: dict[str, list[str]]
    labels: dict[str, Labels]
    source: str


class UndecodableError(DatasetError):
    """Some of `total` images cannot be decoded; each of `faults` names one, and says why."""

    def __init__(self, faults: list[str], total: int = 1, hint: str = FAULTS_HINT) -> None:
        self.faults = faults
        which = f"{len(faults)} of {total} images" if total > 1 else "an image"
        super().__init__(f"{which} cannot be decoded: {listed(faults, 3)}", hint)


def undecodable(file: str, error: Exception) -> UndecodableError:
    """Return the error that names a file, and what decoding it raised."""
    return UndecodableError([f"{file} ({_reason(error)})"])


def decode_listed(listing: Listing, size: int, *, canonical: bool) -> Decoding:
    """Prepare to decode listed images."""
    return Decoding(listing.classes, listing.labels, _images(listing, size, upright=not canonical), canonical)


def first_size(listing: Listing) -> int:
    """Return the side of the first training image, which sets the size of all.

    Raises UndecodableError if it cannot be read, SpecError if it is not square or its size is not allowed.
    """
    file = listing.files["train"][0]
    with _warnings_of_bombs(), _opened(listing.tree, file) as image:
        width, height = image.size
    if width == height and MIN_SIDE <= width <= MAX_SIDE:
        return width
    wanted = f"a square of {MIN_SIDE} to {MAX_SIDE} pixels"
    message = f"the first image, {file}, is {width} x {height} pixels, not {wanted}"
    raise SpecError(problems=[Problem("data.image_size", message, "set image_size to choose the size, such as 64")])


@contextmanager
def _warnings_of_bombs() -> Iterator[None]:
    """Make an error of the warning that an image would fill the memory, and ignore others."""
    with FILTERS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@contextmanager
def _opened(tree: Tree, file: str) -> Iterator[Image.Image]:
    """Open and load an image. Raises UndecodableError, also for what is wrong with it in the block."""
    try:
        with tree.open(file) as opened, Image.open(opened, formats=FORMATS) as image:
            image.load()
            yield image
    except Exception as error:  # damaged files make Pillow raise almost anything
        raise undecodable(file, error) from error


def _images(listing: Listing, size: int, *, upright: bool) -> Iterator[tuple[Pixels, bool]]:
    """Yield every image. Raises UndecodableError at the end."""
    faults: list[str] = []
    files = list(chain(*listing.files.values()))
    for result in decode_files(listing.tree, files, size, upright=upright):
        if isinstance(result, UndecodableError):
            faults += result.faults
        else:
            yield result
    if faults:
        raise UndecodableError(faults, len(files))


def decode_files(
    tree: Tree, files: Sequence[str], size: int, *, upright: bool
) -> Iterator[tuple[Pixels, bool] | UndecodableError]:
    """Yield what `picture` returns for each file, or why it cannot be decoded. Several threads decode in blocks."""

    def tried(file: str) -> tuple[Pixels, bool] | UndecodableError:
        try:
            with _opened(tree, file) as image:
                return picture(image, size, upright=upright)
        except UndecodableError as error:
            return error

    length = max(1, BLOCK_BYTES // (CHANNELS * size**2))
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), length):
            with _warnings_of_bombs():
                results = list(pool.map(tried, files[start : start + length]))
            yield from results


def picture(image: Image.Image, size: int, *, upright: bool) -> tuple[Pixels, bool]:
    """Decode an image to (3, size, size), upright or as stored; the second result says whether it was resized."""
    if upright:
        image = _turned_upright(image)
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


def _turned_upright(image: Image.Image) -> Image.Image:
    """Turn an image by its EXIF orientation. Damaged metadata turns nothing: the pixels can still be sound."""
    image.load()
    try:
        turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged metadata makes Pillow raise almost anything
        return image
    return image if turn is None else image.transpose(turn)


def _from_gray16(values: npt.NDArray[np.generic], transparent: object) -> Image.Image:
    """Scale gray values from 0 to 65535 to 8 bits. Raises ValueError for others."""
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise ValueError("values that are not whole numbers from 0 to 65535")
    gray = np.rint(values.astype(np.float32) / np.float32(65535) * 255).astype(np.uint8)
    if isinstance(transparent, int):
        gray[values == transparent] = 255
    return Image.fromarray(gray).convert("RGB")


def _reason(error: Exception) -> str:
    match error:
        case UnidentifiedImageError():
            return "not an image of a known format"
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return f"more than {Image.MAX_IMAGE_PIXELS} pixels"
        case OSError():
            return reading_fault(error)[:80]
    return str(error)[:80] or type(error).__name__
