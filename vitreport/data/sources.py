"""Where the images of a data set are, named or in a folder. Nothing here loads numpy until images are asked for."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.errors import DatasetError, Problem, SpecError
from vitreport.formatting import did_you_mean
from vitreport.runtime import data_dirs_or_default

if TYPE_CHECKING:
    from vitreport.data.arrays import ImageArrays, ImageSource
    from vitreport.spec.data import DatasetFacts


def locate(dataset: str, data_dirs: Sequence[Path]) -> tuple[str, Path]:
    """Return the name of a data set and the directory that holds it, or to which it would be downloaded.

    A path (with a separator, or beginning with "." or "~") becomes its last part and its absolute parent. A plain name
    is looked for in `data_dirs`, the first of which is taken if it is in none.

    Raises:
        DatasetError: It is a path that no system could have.
    """
    if not _is_path(dataset):
        names = (dataset, *(DATASETS[dataset].kept_as if dataset in DATASETS else ()))
        homes = (home for home in data_dirs if any(map(os.path.exists, (home / name for name in names))))
        return dataset, next(homes, data_dirs[0])
    try:
        path = Path(dataset).expanduser()
        path = path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, an unknown user, a null character
        raise DatasetError(f"the data set {dataset!a} is not a usable path: {error}") from error
    return path.name, path.parent


def describe(dataset: str, data_dirs: Sequence[Path], image_size: int | None = None) -> "DatasetFacts":
    """Return the facts of a data set given by name or by path, and its directory, without decoding it.

    The size of a folder's images is that of its first one; with `image_size`, the size that the user chose, none
    is opened.

    Raises:
        SpecError: The name is unknown, or the images are not square.
        DatasetError: The path is no folder of images.
    """
    from vitreport.spec.data import DatasetFacts

    name, home = locate(dataset, data_dirs)
    root, published = home / name, DATASETS.get(name)
    if _is_path(dataset):
        if not _is_folder(root):
            from vitreport.data.folder import LAYOUT_HINT

            raise DatasetError(f"{root} is not a folder", f"give a folder of images: {LAYOUT_HINT}")
        if published and not published.archive:
            raise DatasetError(f"{root}: the name {name} is taken by a data set of that name", "rename the folder")
    elif not published and not (name and _is_folder(root)):
        raise _unknown(name)
    if published:
        size = image_size or published.image_size
        return DatasetFacts(name, published.num_classes, size, published.train_count, data_dir=home)
    from vitreport.data import folder

    return folder.describe(root, image_size)


def facts_in(data_dirs: Sequence[Path] | None) -> "Callable[[str, int | None], DatasetFacts]":
    """Return a function that describes a data set by its name or path and the image size that the user chose.

    It looks into `data_dirs` in their order (default: the folder for downloads) and raises as `describe` does.
    """
    return lambda dataset, image_size: describe(dataset, data_dirs_or_default(data_dirs), image_size)


def count_images(name: str, data_dir: Path) -> dict[str, int]:
    """Count the images of each split: those that were published, or those in a folder of the user's own.

    Raises:
        DatasetError: The folder is not laid out as it should be.
    """
    if source := DATASETS.get(name):
        return {"train": source.train_count, "test": source.test_count}
    from vitreport.data.folder import list_images

    return {split: len(files) for split, files in list_images(data_dir / name).files.items()}


def open_dataset(request: ImageRequest, *, check_bytes: bool = True) -> "ImageArrays":
    """Return the images of a data set, decoded into the cache if they are not there yet.

    With `check_bytes` the arrays in the cache are hashed, and decoded again where they have been damaged.

    Raises:
        DatasetError: The images are missing or damaged.
        ResourceError: They cannot be downloaded or kept.
    """
    from vitreport.data import cache

    return cache.cached(request, *_find(request), check_bytes=check_bytes)


def open_present(request: ImageRequest) -> "ImageArrays | None":
    """Return the images of a data set as they are here now, decoded if they are not yet; nothing is downloaded.

    The result is None where there is no such folder, or where the images would have to be downloaded and no decoded
    copy is in the cache. The bytes in the cache are not checked. Raises as `open_dataset` does.
    """
    from vitreport.data import cache

    if request.name not in DATASETS and not _is_folder(request.data_dir / request.name):
        return None
    size, source = _find(request)
    if source.remote:
        return cache.decoded(request, size, source)
    return cache.cached(request, size, source, check_bytes=False)


def open_decoded(request: ImageRequest) -> "ImageArrays | None":
    """Return the images of a data set if they have been decoded already and are still those that are here, else None.

    The bytes in the cache are not checked.
    """
    from vitreport.data import cache

    try:
        return cache.decoded(request, *_find(request))
    except DatasetError:
        return None


def _find(request: ImageRequest) -> "tuple[int, ImageSource]":
    """The size to decode a data set to, and where its images are."""
    if dataset := DATASETS.get(request.name):
        if request.intensity_range == "train":
            fault = f'data.intensity_range = "train" is for 16-bit images, those of {request.name} have 8 bits'
            raise DatasetError(fault, "leave it out")
        return dataset.stored_size, dataset.find(request)
    from vitreport.data.folder import image_source, list_images

    listing = list_images(request.data_dir / request.name, request.notify)
    return request.image_size, image_source(listing, request.image_size, request.intensity_range)


def _is_path(dataset: str) -> bool:
    return dataset.startswith((".", "~")) or "/" in dataset or os.sep in dataset


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long for the system, a folder that may not be entered
        return False


def _unknown(name: str) -> SpecError:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    if name and _is_folder(Path(name)):
        hint = f"write ./{name} for the folder here"
    else:
        hint = f"{did_you_mean(plain, DATASETS)} (a folder of images works too)"
    return SpecError(problems=[Problem("data.dataset", "unknown data set", hint, repr(name))])
