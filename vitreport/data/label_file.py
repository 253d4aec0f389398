"""Images whose classes are in a CSV file beside them, as on Kaggle.

    labels.csv      file,label[,split]      a header line, then one image a line
                    cat/0.png,cat           a path under the root; or the name of a file in the root or in a folder
                    0,cat                   of the root, with or without its ending

The separator is a comma, a semicolon or a tab. The split column, where there is one, says train, val or test.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from io import StringIO
from typing import NamedTuple

from vitreport.data.archive import Tree, read_text, shown
from vitreport.data.layout import NAMES
from vitreport.data.listing import ImageFile, is_image, joined, some
from vitreport.errors import DatasetError
from vitreport.formatting import counted, listed

FILE_COLUMNS = (
    *("file", "filename", "file_name", "image", "image_id", "image_name", "img", "id", "path", "filepath"),
    *("file_path", "image_path", "name"),
)
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target", "species", "breed", "diagnosis")
SPLIT_COLUMNS = ("split", "set", "subset", "partition")
HINT = "begin it with a line of column names, such as file,label (and split, if you have one)"


class LabelledImage(NamedTuple):
    """An image, its class and its split ("" where the file does not say it)."""

    file: ImageFile
    label: str
    split: str


class _Row(NamedTuple):
    """A line of the file: its number, and the file, class and split that it names."""

    number: int
    file: str
    label: str
    split: str


def read_label_file(tree: Tree, name: str) -> tuple[list[LabelledImage], int]:
    """Read the images that a CSV file names, in its order, and count the images that it does not name.

    Raises:
        DatasetError: The file cannot be read, or names images that are not there, twice, or without a class.
    """
    rows = list(_rows(tree, name))
    by_name = _images_by_name(tree, {row.file.rpartition("/")[0] for row in rows})
    images, missing, lines = [], [], dict[str, int]()
    for row in rows:
        files = _nearest(row, by_name[row.file])
        if not files:
            missing.append(f"{shown(row.file)} (line {row.number})")
            continue
        path = files[0].path
        if len(files) > 1:
            both = f"{shown(path)} and {shown(files[1].path)}"
            raise _fault(tree, name, row.number, f"names {shown(row.file)}, which could be {both}")
        if path in lines:
            raise _fault(tree, name, row.number, f"names {shown(path)} again, after line {lines[path]}")
        lines[path] = row.number
        images.append(LabelledImage(files[0], row.label, row.split))
    if missing:
        fault = f"names {len(missing)} of {len(rows)} images that are not there: {some(missing)}"
        raise DatasetError(f"{tree.place}/{name} {fault}", "put the images beside it, or in a folder beside it")
    return images, len({file.path for files in by_name.values() for file in files}) - len(images)


def _images_by_name(tree: Tree, folders: set[str]) -> dict[str, list[ImageFile]]:
    """The images in the root, in its folders and in `folders`, by path and by name, with and without ending.

    Those in folders of folders are known by their paths only.
    """

    @cache
    def subfolders(place: str) -> set[str]:
        return {entry.name for entry in tree.entries(place) if entry.kind == "folder"}

    def exists(folder: str) -> bool:
        """Only folders that were listed are entered."""
        parts = folder.split("/")
        return all(part in subfolders("/".join(parts[:depth])) for depth, part in enumerate(parts))

    deeper = folders - {"", *subfolders("")}
    images: dict[str, list[ImageFile]] = defaultdict(list)
    for folder in ("", *sorted(subfolders("")), *sorted(filter(exists, deeper))):
        for entry in filter(is_image, tree.entries(folder)):
            path = joined(folder, entry.name)
            names = {path} if folder in deeper else {path, entry.name}
            for name in names | {name.rpartition(".")[0] for name in names}:
                images[name].append(ImageFile(path, entry.size, entry.modified_ns, entry.inode))
    return images


def _nearest(row: _Row, files: Sequence[ImageFile]) -> list[ImageFile]:
    """The files that a row can mean: by the path, else in the folder of its split, else the root, else train/."""

    def distance(file: ImageFile) -> tuple[bool, ...]:
        folder = file.path.rpartition("/")[0].lower()
        return file.path != row.file, folder not in NAMES.get(row.split, ()), folder != "", folder not in NAMES["train"]

    nearest = min(map(distance, files), default=None)
    return [file for file in files if distance(file) == nearest]


def _rows(tree: Tree, name: str) -> Iterator[_Row]:
    content = StringIO(read_text(tree, name, "save it as UTF-8"), newline="")
    separator = max(",;\t", key=content.readline().count)
    content.seek(0)
    reader = csv.reader(content, delimiter=separator, strict=True)
    try:
        file_column, label_column, split_column = _columns(tree, name, next(reader, []))
        for values in filter(any, reader):
            number = reader.line_num
            if len(values) <= max(file_column, label_column, split_column or 0):
                raise _fault(tree, name, number, f"has only {counted(len(values), 'column')}")
            file, label = values[file_column].strip(), values[label_column].strip()
            if not file or not label or not label.isprintable():
                raise _fault(tree, name, number, f"has no {'file name' if not file else 'printable label'}")
            word = "" if split_column is None else values[split_column].strip().lower()
            split = next((split for split, names in NAMES.items() if word in names), "")
            if split_column is not None and not split:
                raise _fault(tree, name, number, f"has the split {word!a}, not train, val or test")
            yield _Row(number, file.replace("\\", "/").removeprefix("./"), label, split)
    except csv.Error as error:
        raise _fault(tree, name, reader.line_num, f"is not CSV: {error}") from error


def _columns(tree: Tree, name: str, header: Sequence[str]) -> tuple[int, int, int | None]:
    """Where the file name, the label and, if there is one, the split are."""
    names = [column.strip().lower().replace(" ", "_") for column in header]

    def place(known: Iterable[str]) -> int | None:
        return next((names.index(column) for column in known if column in names), None)

    file, label, split = map(place, (FILE_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS))
    rest = [index for index in range(len(names)) if index not in (file, split)]
    if file is not None and label is None and len(rest) == 1:
        (label,) = rest
    if file is None or label is None:
        kind, known = ("file name", FILE_COLUMNS) if file is None else ("label", LABEL_COLUMNS)
        first_line = listed([shown(column) for column in header]) or "empty"
        fault = f"has no column for the {kind}; its first line is {first_line}"
        raise DatasetError(f"{tree.place}/{name} {fault}", f"{HINT}; known names: {', '.join(known)}")
    return file, label, split


def _fault(tree: Tree, name: str, number: int, words: str) -> DatasetError:
    return DatasetError(f"{tree.place}/{name}, line {number}, {words}", "correct that line")
