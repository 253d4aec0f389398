"""Labels in a CSV file next to the images, as on Kaggle.

    labels.csv      file,label[,split]      a header line, then one image a line
                    cat/0.png,cat           a path under the root; or the name of a file in the root or in a folder
                    0,cat                   of the root, with or without its ending

The separator is a comma, a semicolon or a tab. The split column, if there is one, says train, val or test.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import StringIO
from typing import NamedTuple

from vitreport.data.archive import DiskTree, Entry, read_text, shown
from vitreport.errors import DatasetError
from vitreport.formatting import listed

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""The names that a folder or a column may give a split."""
COLUMNS = {
    "file": (
        *("file", "filename", "file_name", "image", "image_id", "image_name", "img", "id", "path", "filepath"),
        *("file_path", "image_path", "name"),
    ),
    "label": ("label", "labels", "class", "class_name", "category", "target", "species", "breed", "diagnosis"),
    "split": ("split", "set", "subset", "partition"),
}


class Labelled(NamedTuple):
    """An image file, its class and its split; "" if it is not in a split."""

    split: str
    label: str
    file: Entry


def is_image(entry: Entry) -> bool:
    """Whether the name of a file ends as that of an image."""
    return not entry.is_folder and entry.name.lower().endswith(SUFFIXES)


def read_label_file(tree: DiskTree, name: str) -> tuple[list[Labelled], int]:
    """Read the images that a CSV file names, sorted by path, and count the images that it does not name.

    Raises:
        DatasetError: The file cannot be read, or names images that are missing, ambiguous, named twice or without a
            class.
    """
    rows = list(_rows(tree, name))
    by_name = _images_by_name(tree, {file.rpartition("/")[0] for _, file, _, _ in rows})
    found: dict[str, Labelled] = {}
    missing = []
    for number, file, label, split in rows:
        named = by_name[file]
        of_split = [entry for entry in named if entry.path.split("/")[0].lower() in SPLITS[split or "train"]]
        files = of_split if len(named) > 1 and of_split else named
        if len(files) > 1:
            both = f"{shown(files[0].path)} and {shown(files[1].path)}"
            raise _fault(tree, name, number, f"names {shown(file)}, which could be {both}")
        if not files:
            missing.append(f"{shown(file)} (line {number})")
        elif files[0].path in found:
            raise _fault(tree, name, number, f"names {shown(files[0].path)} again")
        else:
            found[files[0].path] = Labelled(split, label, files[0])
    if missing:
        fault = f"names {len(missing)} of {len(rows)} images that are not there: {listed(missing, 3)}"
        raise DatasetError(f"{tree.place}/{name} {fault}", "put the images next to it, or in a folder next to it")
    known = {entry.path for entries in by_name.values() for entry in entries}
    return [found[path] for path in sorted(found)], len(known) - len(found)


def _images_by_name(tree: DiskTree, named: set[str]) -> dict[str, list[Entry]]:
    """Find the images in the root, in its folders and in the folders `named`, by path, and in the former two by name.

    Endings may be left out of both.
    """
    root = tree.entries("")
    contents = {"": root, **{entry.path: tree.entries(entry.path) for entry in root if entry.is_folder}}
    by_path_only = named - set(contents)
    for folder in sorted(by_path_only):
        if all(part and not part.startswith(".") for part in folder.split("/")):  # never leaves the root
            with suppress(DatasetError):  # its images are reported as missing
                contents[folder] = tree.entries(folder)
    images: dict[str, list[Entry]] = defaultdict(list)
    for folder, entries in contents.items():
        for entry in filter(is_image, entries):
            names = {entry.path} if folder in by_path_only else {entry.path, entry.name}
            for name in names | {name.rpartition(".")[0] for name in names}:
                images[name].append(entry)
    return images


def _rows(tree: DiskTree, name: str) -> Iterator[tuple[int, str, str, str]]:
    """Yield the number of each line, and the file, class and split that it names."""
    content = StringIO(read_text(tree, name), newline="")
    separator = max(",;\t", key=content.readline().count)
    content.seek(0)
    reader = csv.DictReader(content, delimiter=separator, restval="", strict=True)
    try:
        columns = _columns(tree, name, reader.fieldnames or [])
        for values in reader:
            if not any(values.values()):
                continue
            file, label, word = (values[column].strip() if column is not None else "" for column in columns)
            if not file or not label or not label.isprintable():
                raise _fault(tree, name, reader.line_num, "has no file name or no printable label")
            split = next((split for split, names in SPLITS.items() if word.lower() in names), "")
            if columns[2] is not None and not split:
                raise _fault(tree, name, reader.line_num, f"has the split {word!a}, not train, val or test")
            yield reader.line_num, file.replace("\\", "/").removeprefix("./"), label, split
    except csv.Error as error:
        raise _fault(tree, name, reader.reader.line_num, f"is not CSV: {error}") from error


def _columns(tree: DiskTree, name: str, header: Sequence[str]) -> tuple[str, str, str | None]:
    """Return the columns of the file name, the label and, if there is one, the split."""
    known = {column.strip().lower().replace(" ", "_"): column for column in reversed(header)}
    file, label, split = (next((known[name] for name in names if name in known), None) for names in COLUMNS.values())
    rest = [column for column in header if column not in (file, split)]
    if file is not None and label is None and len(rest) == 1:
        (label,) = rest
    if file is None or label is None:
        kind = "file" if file is None else "label"
        first_line = listed([shown(column) for column in header]) or "empty"
        fault = f"has no column for the {kind}; its first line is {first_line}"
        hint = "begin it with a line of column names, such as file,label (and split, if you have one); known names"
        raise DatasetError(f"{tree.place}/{name} {fault}", f"{hint}: {', '.join(COLUMNS[kind])}")
    return file, label, split


def _fault(tree: DiskTree, name: str, number: int, words: str) -> DatasetError:
    return DatasetError(f"{tree.place}/{name}, line {number}, {words}", "correct that line")
