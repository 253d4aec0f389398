"""Published files: found where the user put them and verified, else downloaded over HTTP.

A download is resumed where it was cut off, from the first mirror that gives the right bytes.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from vitreport.data.archive import REPLACE_HINT, tar_members
from vitreport.data.arrays import Decoding, ImageSource
from vitreport.data.folder import find_by_class
from vitreport.data.registry import DATASETS, Archive, ImageRequest, Progress
from vitreport.errors import DatasetError, ResourceError
from vitreport.files import locked, make_folder, storage_errors, write_json
from vitreport.untrusted_files import UnreadableFileError, entry_fault, open_bounded, read_bounded, reading_errors

TIMEOUT_SECONDS = 30
BLOCK_BYTES = 2**18
MOST_MEMORY_BYTES = 1 << 12
RESUMED = 206


class _MirrorError(Exception):
    """Why a mirror did not give the file."""


def find_published(
    request: ImageRequest, *, decode: Callable[[Path], Decoding], in_folder: Callable[[Path], ImageSource]
) -> ImageSource:
    """Look for the archive, what was unpacked from it, or images by class, in data_dir or data_dir/NAME.

    Only decoding downloads the archive, so that a decoded copy serves without it.

    Args:
        request: The dataset, which has an archive, and where to look.
        decode: Reads the archive.
        in_folder: Finds the images in the folder that the archive unpacks to, or by class in data_dir/NAME.

    Raises:
        DatasetError: The archive has other bytes than were published.
    """
    archive, named = _archive(request), request.data_dir / request.name
    homes = (request.data_dir, named)
    source = f"archive {archive.file} (md5 verified)"
    if path := _first(home / archive.file for home in homes):
        _refuse_other_bytes(path, archive.md5, archive.size, request)
        return ImageSource(source, archive.md5, lambda: decode(path))
    if root := _first(home / archive.folder for home in homes):
        return in_folder(root)
    if _first(named / split for split in ("train", "test")):
        return in_folder(named)
    return ImageSource(source, archive.md5, lambda: decode(download(archive, request)), remote=True)


def find_files(
    request: ImageRequest, *, classes: Sequence[str], most: int, decode: Callable[[Mapping[str, bytes]], Decoding]
) -> ImageSource:
    """Look for a dataset that is a gzipped tar archive of a few files with known checksums.

    Args:
        request: The dataset, whose archive lists its files, and where to look.
        classes: The class folders, if the images are in train/CLASS and test/CLASS.
        most: The largest size of a file in bytes.
        decode: Reads the contents of the files, given by name.

    Raises:
        DatasetError: What was found has other bytes than were published.
    """
    archive = _archive(request)

    def in_folder(root: Path) -> ImageSource:
        if root.name != archive.folder:
            return find_by_class(root, request, classes)
        for name, md5 in archive.files.items():
            _refuse_other_bytes(root / name, md5, None, request)
        identity = " ".join(archive.files.values())
        return ImageSource(f"folder {root.name} (md5 verified)", identity, lambda: decode(contents(root)))

    def contents(root: Path) -> dict[str, bytes]:
        with reading_errors(DatasetError, root, REPLACE_HINT):
            return {name: read_bounded(root / name, most) for name in archive.files}

    return find_published(
        request,
        decode=lambda path: decode(tar_members(path, archive.folder, archive.files, most)),
        in_folder=in_folder,
    )


def download(archive: Archive, request: ImageRequest) -> Path:
    """Download an archive from the first mirror whose bytes have its md5, resuming what an earlier try left.

    Wrong bytes are set aside as FILE.bad; what came stays in FILE.part for the next try.

    Raises:
        DatasetError: Another process has put a file with other bytes there.
        ResourceError: No mirror gives the file, or it cannot be written.
    """
    home = request.data_dir
    target, part = home / archive.file, home / f"{archive.file}.part"
    refusals = []
    make_folder(home)
    with storage_errors(target), locked(home / f".{archive.file}.lock", soft=True):
        if target.exists():  # another process has just put it there
            _refuse_other_bytes(target, archive.md5, archive.size, request)
            return target
        if fault := entry_fault(part):
            raise ResourceError(f"{part} {fault}", "remove it, then run the same command again")
        for url in archive.mirrors:
            host = urlsplit(url).netloc
            request.notify(f"downloading {target.name} ({archive.size_in_words}) from {host}")
            try:
                _fetch_verified(url, part, archive, request.progress)
            except _MirrorError as refusal:
                refusals.append(f"{host}: {refusal}")
            else:
                part.replace(target)
                return target
    if all((home / split).is_dir() for split in ("train", "test")):
        hint = f"{home} holds train/ and test/ itself: give it as the data set to use images of your own"
    else:
        put = f"else put {archive.file} into {home}, or images into {home}/{request.name}/{{train,test}}/CLASS/*.png"
        hint = f"where it is here already: --data-dir FOLDER; {put}; the data set digits needs no download"
    raise ResourceError(f"{target.name} could not be downloaded ({'; '.join(refusals)})", hint)


def _archive(request: ImageRequest) -> Archive:
    archive = DATASETS[request.name].archive
    assert archive is not None
    return archive


def _first(paths: Iterable[Path]) -> Path | None:
    try:
        return next((path for path in paths if path.exists()), None)
    except OSError as error:
        raise DatasetError(f"{error.filename} cannot be read: {error.strerror}", "change its permissions") from error


def _refuse_other_bytes(path: Path, md5: str, size: int | None, request: ImageRequest) -> None:
    """Raise DatasetError if a file cannot be read or is not as it was published."""
    with reading_errors(DatasetError, path, REPLACE_HINT):
        fault = _mismatch(path, _remembered_md5(path, request.cache_dir), md5, size)
    if fault:
        raise DatasetError(f"{path} is not as it was published: {fault}", REPLACE_HINT)


def _mismatch(path: Path, actual_md5: str, md5: str, size: int | None) -> str:
    """What is wrong with a file that should have this md5 and size in bytes; "" if nothing is."""
    if actual_md5 == md5:
        return ""
    with open_bounded(path) as file:
        beginning = file.read(512).lstrip().lower()
    actual_size = path.stat().st_size
    fault = f"md5 is {actual_md5}, expected {md5}"
    if beginning.startswith((b"<!doctype html", b"<html")):
        return f"an HTML page instead of the file; {fault}"
    is_short = size is not None and actual_size < size
    return f"cut short, {actual_size} of {size} bytes; {fault}" if is_short else fault


def _md5(path: Path) -> str:
    with open_bounded(path) as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _remembered_md5(path: Path, cache_dir: Path) -> str:
    """The md5 of a file, computed again only if its size or its modification time differ from last time."""
    status = path.stat()
    state = [status.st_size, status.st_mtime_ns]
    memory = cache_dir / "checksums" / f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]}.json"
    with suppress(UnreadableFileError, ValueError, TypeError):
        *remembered, md5 = json.loads(read_bounded(memory, MOST_MEMORY_BYTES))
        if remembered == state:
            return str(md5)
    md5 = _md5(path)
    with suppress(ResourceError):  # a cache that is read-only still serves
        make_folder(memory.parent)
        write_json(memory, [*state, md5], indent=None)
    return md5


def _fetch_verified(url: str, part: Path, archive: Archive, progress: Progress) -> None:
    """Complete `part`; if what another mirror or an earlier try left in it was wrong, start again from nothing."""
    fault = ""
    for _ in range(2 if part.exists() else 1):
        for start, block in _blocks(url, part.stat().st_size if part.exists() else 0, archive.size):
            with part.open("ab" if start else "wb") as file:
                file.write(block)
            progress(f"downloading {archive.file}", start + len(block), archive.size)
        fault = _mismatch(part, _md5(part), archive.md5, archive.size)
        if not fault:
            return
        part.replace(part.with_suffix(".bad"))
    raise _MirrorError(fault)


def _blocks(url: str, done: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, bytes) of a file of `size` bytes from the byte `done`, or from 0 if the server cannot resume.

    Raises:
        _MirrorError: The server does not give the file, or gives less than it said.
    """
    if done >= size:
        return
    headers = {"User-Agent": "vitreport", "Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    try:
        with urlopen(Request(url, headers=headers), timeout=TIMEOUT_SECONDS) as response:
            if response.headers.get_content_type() == "text/html":
                raise _MirrorError("sent an HTML page instead of the file")
            if response.status != RESUMED:
                done = 0
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                raise _MirrorError("resumes at another byte than asked for")
            total = done + int(response.headers.get("Content-Length", size - done))
            while done <= size and (block := response.read(BLOCK_BYTES)):
                yield done, block
                done += len(block)
    except HTTPError as error:
        error.close()
        raise _MirrorError(f"HTTP {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a redirect to what is not an address
        raise _MirrorError(str(getattr(error, "reason", error)) or type(error).__name__) from error
    if done < max(1, min(total, size)):
        raise _MirrorError(f"cut off after {done} of {total} bytes")
