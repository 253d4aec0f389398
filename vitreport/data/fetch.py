"""Published files: found where the user put them and verified, else downloaded over HTTP.

A download is resumed where it was cut off, from the first mirror that gives the right bytes.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib import request as http
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from vitreport.data import folder
from vitreport.data.archive import REPLACE_HINT, tar_members
from vitreport.data.arrays import Decoding, ImageSource
from vitreport.data.registry import Archive, Dataset
from vitreport.data.request import ImageRequest, Progress
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
    dataset: Dataset,
    request: ImageRequest,
    *,
    decode: Callable[[Path], Decoding],
    unpacked: Callable[[Path], ImageSource],
    by_class: Callable[[Path], ImageSource],
) -> ImageSource:
    """Look for the archive, what was unpacked from it, or folders by class, in data_dir or data_dir/<dataset>.

    Only decoding downloads the archive, so that a decoded copy serves without it.

    Args:
        dataset: A data set with an archive.
        request: Where to look.
        decode: Reads the archive.
        unpacked: Finds the images in the folder that the archive unpacks to.
        by_class: Finds them in data_dir/<dataset>/{train,test}/CLASS.

    Raises:
        DatasetError: The archive has other bytes than were published.
    """
    archive = _archive(dataset)
    homes = (request.data_dir, request.data_dir / dataset.name)
    source = f"archive {archive.file} (md5 verified)"
    if path := _first(home / archive.file for home in homes):
        _refuse_other_bytes(path, archive.md5, archive.size, request)
        return ImageSource(source, archive.md5, lambda: decode(path))
    if root := _first(home / archive.folder for home in homes):
        return unpacked(root)
    if _first(homes[1] / split for split in ("train", "test")):
        return by_class(homes[1])
    return ImageSource(source, archive.md5, lambda: decode(download(dataset, request)), remote=True)


def find_files(
    dataset: Dataset,
    request: ImageRequest,
    *,
    classes: Sequence[str],
    most: int,
    decode: Callable[[Mapping[str, bytes]], Decoding],
) -> ImageSource:
    """Look for a data set that is a gzipped tar archive of a few files with known checksums.

    Args:
        dataset: A data set whose archive lists its files.
        request: Where to look.
        classes: The class folders, where the images are in train/CLASS and test/CLASS.
        most: The largest size of a file in bytes.
        decode: Reads the contents of the files, given by name.

    Raises:
        DatasetError: What was found has other bytes than were published.
    """
    archive = _archive(dataset)

    def unpacked(home: Path) -> ImageSource:
        for name, md5 in archive.files.items():
            _refuse_other_bytes(home / name, md5, None, request)
        identity = " ".join(archive.files.values())
        return ImageSource(f"folder {home.name} (md5 verified)", identity, lambda: decode(contents(home)))

    def contents(home: Path) -> dict[str, bytes]:
        found = {}
        for name in archive.files:
            with reading_errors(DatasetError, home / name, REPLACE_HINT):
                found[name] = read_bounded(home / name, most)
        return found

    return find_published(
        dataset,
        request,
        decode=lambda path: decode(tar_members(path, archive.folder, archive.files, most)),
        unpacked=unpacked,
        by_class=lambda home: folder.find_by_class(home, dataset.stored_size, request.notify, classes),
    )


def download(dataset: Dataset, request: ImageRequest) -> Path:
    """Download the archive from the first mirror whose bytes have its md5, resuming what an earlier try left.

    Wrong bytes are set aside as FILE.bad; what came stays in FILE.part for the next try.

    Raises:
        DatasetError: Another process has put a file with other bytes there.
        ResourceError: No mirror gives the file, or it cannot be written.
    """
    archive = _archive(dataset)
    target = request.data_dir / archive.file
    part = target.with_name(f"{target.name}.part")
    refusals = []
    make_folder(target.parent)
    with storage_errors(target), locked(target.with_name(f".{target.name}.lock"), soft=True):
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
    home = request.data_dir
    if all((home / split).is_dir() for split in ("train", "test")):
        hint = f"{home} holds train/ and test/ itself: give it as the data set to use images of your own"
    else:
        put = f"else put {archive.file} into {home}, or images into {home}/{dataset.name}/{{train,test}}/CLASS/*.png"
        hint = f"where it is here already: --data-dir FOLDER; {put}; the data set digits needs no download"
    raise ResourceError(f"{target.name} could not be downloaded ({'; '.join(refusals)})", hint)


def _archive(dataset: Dataset) -> Archive:
    assert dataset.archive is not None
    return dataset.archive


def _first(paths: Iterable[Path]) -> Path | None:
    try:
        return next((path for path in paths if path.exists()), None)
    except OSError as error:
        raise DatasetError(f"{error.filename} cannot be read: {error.strerror}", "change its permissions") from error


def _refuse_other_bytes(path: Path, md5: str, size: int | None, request: ImageRequest) -> None:
    """Raise DatasetError where a file of the user's cannot be read or is not as it was published."""
    with reading_errors(DatasetError, path, REPLACE_HINT):
        fault = _mismatch(path, _remembered_md5(path, request.cache_dir), md5, size)
    if fault:
        raise DatasetError(f"{path} is not as it was published: {fault}", REPLACE_HINT)


def _mismatch(path: Path, actual_md5: str, md5: str, size: int | None) -> str:
    """What is wrong with a file that should have this md5 and size in bytes; empty where nothing is."""
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
    """The md5 of a file, computed again only where its size or its time of change differ from last time."""
    status = path.stat()
    state = [status.st_size, status.st_mtime_ns]
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    memory = cache_dir / "checksums" / f"{name}.json"
    with suppress(UnreadableFileError, ValueError, TypeError):
        *remembered, md5 = json.loads(read_bounded(memory, MOST_MEMORY_BYTES))
        if remembered == state:
            return str(md5)
    md5 = _md5(path)
    with suppress(ResourceError):  # a cache that is read only still serves
        make_folder(memory.parent)
        write_json(memory, [*state, md5], indent=None)
    return md5


def _fetch_verified(url: str, part: Path, archive: Archive, progress: Progress) -> None:
    """Complete `part`; if what another mirror or an earlier try left in it was wrong, start again from nothing."""
    fault = ""
    for _ in range(2 if part.exists() else 1):
        _fetch(url, part, archive, progress)
        fault = _mismatch(part, _md5(part), archive.md5, archive.size)
        if not fault:
            return
        part.replace(part.with_suffix(".bad"))
    raise _MirrorError(fault)


def _fetch(url: str, part: Path, archive: Archive, progress: Progress) -> None:
    """Bring `part` to its full length."""
    done = part.stat().st_size if part.exists() else 0
    if done >= archive.size:
        return
    with _opened(url, done) as response:
        if response.headers.get_content_type() == "text/html":
            raise _MirrorError("sent an HTML page instead of the file")
        if response.status != RESUMED:  # the server ignores the range
            done = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            raise _MirrorError("resumes at another byte than asked for")
        total = archive.size if response.length is None else done + response.length
        with part.open("ab" if done else "wb") as file:
            while done <= archive.size:
                with _mirror_errors():
                    block = response.read(BLOCK_BYTES)
                if not block:
                    break
                file.write(block)
                done += len(block)
                progress(f"downloading {archive.file}", done, archive.size)
    if done < min(total, archive.size):
        raise _MirrorError(f"cut off after {done} of {total} bytes")


@contextmanager
def _mirror_errors() -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        error.close()
        raise _MirrorError(f"HTTP {error.code}") from error
    except URLError as error:
        raise _MirrorError(str(error.reason)) from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: it redirects to what is no address
        raise _MirrorError(str(error) or type(error).__name__) from error


def _opened(url: str, offset: int) -> HTTPResponse:
    """Open an address from a byte on: HTTP and HTTPS alone, also where a mirror redirects; no FTP, no local files."""
    opener = http.OpenerDirector()
    for handler in (
        http.ProxyHandler,
        http.HTTPHandler,
        http.HTTPSHandler,
        http.HTTPRedirectHandler,
        http.HTTPErrorProcessor,
        http.HTTPDefaultErrorHandler,
        http.UnknownHandler,
    ):
        opener.add_handler(handler())
    headers = {"User-Agent": "vitreport", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    with _mirror_errors():
        response = opener.open(http.Request(url, headers=headers), timeout=TIMEOUT_SECONDS)
        assert isinstance(response, HTTPResponse)
        return response
