"""Where the images of a data set are, named or in a folder. Nothing here loads numpy until images are asked for."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vitreport.data.catalogue import DATASETS
from vitreport.errors import DatasetError, Problem, SpecError

if TYPE_CHECKING:
    from vitreport.data.cache import ImageArrays, Original, Places
    from vitreport.data.decode import FirstImage, IntensityRange
    from vitreport.spec.data import DatasetFacts


class _FolderReader(Protocol):
    """A module that reads folders which may lie anywhere."""

    def num_classes(self, root: Path) -> int: ...
    def has_validation(self, root: Path) -> bool: ...
    def first(self, root: Path) -> "FirstImage": ...
    def count_images(self, root: Path) -> dict[str, int]: ...
    def find_in(
        self, root: Path, size: int, notify: Callable[[str], None], intensity_range: "IntensityRange"
    ) -> "Original": ...


def locate(dataset: str, data_dir: Path) -> tuple[str, Path]:
    """The name of a data set and the directory that holds it.

    A path (with a separator, or beginning with "." or "~") becomes its last part and its absolute parent; a
    plain name stays in `data_dir`. Raises DatasetError for a path that no system could have.
    """
    if not _is_path(dataset):
        return dataset, data_dir
    try:
        path = Path(dataset).expanduser()
        path = path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, an unknown user, a null character
        raise DatasetError(f"the data set {dataset!a} is not a usable path: {error}") from error
    return path.name, path.parent


def home_of(dataset: str, data_dirs: Sequence[Path]) -> Path:
    """The first of these folders that holds a data set, else the first, where it would be downloaded to."""
    names = (dataset, *(DATASETS[dataset].kept_as if dataset in DATASETS else ()))
    holding = (folder for folder in data_dirs if any(map(os.path.exists, (folder / name for name in names))))
    return next(holding, data_dirs[0])


def describe(dataset: str, data_dir: Path, image_size: int | None = None) -> "DatasetFacts":
    """The facts of a data set given by name or by path, without decoding it.

    The size of a folder's images is that of its first one; with `image_size`, the size that the user chose, none
    is opened. Raises SpecError for an unknown name or images that are not square, DatasetError for a path that is
    no folder of images.
    """
    from vitreport.spec.data import DatasetFacts

    name, home = locate(dataset, data_dir)
    if _is_path(dataset):
        _check_path(home / name)
    elif name not in DATASETS and not (name and _is_folder(home / name)):
        raise _unknown(name)
    if source := DATASETS.get(name):
        return DatasetFacts(name, source.num_classes, image_size or source.image_size, source.train_count)
    reader = _folder_reader(home / name)
    root = home / name
    size = image_size or _size(reader.first(root))
    return DatasetFacts(name, reader.num_classes(root), size, has_validation=reader.has_validation(root))


def count_images(name: str, data_dir: Path) -> dict[str, int]:
    """The images of each split: those that were published, or those in a folder of the user's own.

    Raises DatasetError for a folder that is not laid out as it should be.
    """
    if source := DATASETS.get(name):
        return {"train": source.train_count, "test": source.test_count}
    return _folder_reader(data_dir / name).count_images(data_dir / name)


def open_dataset(
    name: str,
    *,
    image_size: int,
    data_dir: Path,
    cache_dir: Path,
    notify: Callable[[str], None],
    progress: Callable[[str, int, int | None], None],
    check_bytes: bool = True,
    intensity_range: "IntensityRange" = "full",
) -> "ImageArrays":
    """The images of a data set, decoded into the cache if they are not there yet.

    A named data set keeps its published size, any other is decoded to `image_size`, and its 16-bit grey by
    `intensity_range`. `notify` is told a line for
    the user, `progress` (label, done, total) in images while decoding and in bytes while downloading. With
    `check_bytes` the arrays in the cache are hashed, and decoded again where they have been damaged. Raises
    DatasetError where the images are missing or damaged, ResourceError where they cannot be fetched or kept.
    """
    from vitreport.data import cache

    places = cache.Places(data_dir, cache_dir, notify, progress)
    return cache.cached(name, *_original(name, image_size, places, intensity_range), places, check_bytes=check_bytes)


def open_present(
    name: str,
    *,
    image_size: int,
    data_dir: Path,
    cache_dir: Path,
    notify: Callable[[str], None],
    progress: Callable[[str, int, int | None], None],
    intensity_range: "IntensityRange" = "full",
) -> "ImageArrays | None":
    """The images of a data set as they are here now, decoded if they are not yet; nothing is ever downloaded.

    None where there is no such folder, or where the images would have to be downloaded and no decoded copy is in the
    cache. The bytes in the cache are not checked. Raises DatasetError and ResourceError as `open_dataset` does.
    """
    from vitreport.data import cache

    if name not in DATASETS and not _is_folder(data_dir / name):
        return None
    places = cache.Places(data_dir, cache_dir, notify, progress)
    size, original = _original(name, image_size, places, intensity_range)
    if original.remote:
        return cache.decoded(name, size, original, places)
    return cache.cached(name, size, original, places, check_bytes=False)


def open_decoded(
    name: str, *, image_size: int, data_dir: Path, cache_dir: Path, intensity_range: "IntensityRange" = "full"
) -> "ImageArrays | None":
    """The images of a data set if they have been decoded already and are still those that are here, else None.

    The bytes in the cache are not checked.
    """
    from vitreport.data import cache

    places = cache.Places(data_dir, cache_dir, notify=lambda line: None, progress=lambda label, done, total: None)
    try:
        return cache.decoded(name, *_original(name, image_size, places, intensity_range), places)
    except DatasetError:
        return None


def _original(
    name: str, image_size: int, places: "Places", intensity_range: "IntensityRange"
) -> "tuple[int, Original]":
    """The size to decode a data set to, and where its images are."""
    if source := DATASETS.get(name):
        if intensity_range == "train":
            fault = f'data.intensity_range = "train" is for 16-bit images, those of {name} have 8 bits'
            raise DatasetError(fault, "leave it out")
        return source.stored_size, source.find(places)
    root = places.data_dir / name
    return image_size, _folder_reader(root).find_in(root, image_size, places.notify, intensity_range)


def _folder_reader(root: Path) -> "_FolderReader":
    """The reader of a folder of the user's own: by class, or in the layout of Tiny ImageNet."""
    from vitreport.data import folder, tinyimagenet

    return tinyimagenet if tinyimagenet.is_laid_out(root) else folder


def _is_path(dataset: str) -> bool:
    return dataset.startswith((".", "~")) or "/" in dataset or os.sep in dataset


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long for the system, a folder that may not be entered
        return False


def _check_path(path: Path) -> None:
    from vitreport.data.layout import LAYOUT_HINT

    if not _is_folder(path):
        raise DatasetError(f"{path} is not a folder", f"give a folder of images: {LAYOUT_HINT}")
    if path.name in DATASETS and not DATASETS[path.name].in_folder:
        raise DatasetError(f"{path}: the name {path.name} is taken by a data set of that name", "rename the folder")


def _unknown(name: str) -> SpecError:
    from vitreport.spec.fields import did_you_mean

    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    if name and _is_folder(Path(name)):
        hint = f"write ./{name} for the folder here"
    else:
        hint = f"{did_you_mean(plain, DATASETS)} (a folder of images works too)"
    return SpecError(problems=[Problem("data.dataset", "unknown data set", hint, repr(name))])


def _size(first: "FirstImage") -> int:
    """The size that the first image sets. Raises SpecError where it is not square, or too small or too large."""
    from vitreport.data.archive import shown
    from vitreport.spec.data import LARGEST_SIDE, SMALLEST_SIDE

    image = f"the first image, {shown(first.path)}, is {first.width} x {first.height} pixels"
    if first.width != first.height:
        fault = f"{image}, not square"
    elif first.width > LARGEST_SIDE:
        fault = f"{image}, more than {LARGEST_SIDE} x {LARGEST_SIDE}"
    elif first.width < SMALLEST_SIDE:
        fault = f"{image}, fewer than {SMALLEST_SIDE} x {SMALLEST_SIDE}"
    else:
        return first.width
    hint = "set image_size to choose the size, such as 64"
    raise SpecError(problems=[Problem("data.image_size", fault, hint)])
