"""The datasets that can be named, and requests for their images. Nothing here loads numpy.

A new dataset is an entry in datasets.toml and a module `vitreport.data.NAME` with a function `decode`
if its archive holds a few files with known checksums, or else `find`.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from vitreport.formatting import compact
from vitreport.runtime import Runtime
from vitreport.spec.data import DataSpec

Note = Callable[[str], None]
Progress = Callable[[str, int, int | None], None]


def silent(*_: object) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class ImageRequest:
    """A request for the images of a dataset: a name in DATASETS, or that of a folder in `data_dir`.

    `image_size` is the size to decode a folder to; published datasets keep theirs. `cache_dir` is for decoded images.
    `note` receives lines for the user, `progress` (label, done, total) in images or, while downloading, in bytes.
    """

    name: str
    image_size: int
    data_dir: Path
    cache_dir: Path
    note: Note = silent
    progress: Progress = silent

    @classmethod
    def of(cls, data: DataSpec, runtime: Runtime, note: Note = silent, progress: Progress = silent) -> Self:
        """Return the request for the images of a spec."""
        return cls(data.dataset, data.image_size, runtime.data_dir, runtime.cache_dir, note, progress)

    @property
    def decoded_size(self) -> int:
        """The side of the decoded images."""
        return decoded_size(self.name, self.image_size)


def decoded_size(dataset: str, image_size: int) -> int:
    """Return the side of the decoded images of a dataset: published ones keep theirs."""
    return DATASETS[dataset].stored_size if dataset in DATASETS else image_size


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
    mirrors: Sequence[str]
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PublishedDataset:
    """A published dataset, named as its module, with the counts of its images.

    `title` is its name in reports and `citation` its key in the bibliography ("" for none). Images are decoded to their
    published size, `stored_size`; a spec takes `image_size` by default. `classes` are empty where its files name them.
    Without an `archive` it comes with a package. `known_overlap` published test images are also training images.
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
    classes: tuple[str, ...] = ()
    archive: Archive | None = None
    known_overlap: int = 0

    @property
    def places(self) -> str:
        """The places of the images in the data directory, in the order in which they are tried."""
        if not self.archive:
            return "the installed scikit-learn"
        archive, folder, size = self.archive.file, self.archive.folder, compact(self.archive.size)
        return f"{archive}, {folder}/ or {self.name}/{{train,test}}/CLASS/; else downloaded ({size}B)"


FACTS = tomllib.loads(Path(__file__).with_name("datasets.toml").read_text("utf-8"))
DATASETS: Mapping[str, PublishedDataset] = TypeAdapter(dict[str, PublishedDataset]).validate_python(
    {name: {"name": name, **facts} for name, facts in FACTS.items()}
)
"""In the order in which they are listed."""


def dataset_title(dataset: str) -> str:
    """Return the title of a dataset, by its name or its id in a report: CIFAR-10, CIFAR-10 (8b8b8b8b)."""
    name = dataset.partition(" (")[0]
    return DATASETS[name].title + dataset.removeprefix(name) if name in DATASETS else dataset


def is_altered(name: str, *, canonical: bool) -> bool:
    """Return whether images differ from those published under their name; a user's own were not published."""
    return name in DATASETS and not canonical


def bytes_in_words(name: str, *, canonical: bool) -> str:
    """Describe whether images are the published ones: as published, not as published, own images."""
    if name not in DATASETS:
        return "own images"
    return "as published" if canonical else "not as published"
