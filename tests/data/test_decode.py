from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from vitreport.data import decode, folder
from vitreport.data.decode import UndecodableError
from vitreport.data.notices import image_notices
from vitreport.data.registry import ImageRequest

from .makers import Pixels, noise, open_folder, write_folder


def first_pixels(root: Path, image_request: ImageRequest) -> Pixels:
    """The pixels (S, S, 3) of the first training image."""
    pixels: Pixels = open_folder(root, image_request).splits["train"].images[0].transpose(1, 2, 0)
    return pixels


def oriented(pixels: Pixels, orientation: int) -> Pixels:
    """The pixels as a camera stores them with an EXIF orientation."""
    stored = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.swapaxes(0, 1),
        6: pixels.swapaxes(0, 1)[::-1],
        7: pixels[::-1, ::-1].swapaxes(0, 1),
        8: pixels.swapaxes(0, 1)[:, ::-1],
    }
    return np.ascontiguousarray(stored[orientation])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_images_are_turned_upright(tmp_path: Path, image_request: ImageRequest, suffix: str) -> None:
    root = write_folder(tmp_path / "set", count=1)
    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        path = root / "train" / "cat" / f"0{orientation}{suffix}"
        Image.fromarray(oriented(noise(3), orientation)).save(path, exif=exif, lossless=True)
    (root / "train" / "cat" / "0000.png").unlink()
    arrays = open_folder(root, image_request)
    assert all(np.array_equal(image.transpose(1, 2, 0), noise(3)) for image in arrays.splits["train"].images[:8])


def test_a_damaged_orientation_leaves_the_image_as_it_is(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set")
    path = root / "train" / "cat" / "000.jpg"
    Image.new("RGB", (8, 8), "red").save(path, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\xff\x01\x12")
    assert first_pixels(root, image_request)[0, 0, 0] > 250


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".TIF", ".bmp", ".webp", ".ppm", ".gif", ".pgm"])
def test_formats_that_are_read(tmp_path: Path, image_request: ImageRequest, suffix: str) -> None:
    if suffix == ".webp" and not features.check("webp"):
        pytest.skip("this Pillow reads no WebP")
    root = write_folder(tmp_path / "set")
    (root / "train" / "cat" / "0000.png").unlink()
    pixels = noise(3) // 16 * 16
    pixels[:] = pixels[:, :, :1] if suffix in (".gif", ".pgm") else pixels
    image = Image.fromarray(pixels)
    image = image.convert("L") if suffix == ".pgm" else image
    image.save(root / "train" / "cat" / f"0000{suffix}", lossless=True)
    assert np.array_equal(first_pixels(root, image_request), pixels)


def test_formats_that_could_run_code_are_not_read(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set")
    Image.new("RGB", (8, 8)).save(root / "train" / "cat" / "0000.png", format="EPS")
    with pytest.raises(UndecodableError, match="not an image of a known format"):
        open_folder(root, image_request)


@pytest.mark.parametrize("suffix", [".tif", ".gif"])
def test_the_first_of_several_pictures_is_read(tmp_path: Path, image_request: ImageRequest, suffix: str) -> None:
    root = write_folder(tmp_path / "set")
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    pages[0].save(root / "train" / "cat" / f"000{suffix}", save_all=True, append_images=pages[1:])
    assert first_pixels(root, image_request)[0, 0].tolist() == [255, 0, 0]


def write_deep(root: Path, low: int, high: int, *, kind: type = np.uint16, suffix: str = ".png") -> Path:
    """Ramps from `low` to `high` in every image; those of the test split reach twice as far."""
    for split, top in (("train", high), ("test", 2 * high)):
        for number, name in enumerate(("cat", "dog")):
            (root / split / name).mkdir(parents=True)
            ramp = np.linspace(low, top, 64).reshape(8, 8)[:: 1 - 2 * number]
            Image.fromarray((ramp if kind is np.float32 else np.rint(ramp)).astype(kind)).save(
                root / split / name / f"0{suffix}"
            )
    return root


@pytest.mark.parametrize("bits", [10, 12])
def test_little_contrast_is_told(tmp_path: Path, image_request: ImageRequest, bits: int) -> None:
    arrays = open_folder(write_deep(tmp_path / "set", 0, 2**bits - 1), image_request)
    (line,) = image_notices("set", arrays)
    assert line.startswith(
        f"warning: the training images have little contrast (standard deviation: {arrays.std[0]:.3f}"
    )
    assert "hint: if the files have 10- or 12-bit values, scale these" in line


@pytest.mark.parametrize("high", [32767, 16383])
def test_enough_contrast_is_not_told(tmp_path: Path, image_request: ImageRequest, high: int) -> None:
    assert image_notices("set", open_folder(write_deep(tmp_path / "set", 0, high), image_request)) == []


@pytest.mark.parametrize(("low", "high", "kind"), [(0, 1, np.float32), (-5, 100, np.int32), (0, 70000, np.int32)])
def test_values_outside_of_16_bits_are_refused(
    tmp_path: Path, image_request: ImageRequest, low: int, high: int, kind: type
) -> None:
    with pytest.raises(UndecodableError) as error:
        open_folder(write_deep(tmp_path / "set", low, high, kind=kind, suffix=".tif"), image_request)
    assert "values that are not whole numbers from 0 to 65535" in error.value.message
    assert "scale gray values to the range 0 to 65535" in error.value.hint


def test_another_version_of_the_decoder_decodes_again(
    tmp_path: Path, image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_folder(tmp_path / "set")
    open_folder(root, image_request)
    monkeypatch.setattr(folder, "VERSION", decode.VERSION + 1)
    open_folder(root, image_request)
    assert len(list((image_request.cache_dir / "arrays").glob("set-*"))) == 2


def test_images_of_another_size_are_told(tmp_path: Path, image_request: ImageRequest) -> None:
    root = write_folder(tmp_path / "set", size=24)
    Image.fromarray(noise(0)).save(root / "train" / "cat" / "0000.png")
    hint = "hint: --set image_size=N to choose another size"
    (line,) = image_notices("set", open_folder(root, image_request))
    assert line == f"11 of 12 images are resized to 8 x 8; {hint}"
