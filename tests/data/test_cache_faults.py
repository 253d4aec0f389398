"""A cache that is damaged or cannot be written, and a source that cannot be read."""

import errno
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vitreport.data import arrays
from vitreport.data.arrays import Decoding, Pixels, Split, fingerprint, load_arrays
from vitreport.data.registry import ImageRequest
from vitreport.errors import DatasetError, ResourceError

from .source import Source, folder, opened


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("images-train.bin", "cut"),
        ("images-test.bin", "longer"),
        ("labels-train.bin", "missing"),
        ("labels-test.bin", "empty"),
        ("meta.json", "missing"),
        ("meta.json", "cut"),
        ("meta.json", "other"),
    ],
)
def test_a_damaged_cache_is_made_anew(image_request: ImageRequest, told: list[str], name: str, damage: str) -> None:
    source = Source()
    opened(source, image_request)
    file = folder(image_request) / name
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes({"cut": content[:-9], "longer": content + b"x", "empty": b"", "other": b"[]"}[damage])
    arrays = opened(source, image_request)
    assert source.decoded == 2
    assert np.array_equal(arrays.splits["train"].images, source.splits["train"].images)
    assert len(told) == 1
    assert "is damaged or of an older format: decoding noise again" in told[0]


@pytest.mark.parametrize(("name", "byte"), [("images-train.bin", 0), ("images-test.bin", 0), ("labels-train.bin", 1)])
def test_damaged_bytes_are_told_and_decoded_again(
    image_request: ImageRequest, told: list[str], name: str, byte: int
) -> None:
    source = Source()
    before = opened(source, image_request)
    overwrite_end(folder(image_request) / name, byte)
    unchecked = load_arrays(image_request, source.original, check_bytes=False)
    assert fingerprint(unchecked.classes, unchecked.splits) != unchecked.fingerprint
    assert (source.decoded, told) == (1, [])
    after = opened(source, image_request)
    assert source.decoded == 2
    assert fingerprint(after.classes, after.splits) == after.fingerprint == before.fingerprint
    assert told == [f"{folder(image_request)} is damaged or of an older format: decoding noise again"]
    opened(source, image_request)
    assert source.decoded == 2


def overwrite_end(file: Path, byte: int) -> None:
    """Change the last 40 bytes of a file, not its length."""
    content = file.read_bytes()
    file.write_bytes(content[:-40] + bytes([byte]) * 40)


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ResourceError, match="cannot write"):
        opened(Source(), ImageRequest("noise", 8, tmp_path, tmp_path / "cache"))


def test_a_source_that_cannot_be_read_is_not_taken_for_the_cache(image_request: ImageRequest) -> None:
    source = Source()

    def unread(file: str | None) -> OSError:
        return OSError(errno.EIO, "Input/output error", file)

    def images() -> Iterator[tuple[Pixels, bool]]:
        yield next(source._images())
        raise unread("/media/photos")

    def decode(error: OSError | None = None) -> Decoding:
        if error:
            raise error
        return source._decode()._replace(images=images())

    for failing, place in (
        (decode, "/media/photos"),
        (lambda: decode(unread("/media/labels")), "/media/labels"),
        (lambda: decode(unread(None)), "noise"),
    ):
        with pytest.raises(DatasetError, match=f"^{place} cannot be read: input/output error; hint: "):
            load_arrays(image_request, source.original._replace(decode=failing))


def test_a_fault_of_the_system_is_not_taken_for_one_of_the_source(
    image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mapped(*_: object) -> dict[str, Split]:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(arrays, "_mapped", mapped)
    with pytest.raises(ResourceError, match="Cannot allocate memory"):
        opened(Source(), image_request)


def test_what_another_process_removes_at_once_is_an_error(
    image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "_read", lambda *_, **__: None)
    with pytest.raises(ResourceError, match="is damaged though it was just written"):
        opened(Source(), image_request)


def test_a_cache_that_cannot_be_written_while_decoding(
    image_request: ImageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ResourceError, match="no space left"):
        opened(Source(), image_request)
