"""Tiny ImageNet: 110,000 photographs of 64 x 64 pixels in 200 classes, from its archive, its own layout or folders.

Its own layout is described in `wnid_layout`. Any other folder in that layout can be read too, with the classes that it
has.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from vitreport.data.registry import Archive, Dataset
from vitreport.data.request import ImageRequest
from vitreport.errors import DatasetError

if TYPE_CHECKING:
    from vitreport.data.archive import Tree
    from vitreport.data.arrays import Decoding, ImageSource

RENAME_HINT = "rename the folder, or give its path to use it as a data set of your own"


def find(request: ImageRequest) -> "ImageSource":
    """Find the archive, what was unpacked from it, or folders by class; else a download.

    Raises:
        DatasetError: What is found is damaged or has not the 200 classes.
    """
    from vitreport.data import decode, folder, layout, wnid_layout
    from vitreport.data.archive import DiskTree, ZipTree
    from vitreport.data.fetch import find_published
    from vitreport.data.listing import folder_names

    def refuse_part(tree: "Tree", hint: str) -> None:
        _refuse_part(f"{tree.place}/{wnid_layout.WNIDS}", len(wnid_layout.read_wnids(tree)), hint)

    def decode_archive(path: Path) -> "Decoding":
        tree = ZipTree(path, DATASET.kept_as[1], wnid_layout.LAYOUT_HINT)
        refuse_part(tree, "unpack it, and give the folder by its path")
        listing = wnid_layout.list_tree(tree, request.notify, "archive")
        return decode.decoding(listing, DATASET.stored_size, canonical=True)

    def unpacked(root: Path) -> "ImageSource":
        tree = DiskTree(root, wnid_layout.LAYOUT_HINT)
        own_hint = f"give its path to use it as a data set of your own: {tree.place}"
        refuse_part(tree, RENAME_HINT if root.name == DATASET.name else own_hint)
        listing = wnid_layout.list_tree(tree, request.notify, f"folder {root.name} (unpacked, not verified)")
        return folder.image_source(listing, DATASET.stored_size)

    def by_class(root: Path) -> "ImageSource":
        if wnid_layout.is_laid_out(root):
            return unpacked(root)
        classes = folder_names(DiskTree(root, layout.LAYOUT_HINT), "train")
        _refuse_part(f"{root}/train", len(classes), RENAME_HINT)
        return folder.find_by_class(root, DATASET.stored_size, request.notify)

    return find_published(DATASET, request, decode=decode_archive, unpacked=unpacked, by_class=by_class)


DATASET = Dataset(
    name="tinyimagenet",
    title="Tiny ImageNet",
    citation="le2015tinyimagenet",
    summary="photographs of things and animals, 64 x 64, tested on its validation part",
    num_classes=200,
    image_size=64,
    stored_size=64,
    train_count=100_000,
    test_count=10_000,
    find=find,
    archive=Archive(
        file="tiny-imagenet-200.zip",
        md5="90528d7ca1a48142e341f4ef8d21d0de",
        size=248_100_043,
        folder="tiny-imagenet-200",
        mirrors=("http://cs231n.stanford.edu/tiny-imagenet-200.zip",),
    ),
    known_overlap=7,
)


def _refuse_part(place: str, count: int, hint: str) -> None:
    """A part of Tiny ImageNet is another data set: its accuracies are not comparable."""
    if count != DATASET.num_classes:
        raise DatasetError(f"{place} lists {count} classes, {DATASET.name} has {DATASET.num_classes}", hint)
