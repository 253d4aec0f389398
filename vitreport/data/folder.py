"""Images in a folder of the user's own, or in a folder that holds a published data set by class.

How the folder may be laid out is in `layout`, `label_file` and `wnid_layout`, how the images are decoded in `decode`.
Hidden files are ignored. In a folder of the user's own, links are followed wherever they lead.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vitreport.data import wnid_layout
from vitreport.data.archive import DiskTree, Tree
from vitreport.data.arrays import SPLIT_ORDER, ImageSource, Labels
from vitreport.data.decode import VERSION, decoding, first_size
from vitreport.data.holdout import TEST_FRACTION, made_split
from vitreport.data.label_file import LabelledImage, read_label_file
from vitreport.data.layout import LAYOUT_HINT, UNSPLIT, Layout, add_unused, classes_of, find_layout
from vitreport.data.listing import SUFFIXES, Ignored, ImageFile, Listing, image_files, joined, refuse_difference
from vitreport.data.request import IntensityRange, Notify
from vitreport.errors import DatasetError
from vitreport.formatting import counted
from vitreport.spec.data import DatasetFacts

SPLIT_MADE = f"split made by vitreport: {TEST_FRACTION:.0%} of each class for testing, seed 0"


def describe(root: Path, image_size: int | None = None) -> DatasetFacts:
    """Return the facts of a folder of the user's own; without `image_size` its first training image sets the size.

    Raises:
        DatasetError: The folder is not laid out as it should be, or the first image cannot be read.
        SpecError: The first image is not square, or too small or too large.
    """
    if wnid_layout.is_laid_out(root):
        return wnid_layout.describe(root, image_size)
    tree = DiskTree(root, LAYOUT_HINT, linked=SUFFIXES)
    layout = find_layout(tree)
    if layout.label_file:
        images, classes = _table(tree, layout)
        has_validation = {"val", "test"} <= {image.split for image in images}
        first = min(image.file for image in images if image.split in ("", "train"))
    else:
        classes = classes_of(tree, layout)
        has_validation = "val" in layout.roles
        place = next(iter(layout.folders.values()))
        first = image_files(tree, joined(place, classes[0]), Ignored())[0]
    size = image_size or first_size(tree, first)
    return DatasetFacts(root.name, len(classes), size, has_validation=has_validation, data_dir=root.parent)


def list_images(root: Path, notify: Notify = lambda line: None) -> Listing:
    """List the images in a folder of the user's own.

    Raises:
        DatasetError: The folder is not laid out as it should be.
    """
    if wnid_layout.is_laid_out(root):
        return wnid_layout.list_images(root, notify)
    tree = DiskTree(root, LAYOUT_HINT, linked=SUFFIXES)
    layout = find_layout(tree)
    list_split = _listed_by_table if layout.label_file else _listed_by_class
    listing = list_split(tree, layout, notify)
    place = f"{tree.place}/{layout.folders.get('val') or layout.label_file}"
    if SPLIT_MADE in listing.source:
        notify(f"{tree.place}: no test split found: {SPLIT_MADE}, the same for every run")
    elif "val" in listing.files:
        notify(f"{place}: the validation images choose the epoch, unless --set validation=fraction")
    elif "test split: val" in listing.source.lower():
        notify(f"{place}: the validation images are the test split, as there are no other test images")
    return listing


def find_by_class(root: Path, size: int, notify: Notify, classes: Sequence[str] = ()) -> ImageSource:
    """Find the images of a published data set in train/CLASS/ and test/CLASS/; `classes`, if given, must be theirs.

    Raises:
        DatasetError: The folder is not laid out as it should be. Decoding raises it where images do not decode.
    """
    tree = DiskTree(root, LAYOUT_HINT)
    listing = _listed_by_class(tree, Layout({"train": "train", "test": "test"}), notify)
    if classes:
        refuse_difference(tree, f"{tree.place}/train", listing.classes, "the published data set", classes)
    return image_source(listing, size)


def image_source(listing: Listing, size: int, intensity_range: IntensityRange = "full") -> ImageSource:
    """Return the source of images in files of their own, without published checksums.

    Images of another size are resized with antialiasing, then cut to a square in the middle. The identity changes when
    a class, label, path, size or modification time changes, or when a file or the target of a link is replaced. A copy
    of a folder has another identity.
    """
    labels = {split: of_split.tolist() for split, of_split in listing.labels.items()}
    known = (VERSION, intensity_range, listing.source, listing.classes, listing.files, labels)
    identity = hashlib.sha256(repr(known).encode()).hexdigest()
    decode = partial(decoding, listing, size, canonical=False, intensity_range=intensity_range)
    return ImageSource(listing.source, identity, decode)


def _listed_by_class(tree: Tree, layout: Layout, notify: Notify) -> Listing:
    classes = classes_of(tree, layout)
    ignored = Ignored()
    add_unused(tree, layout, ignored)
    files: dict[str, list[ImageFile]] = {}
    labels: dict[str, Labels] = {}
    for split, place in layout.roles.items():
        by_class = [image_files(tree, joined(place, name), ignored) for name in classes]
        files[split] = [file for group in by_class for file in group]
        labels[split] = np.repeat(np.arange(len(classes)), [len(group) for group in by_class])
    ignored.report(tree, notify)
    source = "folder of images"
    if "val" in layout.folders:
        role = "test" if layout.roles != layout.folders else "validation"
        source += f"; {role} split: {layout.folders['val']}"
    return _divided(Listing(tree, classes, files, labels, source))


def _table(
    tree: Tree, layout: Layout, notify: Notify = lambda line: None
) -> tuple[list[LabelledImage], tuple[str, ...]]:
    """The images of the label file and the names of their classes.

    Raises DatasetError where no image is for training, or there are fewer than two classes.
    """
    images, unnamed = read_label_file(tree, layout.label_file)
    place = f"{tree.place}/{layout.label_file}"
    if not any(image.split in ("", "train") for image in images):
        raise DatasetError(f"{place} names no training images", LAYOUT_HINT)
    if unnamed:
        notify(f"{tree.place}: ignored {counted(unnamed, 'image')} that {layout.label_file} does not name")
    names = tuple(sorted({image.label for image in images}))
    if len(names) < 2:
        fault = f"has {len(names)} classes, at least 2 are needed"
        raise DatasetError(f"{place} {fault}", "check which column is the label")
    return images, names


def _listed_by_table(tree: Tree, layout: Layout, notify: Notify) -> Listing:
    images, classes = _table(tree, layout, notify)
    number = {name: label for label, name in enumerate(classes)}
    present = {image.split or UNSPLIT for image in images}
    role = {"val": "test"} if "test" not in present else {}
    files: dict[str, list[ImageFile]] = {}
    labels: dict[str, Labels] = {}
    for split in (name for name in (UNSPLIT, *SPLIT_ORDER) if name in present):
        of_split = sorted((image.file, image.label) for image in images if (image.split or UNSPLIT) == split)
        served = role.get(split, split)
        files[served] = [file for file, _ in of_split]
        labels[served] = np.array([number[label] for _, label in of_split], np.int64)
        if lacking := np.flatnonzero(np.bincount(labels[served], minlength=len(classes)) == 0).tolist():
            fault = f"has no {served} image of the class {classes[lacking[0]]}"
            raise DatasetError(f"{tree.place}/{layout.label_file} {fault}", "every split needs every class")
    instead = "; test split: val" if role and "val" in present else ""
    return _divided(Listing(tree, classes, files, labels, f"images listed in {layout.label_file}{instead}"))


def _divided(listing: Listing) -> Listing:
    """With a test split: a fifth of each class where the folder has none."""
    if "test" in listing.files:
        return listing
    place = UNSPLIT if UNSPLIT in listing.files else "train"
    files, labels = listing.files[place], listing.labels[place]
    parts = dict(zip(("train", "test"), made_split(labels, listing.classes), strict=True))
    return Listing(
        listing.tree,
        listing.classes,
        {split: [files[index] for index in chosen] for split, chosen in parts.items()},
        {split: labels[chosen] for split, chosen in parts.items()},
        f"{listing.source}; {SPLIT_MADE}",
    )
