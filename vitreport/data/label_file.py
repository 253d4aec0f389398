"""Labels in a CSV file next to the images, as on Kaggle.

    labels.csv      file,label[,split]      a header line, then one image a line
                    cat/0.png,cat           a path under the root; or the name of a file in the root or in a folder
                    0,cat                   of the root, with or without its ending

The separator is a comma, a semicolon or a tab. The split column, if there is one, says train, val or test.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
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
FILE_COLUMNS = (
    *("file", "filename", "file_name", "image", "image_id", "image_name", "img", "id", "path", "filepath"),
    *("file_path", "image_path", "name"),
)
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target", "species", "breed", "diagnosis")
SPLIT_COLUMNS = ("split", "set", "subset", "partition")


class Labelled(NamedTuple):
    """An image file, its class and its split; "" if it is not in a split."""

    split: str
    label: str
    file: Entry


class _Row(NamedTuple):
    """A line of the file: its number, and the file, class and split that it names."""

    number: int
    file: str
    label: str
    split: str


def is_image(entry: Entry) -> bool:
    """Whether the name of an entry that is not a folder ends as that of an image."""
    return entry.kind != "folder" and entry.name.lower().endswith(SUFFIXES)


def read_label_file(tree: DiskTree, name: str) -> tuple[list[Labelled], int]:
    """Read the images that a CSV file names, sorted by path, and count the images that it does not name.

    Raises:
        DatasetError: The file cannot be read, or names images that are missing, ambiguous, named twice or without a
            class.
    """
    rows = list(_rows(tree, name))
    by_name = _images_by_name(tree, {row.file.rpartition("/")[0] for row in rows})
    found: dict[str, Labelled] = {}
    missing = []
    for row in rows:
        files = _nearest(row, by_name[row.file])
        if len(files) > 1:
            both = f"{shown(files[0].path)} and {shown(files[1].path)}"
            raise _fault(tree, name, row.number, f"names {shown(row.file)}, which could be {both}")
        if not files:
            missing.append(f"{shown(row.file)} (line {row.number})")
        elif files[0].path in found:
            raise _fault(tree, name, row.number, f"names {shown(files[0].path)} again")
        else:
            found[files[0].path] = Labelled(row.split, row.label, files[0])
    if missing:
        fault = f"names {len(missing)} of {len(rows)} images that are not there: {listed(missing, 3)}"
        raise DatasetError(f"{tree.place}/{name} {fault}", "put the images next to it, or in a folder next to it")
    known = {file.path for files in by_name.values() for file in files}
    return [found[path] for path in sorted(found)], len(known) - len(found)


def _images_by_name(tree: DiskTree, named: set[str]) -> dict[str, list[Entry]]:
    """The images in the root, in its folders and in the folders `named`, by path and by name, with and without ending.

    Those in folders of folders are known by their paths only.
    """
    contents = {entry.path: tree.entries(entry.path) for entry in tree.entries("") if entry.kind == "folder"}
    top = contents | {"": tree.entries("")}
    for folder in sorted(named - set(top)):
        if all(part and not part.startswith(".") for part in folder.split("/")):  # never leaves the root
            with suppress(DatasetError):  # its images are reported as missing
                contents[folder] = tree.entries(folder)
    images: dict[str, list[Entry]] = defaultdict(list)
    for folder, entries in (top | contents).items():
        for entry in filter(is_image, entries):
            names = {entry.path, entry.name} if folder in top else {entry.path}
            for name in names | {name.rpartition(".")[0] for name in names}:
                images[name].append(entry)
    return images


def _nearest(row: _Row, files: Sequence[Entry]) -> list[Entry]:
    """The files that a row can mean: by the path, else in the folder of its split, else the root, else train/."""

    def distance(file: Entry) -> tuple[bool, ...]:
        folder = file.path.rpartition("/")[0].lower()
        return (
            file.path != row.file,
            folder not in SPLITS.get(row.split, ()),
            folder != "",
            folder not in SPLITS["train"],
        )

    nearest = min(map(distance, files), default=None)
    return [file for file in files if distance(file) == nearest]


def _rows(tree: DiskTree, name: str) -> Iterator[_Row]:
    content = StringIO(read_text(tree, name), newline="")
    separator = max(",;\t", key=content.readline().count)
    content.seek(0)
    reader = csv.DictReader(content, delimiter=separator, restval="", strict=True)
    try:
        file_column, label_column, split_column = _columns(tree, name, reader.fieldnames or [])
        for values in reader:
            if not any(values.values()):
                continue
            file, label = values[file_column].strip(), values[label_column].strip()
            if not file or not label or not label.isprintable():
                raise _fault(tree, name, reader.line_num, "has no file name or no printable label")
            word = "" if split_column is None else values[split_column].strip().lower()
            split = next((split for split, names in SPLITS.items() if word in names), "")
            if split_column is not None and not split:
                raise _fault(tree, name, reader.line_num, f"has the split {word!a}, not train, val or test")
            yield _Row(reader.line_num, file.replace("\\", "/").removeprefix("./"), label, split)
    except csv.Error as error:
        raise _fault(tree, name, reader.reader.line_num, f"is not CSV: {error}") from error


def _columns(tree: DiskTree, name: str, header: Sequence[str]) -> tuple[str, str, str | None]:
    """The columns of the file name, the label and, if there is one, the split."""
    known = {column.strip().lower().replace(" ", "_"): column for column in reversed(header)}

    def first(names: Iterable[str]) -> str | None:
        return next((known[column] for column in names if column in known), None)

    file, label, split = map(first, (FILE_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS))
    rest = [column for column in header if column not in (file, split)]
    if file is not None and label is None and len(rest) == 1:
        (label,) = rest
    if file is None or label is None:
        kind, names = ("file name", FILE_COLUMNS) if file is None else ("label", LABEL_COLUMNS)
        first_line = listed([shown(column) for column in header]) or "empty"
        fault = f"has no column for the {kind}; its first line is {first_line}"
        hint = "begin it with a line of column names, such as file,label (and split, if you have one)"
        raise DatasetError(f"{tree.place}/{name} {fault}", f"{hint}; known names: {', '.join(names)}")
    return file, label, split


def _fault(tree: DiskTree, name: str, number: int, words: str) -> DatasetError:
    return DatasetError(f"{tree.place}/{name}, line {number}, {words}", "correct that line")
