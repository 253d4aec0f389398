"""Images in a folder of the user's own, or in a folder that holds a published data set by class.

How the folder may be laid out is in `layout` and `label_file`, how the images are decoded in `decode`. Hidden files are
ignored. In a folder of the user's own, links are followed wherever they lead.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vitreport.data.archive import DiskTree, Tree
from vitreport.data.cache import Notify, Original
from vitreport.data.decode import VERSION, FirstImage, IntensityRange, decoding, first_image
from vitreport.data.label_file import LabelledImage, read_label_file
from vitreport.data.layout import LAYOUT_HINT, UNSPLIT, Layout, add_unused, classes_of, find_layout
from vitreport.data.listing import SUFFIXES, Ignored, ImageFile, Listing, image_files, refuse_difference
from vitreport.data.split import TEST_FRACTION, made_split
from vitreport.data.splits import SPLIT_ORDER, Labels
from vitreport.errors import DatasetError
from vitreport.formatting import counted

SPLIT_MADE = f"split made by vitreport: {TEST_FRACTION:.0%} of each class for testing, seed 0"


def find_in(root: Path, size: int, notify: Notify, intensity_range: IntensityRange = "full") -> Original:
    """Find the images in a folder of the user's own, to be decoded to `size` x `size` pixels.

    Images of another size are resized with antialiasing, then cut to a square in the middle.

    Raises:
        DatasetError: The folder is not laid out as it should be. Decoding raises it where images do not decode.
    """
    return loose_original(_listed(_own(root), notify), size, intensity_range)


def find_by_class(root: Path, size: int, notify: Notify, classes: Sequence[str] = ()) -> Original:
    """Find the images of a published data set in train/CLASS/ and test/CLASS/; `classes`, if given, must be theirs.

    Raises:
        DatasetError: The folder is not laid out as it should be. Decoding raises it where images do not decode.
    """
    tree = DiskTree(root, LAYOUT_HINT)
    listing = _listed_by_class(tree, find_layout(tree, published=True), notify)
    if classes:
        refuse_difference(tree, f"{tree.place}/train", listing.classes, "the published data set", classes)
    return loose_original(listing, size)


def num_classes(root: Path) -> int:
    """Count the classes. Raises DatasetError where the folder is not laid out as it should be."""
    tree = _own(root)
    layout = find_layout(tree)
    if layout.label_file:
        return len(_class_names(tree, layout, _table(tree, layout)[0]))
    return len(classes_of(tree, layout))


def has_validation(root: Path) -> bool:
    """Whether the folder has validation images beside training and test images."""
    tree = _own(root)
    layout = find_layout(tree)
    if layout.label_file:
        return {"val", "test"} <= {image.split for image in _table(tree, layout)[0]}
    return "val" in layout.roles


def first(root: Path) -> FirstImage:
    """Read the size of the first image in sorted order, of the training images where the folder has a split."""
    tree = _own(root)
    layout = find_layout(tree)
    if layout.label_file:
        images = [image for image in _table(tree, layout)[0] if image.split in ("", "train")]
        return first_image(tree, min(image.file for image in images))
    place, name = next(iter(layout.folders.values())), classes_of(tree, layout)[0]
    return first_in(tree, f"{place}/{name}" if place else name)


def first_in(tree: Tree, folder: str) -> FirstImage:
    """Read the size of the first image in a folder."""
    return first_image(tree, image_files(tree, folder, Ignored())[0])


def count_images(root: Path) -> dict[str, int]:
    """Count the images of each split. Raises DatasetError where the folder is not laid out as it should be."""
    return _listed(_own(root), notify=lambda line: None).counts()


def loose_original(listing: Listing, size: int, intensity_range: IntensityRange = "full") -> Original:
    """Images in files of their own, without published checksums.

    Their identity changes when a class, label, path, size or modification time changes, or when a file or the target
    of a link is replaced. A copy of a folder has another identity.
    """
    labels = {split: found.tolist() for split, found in listing.labels.items()}
    known = (VERSION, intensity_range, listing.source, listing.classes, listing.files, labels)
    identity = hashlib.sha256(repr(known).encode()).hexdigest()
    decode = partial(decoding, listing, size, canonical=False, intensity_range=intensity_range)
    return Original(listing.source, identity, decode)


def _own(root: Path) -> DiskTree:
    return DiskTree(root, LAYOUT_HINT, linked=SUFFIXES)


def _listed(tree: Tree, notify: Notify) -> Listing:
    layout = find_layout(tree)
    listing = _listed_by_table(tree, layout, notify) if layout.label_file else _listed_by_class(tree, layout, notify)
    if about := _about(layout, listing):
        notify(f"{tree.place}{about}")
    return listing


def _about(layout: Layout, listing: Listing) -> str:
    """What the user should know about the splits, after the path of the folder; "" where all are as usual."""
    place = f"/{layout.folders.get('val') or layout.label_file}"
    if SPLIT_MADE in listing.source:
        return f": no test split found: {SPLIT_MADE}, the same for every run"
    if "val" in listing.files:
        return f"{place}: the validation images choose the epoch, unless --set validation=fraction"
    if "test split: val" in listing.source.lower():
        return f"{place}: the validation images are the test split, as there are no other test images"
    return ""


def _listed_by_class(tree: Tree, layout: Layout, notify: Notify) -> Listing:
    classes = classes_of(tree, layout)
    ignored = Ignored()
    add_unused(tree, layout, ignored)
    files: dict[str, list[ImageFile]] = {}
    labels: dict[str, Labels] = {}
    for split, place in layout.roles.items():
        by_class = [image_files(tree, f"{place}/{name}" if place else name, ignored) for name in classes]
        files[split] = [file for group in by_class for file in group]
        labels[split] = np.repeat(np.arange(len(classes)), [len(group) for group in by_class])
    ignored.report(tree, notify)
    return _divided(Listing(tree, classes, files, labels, _source(layout)))


def _source(layout: Layout) -> str:
    if UNSPLIT in layout.folders:
        return f"folder of images; {SPLIT_MADE}"
    if layout.roles != layout.folders:
        return f"folder of images; test split: {layout.folders['val']}"
    own = f"; validation split: {layout.folders['val']}" if "val" in layout.folders else ""
    return f"folder of images{own}"


def _table(tree: Tree, layout: Layout) -> tuple[list[LabelledImage], int]:
    """The images of the label file, and how many it does not name. Raises DatasetError where none is for training."""
    images, unnamed = read_label_file(tree, layout.label_file)
    if not any(image.split in ("", "train") for image in images):
        raise DatasetError(f"{tree.place}/{layout.label_file} names no training images", LAYOUT_HINT)
    return images, unnamed


def _class_names(tree: Tree, layout: Layout, images: Sequence[LabelledImage]) -> tuple[str, ...]:
    names = tuple(sorted({image.label for image in images}))
    if len(names) < 2:
        fault = f"has {len(names)} classes, at least 2 are needed"
        raise DatasetError(f"{tree.place}/{layout.label_file} {fault}", "check which column is the label")
    return names


def _listed_by_table(tree: Tree, layout: Layout, notify: Notify) -> Listing:
    images, unnamed = _table(tree, layout)
    if unnamed:
        notify(f"{tree.place}: ignored {counted(unnamed, 'image')} that {layout.label_file} does not name")
    classes = _class_names(tree, layout, images)
    number = {name: label for label, name in enumerate(classes)}
    found = {image.split or UNSPLIT for image in images}
    role = {"val": "test"} if "test" not in found else {}
    files: dict[str, list[ImageFile]] = {}
    labels: dict[str, Labels] = {}
    for split in (each for each in (UNSPLIT, *SPLIT_ORDER) if each in found):
        own = sorted((image for image in images if (image.split or UNSPLIT) == split), key=lambda each: each.file)
        files[role.get(split, split)] = [image.file for image in own]
        labels[role.get(split, split)] = np.array([number[image.label] for image in own], np.int64)
    instead = "; test split: val" if role and "val" in found else ""
    listing = Listing(tree, classes, files, labels, f"images listed in {layout.label_file}{instead}")
    _refuse_missing_classes(listing, layout)
    return _divided(listing)


def _refuse_missing_classes(listing: Listing, layout: Layout) -> None:
    """Raise DatasetError where a split has no image of a class."""
    for split, labels in listing.labels.items():
        if lacking := np.flatnonzero(np.bincount(labels, minlength=len(listing.classes)) == 0).tolist():
            fault = f"has no {split} image of the class {listing.classes[lacking[0]]}"
            raise DatasetError(f"{listing.tree.place}/{layout.label_file} {fault}", "every split needs every class")


def _divided(listing: Listing) -> Listing:
    """With a test split: a fifth of each class where the folder has none."""
    place = UNSPLIT if UNSPLIT in listing.files else "train"
    if "test" in listing.files:
        return listing
    files = listing.files[place]
    parts = dict(zip(("train", "test"), made_split(listing.labels[place], listing.classes), strict=True))
    source = listing.source if SPLIT_MADE in listing.source else f"{listing.source}; {SPLIT_MADE}"
    return Listing(
        listing.tree,
        listing.classes,
        {split: [files[index] for index in chosen] for split, chosen in parts.items()},
        {split: listing.labels[place][chosen] for split, chosen in parts.items()},
        source,
    )
