"""Decode listed images to RGB of one size.

An image is turned upright by its EXIF orientation, except in the archives of published data sets. A colour profile is
ignored. Transparent pixels are laid on white. Of a file with several pictures the first one is read. 16-bit grey is
scaled to 8 bits: from 0 to 65535, or from the range of the training images.
"""

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from vitreport.data.archive import Tree, shown
from vitreport.data.cache import Chunk, Decoding
from vitreport.data.listing import SHOWN_ITEMS, ImageFile, Listing, some
from vitreport.data.pixels import Pixels, Range, Seen, joined_range
from vitreport.errors import DatasetError
from vitreport.spec.data import CHANNELS

VERSION = 2
"""Raised whenever the same files give other pixels, so that no older copy in the cache is used."""
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM")
CHUNK_IMAGES = 1000
CHUNK_BYTES = 2**25
REASON_CHARACTERS = 80
TOO_MANY_PIXELS = "more than"
FULL_RANGE = (0.0, 65535.0)
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

IntensityRange = Literal["full", "train"] | Range
"""The values of 16-bit grey that become black and white: 0 and 65535, those of the training images, or these."""


class Fault(NamedTuple):
    """An image that cannot be decoded."""

    path: str
    reason: str


class FirstImage(NamedTuple):
    """The image that sets the size: its path, width and height."""

    path: str
    width: int
    height: int


class UndecodableError(DatasetError):
    """Some images cannot be decoded; `faults` has all of them."""

    def __init__(self, faults: list[Fault], total: int | None) -> None:
        self.faults = faults
        self.total = total
        named = some([f"{shown(path)} ({reason})" for path, reason in faults])
        of_all = f"{len(faults)} of {total} images do" if total else "the first image does"
        it = "them" if len(faults) > 1 else "it"
        hints = [f"replace or delete {it}"]
        if any(TOO_MANY_PIXELS in reason for _, reason in faults):
            hints = [f"replace or delete {it}, or save with fewer pixels"]
        if len(faults) > SHOWN_ITEMS or not total:
            hints.append("`vitreport datasets verify FOLDER --json` lists all damaged images")
        super().__init__(f"{of_all} not decode: {named}", "; ".join(hints))


@dataclass(frozen=True)
class _Way:
    """How images are decoded: to `size` x `size` pixels, upright or as stored, with these values black and white."""

    size: int
    upright: bool
    levels: Range | None = None


class _Picture(NamedTuple):
    """Pixels uint8 (3, S, S), and what was seen of the file."""

    pixels: Pixels
    seen: Seen


def decoding(listing: Listing, size: int, *, canonical: bool, intensity_range: IntensityRange = "full") -> Decoding:
    """Prepare to decode listed images; with the range "train", read that of the training images first.

    Raises:
        DatasetError: The range of the training images is asked for, and none of them is 16-bit grey.
    """
    levels = _training_range(listing) if intensity_range == "train" else intensity_range
    way = _Way(size, upright=not canonical, levels=None if levels == "full" else levels)
    return Decoding(listing.classes, listing.labels, _chunks(listing, way), canonical, way.levels)


def first_image(tree: Tree, file: ImageFile) -> FirstImage:
    """Read width and height of an image, as it is upright, from its header.

    Raises:
        UndecodableError: It cannot be read.
    """
    try:
        with _pillow_warnings(), tree.open(file.path) as opened, Image.open(opened, formats=FORMATS) as image:
            turned = image.format != "TIFF" and _orientation(image) >= 5  # Pillow tells the upright size of a TIFF
            width, height = image.size[::-1] if turned else image.size
            return FirstImage(file.path, width, height)
    except Exception as error:  # damaged files make Pillow raise almost anything
        raise UndecodableError([Fault(file.path, _reason(error))], None) from error


def _chunks(listing: Listing, way: _Way) -> Iterator[Chunk]:
    """Every image is tried. Raises UndecodableError after the last one where some do not decode."""
    faults: list[Fault] = []
    length = max(1, min(CHUNK_IMAGES, CHUNK_BYTES // (CHANNELS * way.size**2)))
    with ThreadPoolExecutor() as pool:
        for split, files in listing.files.items():
            for start in range(0, len(files), length):
                with _pillow_warnings():
                    part = files[start : start + length]
                    tried = list(pool.map(lambda file: _try(listing.tree, file.path, way), part))
                faults += [result for result in tried if isinstance(result, Fault)]
                yield _chunk(split, [result for result in tried if isinstance(result, _Picture)], way.size)
    if faults:
        raise UndecodableError(faults, sum(map(len, listing.files.values())))


def _chunk(split: str, pictures: list[_Picture], size: int) -> Chunk:
    images = np.empty((len(pictures), CHANNELS, size, size), np.uint8)
    for image, picture in zip(images, pictures, strict=True):
        image[:] = picture.pixels
    return Chunk(split, images, Seen.of_all(picture.seen for picture in pictures))


def _try(tree: Tree, path: str, way: _Way) -> _Picture | Fault:
    try:
        with tree.open(path) as file, Image.open(file, formats=FORMATS) as image:
            return _picture(image, way)
    except Exception as error:  # damaged files make Pillow raise almost anything
        return Fault(path, _reason(error))


def _picture(image: Image.Image, way: _Way) -> _Picture:
    several, deep_colour = _has_several(image), _is_deep_colour(image)
    sideways = way.upright and _orientation(image) in TURNED
    image.load()
    rgb = _rgb(image, way.levels)
    if way.upright and (turn := TURNED.get(_orientation(image))) is not None:  # Pillow has turned a TIFF already
        rgb = rgb.transpose(turn)
    side = None if rgb.size == (way.size, way.size) else min(rgb.size)
    if side is not None:
        rgb = ImageOps.fit(rgb, (way.size, way.size), Image.Resampling.BILINEAR)
    seen = Seen(
        resized=int(side is not None),
        sides=None if side is None else (side, side),
        turned=int(sideways),
        several=int(several),
        grey16=_values_range(np.asarray(image)) if is_deep(image) else None,
        colour16=_colour_range(image) if deep_colour else None,
    )
    return _Picture(np.asarray(rgb).transpose(2, 0, 1), seen)


def _has_several(image: Image.Image) -> bool:
    """Whether a file has several pictures; the further ones that phones and cameras add to a JPEG do not count."""
    try:
        return image.format != "MPO" and getattr(image, "n_frames", 1) > 1
    except Exception:  # the first picture may be sound where the others are damaged
        return False
    finally:
        with suppress(Exception):  # counting may have stopped at a later one
            image.seek(0)


def _is_deep_colour(image: Image.Image) -> bool:
    """Whether an image that is not loaded yet has 16 bits a colour, of which Pillow keeps the upper 8."""
    raw_modes = [tile[3] if isinstance(tile[3], str) else tile[3][0] for tile in getattr(image, "tile", []) if tile[3]]
    return image.format in ("PNG", "TIFF") and not is_deep(image) and any(";16" in str(mode) for mode in raw_modes)


def is_deep(image: Image.Image) -> bool:
    """Whether an image is grey with more than 8 bits."""
    return image.mode.startswith(("I", "F"))


def _rgb(image: Image.Image, levels: Range | None) -> Image.Image:
    if is_deep(image):
        values, transparent = np.asarray(image), image.info.get("transparency")
        grey = _scaled(values, levels)
        if isinstance(transparent, int):
            grey[values == transparent] = 255
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")


def _scaled(values: npt.NDArray[np.generic], levels: Range | None) -> Pixels:
    """Grey values as 8 bits: the levels become black and white, what lies outside is cut off."""
    if levels is not None:
        low, high = levels
        share = (values.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-12))
        grey: Pixels = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
        return grey
    low, high = _values_range(values)
    if values.dtype.kind == "f" or low < FULL_RANGE[0] or high > FULL_RANGE[1]:
        kind = "floating-point values" if values.dtype.kind == "f" else f"values from {low:.0f} to {high:.0f}"
        raise ValueError(f"{kind}; `--set intensity_range=train` scales them")
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _training_range(listing: Listing) -> Range:
    """The lowest and the highest value of the training images that are 16-bit grey; damaged ones are left out."""
    with ThreadPoolExecutor() as pool, _pillow_warnings():
        found = joined_range(_in_blocks(pool, listing))
    if found is None:
        fault = 'data.intensity_range = "train": no training image is 16-bit grey'
        raise DatasetError(fault, "leave it out, or check the images")
    return found


def _in_blocks(pool: ThreadPoolExecutor, listing: Listing) -> Iterator[Range | None]:
    files = listing.files["train"]
    for start in range(0, len(files), CHUNK_IMAGES):
        yield joined_range(
            pool.map(lambda file: _deep_range(listing.tree, file.path), files[start : start + CHUNK_IMAGES])
        )


def _deep_range(tree: Tree, path: str) -> Range | None:
    with suppress(Exception), tree.open(path) as file, Image.open(file, formats=FORMATS) as image:
        return _values_range(np.asarray(image)) if is_deep(image) else None
    return None


def _values_range(values: npt.NDArray[np.generic]) -> Range:
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("values that are not finite")
    return low, high


def _colour_range(image: Image.Image) -> Range:
    """From the upper 8 bits of each colour."""
    values = np.asarray(image.convert("RGB"))
    return float(values.min()) * 256, float(values.max()) * 256 + 255


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none or it cannot be read."""
    try:
        found = image.getexif().get(0x0112, 1)
    except Exception:  # damaged metadata makes Pillow raise almost anything; the pixels can still be sound
        return 1
    return found if isinstance(found, int) and found in TURNED else 1


@contextmanager
def _pillow_warnings() -> Iterator[None]:
    """An image that would fill the memory is an error; other warnings of Pillow are none of the user's concern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _reason(error: Exception) -> str:
    match error:
        case UnidentifiedImageError():
            return "not an image of a known format"
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return f"{TOO_MANY_PIXELS} {Image.MAX_IMAGE_PIXELS} pixels"
        case OSError(strerror=str(reason)):
            return reason
    return shown(str(error)[:REASON_CHARACTERS]) or type(error).__name__
