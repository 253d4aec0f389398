"""The data sets that are known by name. Nothing here loads numpy until images are looked for.

A new data set is a module with `find(places) -> Original` and one entry in DATASETS.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitreport.data.cache import Original, Places


@dataclass(frozen=True)
class DatasetSource:
    """A data set that is known by name.

    `image_size` is the size that a spec takes if it names none, `stored_size` that of the published images;
    `train_count` and `test_count` are those of the published splits. `looked_for` is told to the user, in
    order, relative to the data directory; `in_folder` says that a folder of this name may hold it. `reader` is
    the module that finds the images. `known_overlap` counts the published test images that are also training
    images, where that is known. `kept_as` are the archive and the folder that is unpacked from it.
    """

    name: str
    summary: str
    num_classes: int
    image_size: int
    stored_size: int
    train_count: int
    test_count: int
    looked_for: tuple[str, ...]
    in_folder: bool
    reader: str
    known_overlap: int = 0
    kept_as: tuple[str, ...] = ()

    def find(self, places: "Places") -> "Original":
        """Look for the images, without decoding them. Raises DatasetError where they are damaged."""
        original: Original = import_module(self.reader).find(places)
        return original


_SOURCES = (
    DatasetSource(
        name="digits",
        summary="handwritten digits, grey, 8 x 8, bundled with scikit-learn",
        num_classes=10,
        image_size=32,
        stored_size=8,
        train_count=1437,
        test_count=360,
        looked_for=("the installed scikit-learn",),
        in_folder=False,
        reader="vitreport.data.digits",
    ),
    DatasetSource(
        name="cifar10",
        summary="photographs of animals and vehicles, 32 x 32",
        num_classes=10,
        image_size=32,
        stored_size=32,
        train_count=50_000,
        test_count=10_000,
        looked_for=(
            "cifar-10-python.tar.gz or cifar10/cifar-10-python.tar.gz",
            "cifar-10-batches-py/ or cifar10/cifar-10-batches-py/",
            "cifar10/{train,test}/CLASS/*.png (or .jpg)",
            "else downloaded (170 MB)",
        ),
        in_folder=True,
        reader="vitreport.data.cifar10",
        kept_as=("cifar-10-python.tar.gz", "cifar-10-batches-py"),
    ),
    DatasetSource(
        name="stl10",
        summary="photographs of animals and vehicles, 96 x 96",
        num_classes=10,
        image_size=96,
        stored_size=96,
        train_count=5000,
        test_count=8000,
        looked_for=(
            "stl10_binary.tar.gz or stl10/stl10_binary.tar.gz",
            "stl10_binary/ or stl10/stl10_binary/",
            "stl10/{train,test}/CLASS/*.png (or .jpg)",
            "else downloaded (2.6 GB)",
        ),
        in_folder=True,
        reader="vitreport.data.stl10",
        kept_as=("stl10_binary.tar.gz", "stl10_binary"),
    ),
    DatasetSource(
        name="tinyimagenet",
        summary="photographs of things and animals, 64 x 64, tested on its validation part",
        num_classes=200,
        image_size=64,
        stored_size=64,
        train_count=100_000,
        test_count=10_000,
        looked_for=(
            "tiny-imagenet-200.zip or tinyimagenet/tiny-imagenet-200.zip",
            "tiny-imagenet-200/ or tinyimagenet/tiny-imagenet-200/",
            "tinyimagenet/{train,test}/CLASS/*.png (or .jpg)",
            "else downloaded (248 MB)",
        ),
        in_folder=True,
        reader="vitreport.data.tinyimagenet",
        known_overlap=7,
        kept_as=("tiny-imagenet-200.zip", "tiny-imagenet-200"),
    ),
)
DATASETS = {source.name: source for source in _SOURCES}


def is_altered(name: str, *, canonical: bool) -> bool:
    """Whether images are others than were published under their name; for a folder of the user's nothing was."""
    return name in DATASETS and not canonical


def bytes_in_words(name: str, *, canonical: bool) -> str:
    """Whether images are the published ones: canonical, not canonical, own images."""
    if name not in DATASETS:
        return "own images"
    return "canonical" if canonical else "not canonical"
