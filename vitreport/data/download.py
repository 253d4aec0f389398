"""Published files: found where the user put them and verified, else fetched over HTTP.

A download is resumed where it was cut off, from the first mirror that gives the right bytes.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from vitreport.data.archive import REPLACE_HINT, reading
from vitreport.data.cache import Decoding, Notify, Original, Places, Progress
from vitreport.data.splits import SPLITS
from vitreport.errors import DatasetError, ResourceError
from vitreport.files import locked, make_folder, storage_errors, write_json
from vitreport.reading import UnreadableFileError, entry_fault, open_bounded, read_bounded

TIMEOUT_SECONDS = 30
BLOCK_BYTES = 2**18
MOST_MEMORY_BYTES = 1 << 12
_PARTIAL, _RANGE_REFUSED = 206, 416


@dataclass(frozen=True)
class Published:
    """A data set as it was published: `archive`, a file of `size` bytes, which unpacks to the folder `unpacked`."""

    dataset: str
    archive: str
    md5: str
    size: int
    unpacked: str


class _MirrorError(Exception):
    """Why a mirror did not give the file."""


@dataclass(frozen=True)
class _Wanted:
    """The file to fetch: `part` holds the bytes so far, `size` is None where it is not known."""

    target: Path
    part: Path
    md5: str
    size: int | None
    progress: Progress


def find_published(
    published: Published,
    mirrors: Sequence[str],
    places: Places,
    *,
    decode: Callable[[Path], Decoding],
    unpacked: Callable[[Path], Original],
    by_class: Callable[[Path], Original],
) -> Original:
    """The archive, what was unpacked from it, or folders by class, in data_dir or data_dir/<dataset>; else a download.

    `decode` reads the archive, `unpacked` and `by_class` find what is in a folder. Raises DatasetError where the
    archive has other bytes. Only decoding downloads, so that a decoded copy serves without the archive.
    """
    homes = (places.data_dir, places.data_dir / published.dataset)
    if archive := _first(home / published.archive for home in homes):
        _refuse_other_bytes(archive, published.md5, published.size, places)
        return _packed(published, lambda: decode(archive))
    if folder := _first(home / published.unpacked for home in homes):
        return unpacked(folder)
    if _first(homes[1] / split for split in SPLITS):
        return by_class(homes[1])
    return _packed(published, lambda: decode(_downloaded(published, mirrors, places)), remote=True)


def verified_files(home: Path, md5s: Mapping[str, str], places: Places, decode: Callable[[], Decoding]) -> Original:
    """Files in `home`, each of which has its published md5. Raises DatasetError where one is missing or has another."""
    for name, md5 in md5s.items():
        _refuse_other_bytes(home / name, md5, None, places)
    return Original(f"folder {home.name} (md5 verified)", " ".join(md5s.values()), decode)


def download(
    urls: Sequence[str], target: Path, md5: str, size: int | None, *, hint: str, notify: Notify, progress: Progress
) -> None:
    """Fetch `target` from the first mirror whose bytes have the md5, going on from what `target`.part holds.

    Wrong bytes are set aside as `target`.bad. `progress` is told (label, bytes so far, bytes in all). Raises
    ResourceError with `hint` where no mirror gives the file (what came stays for the next try), or where it
    cannot be written.
    """
    make_folder(target.parent)
    with storage_errors(target), locked(target.with_name(f".{target.name}.lock"), soft=True):
        if target.exists():
            return
        wanted = _Wanted(target, target.with_name(f"{target.name}.part"), md5, size, progress)
        if fault := entry_fault(wanted.part):
            raise ResourceError(f"{wanted.part} {fault}", "remove it, then run the same command again")
        refusals = []
        for url in urls:
            host = urlsplit(url).netloc
            notify(f"downloading {target.name}{_in_words(size)} from {host}")
            try:
                _fetch_verified(url, wanted)
                return
            except _MirrorError as refusal:
                refusals.append(f"{host}: {refusal}")
    raise ResourceError(f"{target.name} could not be downloaded ({'; '.join(refusals)})", hint)


def mismatch(path: Path, actual_md5: str, md5: str, size: int | None) -> str:
    """What is wrong with a file that should have this md5 and size in bytes; empty where nothing is."""
    if actual_md5 == md5:
        return ""
    with open_bounded(path) as file:
        beginning = file.read(512).lstrip().lower()
    found = path.stat().st_size
    fault = f"md5 is {actual_md5}, expected {md5}"
    if beginning.startswith((b"<!doctype html", b"<html")):
        return f"an HTML page instead of the file; {fault}"
    return f"cut short, {found} of {size} bytes; {fault}" if size is not None and found < size else fault


def md5_of(path: Path) -> str:
    """Return the md5 of a regular file. Raises UnreadableFileError for a device or a pipe, which may have no end."""
    with open_bounded(path) as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def remembered_md5(path: Path, cache_dir: Path) -> str:
    """The md5 of a file, computed again only where its size or its time of change differ from last time."""
    status = path.stat()
    state = [status.st_size, status.st_mtime_ns]
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    memory = cache_dir / "checksums" / f"{name}.json"
    with suppress(UnreadableFileError, ValueError, TypeError):
        *remembered, md5 = json.loads(read_bounded(memory, MOST_MEMORY_BYTES))
        if remembered == state:
            return str(md5)
    md5 = md5_of(path)
    with suppress(ResourceError):  # a cache that is read only still serves
        make_folder(memory.parent)
        write_json(memory, [*state, md5], indent=None)
    return md5


def _first(paths: Iterable[Path]) -> Path | None:
    try:
        return next((path for path in paths if path.exists()), None)
    except OSError as error:
        raise DatasetError(f"{error.filename} cannot be read: {error.strerror}", "mend its permissions") from error


def _packed(published: Published, decode: Callable[[], Decoding], *, remote: bool = False) -> Original:
    return Original(f"archive {published.archive} (md5 verified)", published.md5, decode, remote)


def _refuse_other_bytes(path: Path, md5: str, size: int | None, places: Places) -> None:
    """Raise DatasetError where a file of the user's cannot be read or is not as it was published."""
    try:
        with reading(path):
            fault = mismatch(path, remembered_md5(path, places.cache_dir), md5, size)
    except UnreadableFileError as error:
        raise DatasetError(f"{path} {error.reason}", REPLACE_HINT) from error
    if fault:
        raise DatasetError(f"{path} is not as it was published: {fault}", REPLACE_HINT)


def _downloaded(published: Published, mirrors: Sequence[str], places: Places) -> Path:
    path = places.data_dir / published.archive
    hint = _where_to_put(published, places.data_dir)
    download(
        mirrors,
        path,
        published.md5,
        published.size,
        hint=hint,
        notify=places.notify,
        progress=places.progress,
    )
    return path


def _in_words(size: int | None) -> str:
    if size is None:
        return ""
    return f" ({size / 1e9:.1f} GB)" if size >= 1e9 else f" ({size / 1e6:.3g} MB)"


def _fetch_verified(url: str, wanted: _Wanted) -> None:
    """What another mirror or an earlier try left may be wrong: if going on from it fails, begin anew."""
    fault = ""
    for _ in range(2 if wanted.part.exists() else 1):
        _fetch(url, wanted)
        fault = mismatch(wanted.part, md5_of(wanted.part), wanted.md5, wanted.size)
        if not fault:
            wanted.part.replace(wanted.target)
            return
        wanted.part.replace(wanted.target.with_name(f"{wanted.target.name}.bad"))
    raise _MirrorError(fault)


def _fetch(url: str, wanted: _Wanted) -> None:
    """Bring `part` to its full length."""
    done = wanted.part.stat().st_size if wanted.part.exists() else 0
    if wanted.size is not None and done >= wanted.size:
        return
    with _opened(url, done) as response:
        done = _first_byte(response, done)
        total = wanted.size if response.length is None else done + response.length
        with wanted.part.open("ab" if done else "wb") as file:
            for block in _blocks(response):
                file.write(block)
                done += len(block)
                wanted.progress(f"downloading {wanted.target.name}", done, total)
                if wanted.size is not None and done > wanted.size:
                    return
    if total is not None and done < total:
        raise _MirrorError(f"cut off after {done} of {total} bytes")


def _opened(url: str, offset: int) -> HTTPResponse:
    headers = {"User-Agent": "vitreport", "Accept-Encoding": "identity"} | (
        {"Range": f"bytes={offset}-"} if offset else {}
    )
    try:
        return cast("HTTPResponse", _web().open(request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS))
    except HTTPError as error:
        error.close()
        if offset and error.code == _RANGE_REFUSED:
            return _opened(url, 0)
        raise _MirrorError(f"HTTP {error.code}") from error
    except URLError as error:
        raise _MirrorError(str(error.reason)) from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: it redirects to what is no address
        raise _MirrorError(str(error) or type(error).__name__) from error


def _web() -> request.OpenerDirector:
    """HTTP and HTTPS alone, also where a mirror redirects: no FTP, no local files."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPRedirectHandler,
        request.HTTPErrorProcessor,
        request.HTTPDefaultErrorHandler,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _first_byte(response: HTTPResponse, offset: int) -> int:
    """Where the answer begins in the file: at `offset`, or at 0 where the server ignores the range."""
    if response.headers.get_content_type() == "text/html":
        raise _MirrorError("sent an HTML page instead of the file")
    if response.status != _PARTIAL:
        return 0
    if not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
        raise _MirrorError("resumes at another byte than asked for")
    return offset


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    try:
        while block := response.read(BLOCK_BYTES):
            yield block
    except (OSError, HTTPException) as error:
        raise _MirrorError(str(error) or type(error).__name__) from error


def _where_to_put(published: Published, data_dir: Path) -> str:
    """What the user does where no mirror gives the archive."""
    if all((data_dir / split).is_dir() for split in SPLITS):
        return f"{data_dir} holds train/ and test/ itself: give it as the data set to use images of your own"
    by_class = f"{data_dir}/{published.dataset}/{{train,test}}/CLASS/*.png"
    return (
        f"where it is here already: --data-dir FOLDER; else put {published.archive} into {data_dir}, or images into "
        f"{by_class}; the data set digits needs no download"
    )
