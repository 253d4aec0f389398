"""Where the images of a dataset are, named or in a folder. Nothing here loads numpy until images are asked for."""

import os
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.errors import DatasetError, Problem, SpecError
from vitreport.runtime import data_dirs_or_default
from vitreport.spec.data import DatasetFacts
from vitreport.suggestions import did_you_mean

if TYPE_CHECKING:
    from vitreport.data.arrays import ImageArrays, ImageSource

_is_folder = os.path.isdir  # also False for a name that is too long, and for a folder that may not be entered


def locate(dataset: str, data_dirs: Sequence[Path]) -> tuple[str, Path]:
    """Return the name of a dataset and the directory that holds it, or to which it would be downloaded.

    A path (with a separator, or beginning with "." or "~") becomes its last part and its absolute parent. A plain name
    is looked for in `data_dirs`; if none has it, the first one is used. Raises DatasetError for a path that no
    system could have.
    """
    if not _is_path(dataset):
        archive = DATASETS[dataset].archive if dataset in DATASETS else None
        names = (dataset, archive.file, archive.folder) if archive else (dataset,)
        homes = (home for home in data_dirs if any(map(os.path.exists, (home / name for name in names))))
        return dataset, next(homes, data_dirs[0])
    try:
        path = Path(dataset).expanduser()
        path = path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, an unknown user, a null character
        fault = f"the dataset {dataset!a} is not a usable path: {error}"
        raise DatasetError(fault, "give a dataset name, or the path of an image folder") from error
    return path.name, path.parent


def describe(dataset: str, data_dirs: Sequence[Path], image_size: int | None = None) -> DatasetFacts:
    """Return the facts of a dataset given by name or by path, and its directory, without decoding it.

    The size of a folder's images is `image_size`, which the user chose, or else that of the first one. Raises
    SpecError if the name is unknown or the images are not square, DatasetError if the path is no image folder.
    """
    name, home = locate(dataset, data_dirs)
    root, published = home / name, DATASETS.get(name)
    if _is_path(dataset) and not _is_folder(root):
        hint = "give an image folder with train/CLASS/*.png and test/CLASS/*.png"
        raise DatasetError(f"{root} is not a directory", hint)
    if _is_path(dataset) and published and not published.archive:
        raise DatasetError(f"{root}: {name} is the name of another dataset", "rename the directory")
    if published:
        return DatasetFacts(name, published.num_classes, image_size or published.image_size, data_dir=home)
    if not name or not _is_folder(root):
        hint = f"write ./{name} to use the directory"
        if not _is_folder(name):
            near = did_you_mean(re.sub(r"[^a-z0-9]", "", name.lower()), DATASETS)
            hint = f"{near} (for an image folder give its path, such as ./{name})"
        raise SpecError(problems=[Problem("data.dataset", "unknown dataset", hint, repr(name))])
    from vitreport.data.decode import first_size
    from vitreport.data.folder import read_folder

    listing = read_folder(root)
    size = image_size or first_size(listing)
    return DatasetFacts(name, len(listing.classes), size, has_validation="val" in listing.files, data_dir=home)


def facts_in(data_dirs: Sequence[Path] | None) -> Callable[[str, int | None], DatasetFacts]:
    """Return a function that describes a dataset, once, by its name or path and the image size that the user chose.

    It looks into `data_dirs` in their order (default: the folder for downloads) and raises as `describe` does.
    """
    return cache(lambda dataset, image_size: describe(dataset, data_dirs_or_default(data_dirs), image_size))


def count_images(name: str, data_dir: Path) -> dict[str, int]:
    """Count the images of each split: those that were published, or those in a user's own folder."""
    if published := DATASETS.get(name):
        return {"train": published.train_count, "test": published.test_count}
    from vitreport.data.folder import read_folder

    return {split: len(files) for split, files in read_folder(data_dir / name).files.items()}


def open_dataset(request: ImageRequest) -> "ImageArrays":
    """Return the images of a dataset, decoded into the cache if they are not there yet, or damaged there.

    Raises DatasetError if the images are missing or damaged, ResourceError if they cannot be downloaded or kept.
    """
    from vitreport.data.arrays import load_arrays

    return load_arrays(request, _find(request))


def open_without_download(request: ImageRequest) -> "ImageArrays | None":
    """Return the images of a dataset as `open_dataset` does, with unchecked bytes.

    The result is None if there is no such folder, or if they would have to be downloaded.
    """
    from vitreport.data.arrays import load_arrays

    if request.name not in DATASETS and not _is_folder(request.data_dir / request.name):
        return None
    source = _find(request)
    return None if source.remote else load_arrays(request, source, check_bytes=False)


def _find(request: ImageRequest) -> "ImageSource":
    """Find the images of a dataset without decoding them. Raises DatasetError if another dataset has its place."""
    if request.name in DATASETS:
        from vitreport.data.fetch import find_files

        module = import_module(f"vitreport.data.{request.name}")
        source: ImageSource = module.find(request) if hasattr(module, "find") else find_files(request, module.decode)
        return source
    from vitreport.data.folder import image_source, read_folder

    if not _is_folder(folder := request.data_dir / request.name):
        raise DatasetError(f"no image folder {folder}", f"use --dataset with the path of {request.name}")
    return image_source(read_folder(folder, request.note), request.image_size)


def _is_path(dataset: str) -> bool:
    return dataset.startswith((".", "~")) or "/" in dataset or os.sep in dataset
