"""The data sets that can be named. Nothing here loads numpy until the facts of a data set are asked for.

A new data set is a module `vitreport.data.NAME` with a `DATASET`, and its name in NAMES.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vitreport.data.arrays import ImageSource
    from vitreport.data.request import ImageRequest

NAMES = ["digits", "cifar10", "stl10", "tinyimagenet"]
"""In the order in which they are listed."""


@dataclass(frozen=True)
class Archive:
    """The file that a data set is published as: its name, md5 and size in bytes.

    `folder` is the folder that it unpacks to, `files` has the md5 of the files in it, if they are known, and `mirrors`
    are the addresses to download it from.
    """

    file: str
    md5: str
    size: int
    folder: str
    mirrors: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def size_in_words(self) -> str:
        return f"{self.size / 1e9:.1f} GB" if self.size >= 1e9 else f"{self.size / 1e6:.3g} MB"


@dataclass(frozen=True)
class Dataset:
    """A published data set.

    Attributes:
        name: Its name, which is that of its module.
        title: Its name in reports.
        citation: Its key in the bibliography; "" for none.
        summary: What it holds, in a few words.
        num_classes: The number of classes.
        image_size: The size that a spec takes by default.
        stored_size: The size of the published images, to which they are decoded.
        train_count: The number of published training images.
        test_count: The number of published test images.
        find: Looks for the images without decoding them. Raises DatasetError where they are damaged.
        archive: What it is downloaded as; None if it comes with a package.
        known_overlap: The number of published test images that are also training images.
    """

    name: str
    title: str
    citation: str
    summary: str
    num_classes: int
    image_size: int
    stored_size: int
    train_count: int
    test_count: int
    find: Callable[["ImageRequest"], "ImageSource"]
    archive: Archive | None = None
    known_overlap: int = 0

    @property
    def kept_as(self) -> tuple[str, ...]:
        """The names of the archive and of the folder that it unpacks to."""
        return (self.archive.file, self.archive.folder) if self.archive else ()

    @property
    def looked_for(self) -> tuple[str, ...]:
        """The places of the images in the data directory, in the order in which they are tried."""
        if not self.archive:
            return ("the installed scikit-learn",)
        archive, folder = self.kept_as
        return (
            f"{archive} or {self.name}/{archive}",
            f"{folder}/ or {self.name}/{folder}/",
            f"{self.name}/{{train,test}}/CLASS/*.png (or .jpg)",
            f"else downloaded ({self.archive.size_in_words})",
        )

    def as_plain(self) -> dict[str, Any]:
        """JSON values."""
        names = ("name", "summary", "num_classes", "image_size", "stored_size", "train_count", "test_count")
        values = {name: getattr(self, name) for name in (*names, "looked_for", "known_overlap", "kept_as")}
        return values | {"in_folder": self.archive is not None}


class _Registry(Mapping[str, Dataset]):
    """The data sets by name; the module of one is imported when its facts are first asked for."""

    def __getitem__(self, name: str) -> Dataset:
        if name not in NAMES:
            raise KeyError(name)
        dataset: Dataset = import_module(f"vitreport.data.{name}").DATASET
        return dataset

    def __contains__(self, name: object) -> bool:
        return name in NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


DATASETS: Mapping[str, Dataset] = _Registry()


def dataset_title(dataset: str) -> str:
    """Return the title of a dataset, by its name or its id in a report: CIFAR-10, CIFAR-10 (8b8b8b8b)."""
    name = dataset.partition(" (")[0]
    return DATASETS[name].title + dataset.removeprefix(name) if name in DATASETS else dataset


def is_altered(name: str, *, canonical: bool) -> bool:
    """Whether images are others than were published under their name; for a folder of the user's nothing was."""
    return name in DATASETS and not canonical


def bytes_in_words(name: str, *, canonical: bool) -> str:
    """Whether images are the published ones: canonical, not canonical, own images."""
    if name not in DATASETS:
        return "own images"
    return "canonical" if canonical else "not canonical"
