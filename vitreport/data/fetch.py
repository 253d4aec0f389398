"""Published files: found where the user put them and verified, else downloaded over HTTP.

A download is resumed where it was cut off, from the first mirror that gives the right bytes.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from vitreport.data.archive import REPLACE_HINT, tar_members
from vitreport.data.arrays import Decoding, ImageSource, Split
from vitreport.data.folder import check_same_classes, image_source, read_folder
from vitreport.data.registry import DATASETS, Archive, ImageRequest, dataset_title
from vitreport.errors import DatasetError, ResourceError
from vitreport.files import make_folder, storage_errors
from vitreport.formatting import compact
from vitreport.lease import leased
from vitreport.untrusted_files import open_bounded, reading_errors

TIMEOUT_SECONDS = 30
BLOCK_BYTES = 2**18


class _MirrorError(Exception):
    """Why a mirror did not give the file."""


def find_published(
    request: ImageRequest, decode: Callable[[Path], Decoding], in_folder: Callable[[Path], ImageSource] | None = None
) -> ImageSource:
    """Look for the archive, what was unpacked from it, or images by class, in data_dir or data_dir/NAME.

    `decode` reads the archive or the folder that it unpacks to, after verification; where the checksums in this folder
    are not known, `in_folder` finds its images. Only decoding verifies or downloads, so that a decoded copy serves
    without the archive.
    """
    archive, named = DATASETS[request.name].archive, request.data_dir / request.name
    assert archive
    places = [home / name for name in (archive.file, archive.folder) for home in (request.data_dir, named)]
    found = next(filter(os.path.exists, places), None)
    is_folder = found is not None and found.name == archive.folder
    if found and is_folder and in_folder:
        return in_folder(found)
    if not found and any((named / split).exists() for split in ("train", "test")):
        listing = read_folder(named, request.note)
        check_same_classes(request.name, str(named), listing.classes)
        return image_source(listing, request.decoded_size)

    def decode_verified() -> Decoding:
        path = found or download(archive, request)
        checksums = {path / name: md5 for name, md5 in archive.files.items()} if is_folder else {path: archive.md5}
        for file, md5 in checksums.items():
            with reading_errors(DatasetError, file, REPLACE_HINT):
                fault = _mismatch(file, md5)
            if fault:
                raise DatasetError(f"{file} differs from the published file: {fault}", REPLACE_HINT)
        return decode(path)

    source = f"folder {archive.folder}" if is_folder else f"archive {archive.file}"
    return ImageSource(f"{source} (md5 verified)", archive.md5, decode_verified, remote=not found)


def find_files(request: ImageRequest, decode: Callable[[Mapping[str, bytes]], Mapping[str, Split]]) -> ImageSource:
    """Look for a dataset that is a gzipped tar archive of a few files with known checksums.

    `decode` reads the splits from the contents of the files, given by name.
    """
    dataset = DATASETS[request.name]
    archive = dataset.archive
    assert archive

    def decoded(path: Path) -> Decoding:
        if path.name == archive.file:
            contents = tar_members(path, archive.folder, archive.files)
        else:
            contents = {name: (path / name).read_bytes() for name in archive.files}
        return Decoding.of(dataset.classes, decode(contents), canonical=True)

    return find_published(request, decoded)


def download(archive: Archive, request: ImageRequest) -> Path:
    """Download an archive from the first mirror whose bytes have its md5, resuming what an earlier try left.

    Wrong bytes are set aside as FILE.bad; what came stays in FILE.part for the next try. Raises ResourceError
    if no mirror gives the file, or it cannot be written.
    """
    home = request.data_dir
    target = home / archive.file
    part = home / f"{archive.file}.part"
    refusals = []
    make_folder(home)
    lock = home / f".{archive.file}.lock"
    with leased(lock, str(target), note=request.note) as check_lock, storage_errors(target):
        if target.exists():  # another process has just put it there
            return target
        for url in archive.mirrors:
            host = urlsplit(url).netloc
            what = f"{target.name} ({compact(archive.size)}B) from {host} for {dataset_title(request.name)}"
            request.note(f"downloading {what}; use --dataset to choose another dataset (digits needs no download)")
            try:
                _fetch_verified(url, part, archive, request)
            except _MirrorError as refusal:
                refusals.append(f"{host}: {refusal}")
            else:
                check_lock()
                return part.replace(target)
    hint = (
        f"if you have the file, use --data-dir DIR, or put {archive.file} into {home}; "
        f"or put images into {home}/{request.name}/{{train,test}}/CLASS/*.png; the dataset digits needs no download"
    )
    raise ResourceError(f"{target.name} could not be downloaded ({'; '.join(refusals)})", hint)


def _mismatch(path: Path, md5: str) -> str:
    """Say what is wrong with a file that should have this md5; "" if nothing is."""
    with open_bounded(path) as file:
        actual = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return "" if actual == md5 else f"md5 is {actual}, expected {md5} ({path.stat().st_size} bytes)"


def _fetch_verified(url: str, part: Path, archive: Archive, request: ImageRequest) -> None:
    """Complete `part`; if what another mirror or an earlier try left in it was wrong, start again from nothing."""
    fault = ""
    for _ in range(2 if part.exists() else 1):
        for start, block in _blocks(url, part.stat().st_size if part.exists() else 0, archive.size):
            with part.open("ab" if start else "wb") as file:
                file.write(block)
            request.progress(f"downloading {archive.file}", start + len(block), archive.size)
        fault = _mismatch(part, archive.md5)
        if not fault:
            return
        part.replace(part.with_suffix(".bad"))
    raise _MirrorError(fault)


def _blocks(url: str, done: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, bytes) of a file of `size` bytes from the byte `done`, or from 0 if the server cannot resume."""
    if done >= size:
        return
    headers = {"User-Agent": "vitreport", "Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    try:
        with urlopen(Request(url, headers=headers), timeout=TIMEOUT_SECONDS) as response:
            if response.headers.get_content_type() == "text/html":
                raise _MirrorError("sent an HTML page instead of the file")
            if response.status != 206:  # the server ignores the range
                done = 0
            while done <= size and (block := response.read(BLOCK_BYTES)):
                yield done, block
                done += len(block)
    except HTTPError as error:
        error.close()
        raise _MirrorError(f"HTTP {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a redirect to what is not an address
        raise _MirrorError(str(getattr(error, "reason", error)) or type(error).__name__) from error
    if done < size:
        raise _MirrorError(f"cut off after {done} of {size} bytes")
