"""Images whose classes are in a CSV file beside them, as on Kaggle.

    labels.csv      file,label[,split]      a header line, then one image a line
                    cat/0.png,cat           a path under the root; or the name of a file in the root or in a folder
                    0,cat                   of the root, with or without its ending

The separator is a comma, a semicolon or a tab. The split column, where there is one, says train, val or test.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import NamedTuple

from vitreport.data.archive import Tree, shown
from vitreport.data.layout import NAMES
from vitreport.data.listing import SUFFIXES, ImageFile, is_image, refuse_dead_links, some
from vitreport.errors import DatasetError
from vitreport.formatting import counted, listed

FILE_COLUMNS = (
    *("file", "filename", "file_name", "image", "image_id", "image_name", "img", "id", "path", "filepath"),
    *("file_path", "image_path", "name"),
)
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target", "species", "breed", "diagnosis")
SPLIT_COLUMNS = ("split", "set", "subset", "partition")
HINT = "begin it with a line of column names, such as file,label (and split, if you have one)"
MAX_BYTES = 2**26


class LabelledImage(NamedTuple):
    """An image, its class and its split ("" where the file does not say it)."""

    file: ImageFile
    label: str
    split: str


class _Row(NamedTuple):
    number: int
    file: str
    label: str
    split: str


def read_label_file(tree: Tree, name: str) -> tuple[list[LabelledImage], int]:
    """Read the images that a CSV file names, in its order, and count the images that it does not name.

    Raises:
        DatasetError: The file cannot be read, or names images that are not there, twice, or without a class.
    """
    rows = _rows(tree, name)
    index = _Index(tree, rows)
    images, missing, seen = [], [], dict[str, int]()
    for row in rows:
        file = index.find(name, row)
        if file is None:
            missing.append(f"{shown(row.file)} (line {row.number})")
        elif file.path in seen:
            raise _fault(tree, name, row.number, f"names {shown(file.path)} again, after line {seen[file.path]}")
        else:
            seen[file.path] = row.number
            images.append(LabelledImage(file, row.label, row.split))
    if missing:
        fault = f"names {len(missing)} of {len(rows)} images that are not there: {some(missing)}"
        raise DatasetError(f"{tree.place}/{name} {fault}", "put the images beside it, or in a folder beside it")
    return images, index.count - len(images)


def _rows(tree: Tree, name: str) -> list[_Row]:
    content = StringIO(_text(tree, name), newline="")
    separator = max(",;\t", key=content.readline().count)
    content.seek(0)
    reader = csv.reader(content, delimiter=separator, strict=True)
    try:
        columns = _columns(tree, name, next(reader, []))
        return [_row(tree, name, reader.line_num, columns, values) for values in reader if any(values)]
    except csv.Error as error:
        raise _fault(tree, name, reader.line_num, f"is not CSV: {error}") from error


def _columns(tree: Tree, name: str, header: Sequence[str]) -> tuple[int, int, int | None]:
    """Where the file name, the label and, if there is one, the split are."""
    names = [each.strip().lower().replace(" ", "_") for each in header]
    split = _place(names, SPLIT_COLUMNS)
    file, label = _place(names, FILE_COLUMNS), _place(names, LABEL_COLUMNS)
    rest = [index for index in range(len(names)) if index not in (file, split)]
    if file is not None and label is None and len(rest) == 1:
        (label,) = rest
    for index, kind, known in ((file, "file name", FILE_COLUMNS), (label, "label", LABEL_COLUMNS)):
        if index is None:
            fault = (
                f"has no column for the {kind}; its first line is {listed([shown(each) for each in header]) or 'empty'}"
            )
            raise DatasetError(f"{tree.place}/{name} {fault}", f"{HINT}; known names: {', '.join(known)}")
    assert file is not None
    assert label is not None
    return file, label, split


def _place(names: Sequence[str], known: Iterable[str]) -> int | None:
    return next((names.index(each) for each in known if each in names), None)


def _row(tree: Tree, name: str, number: int, columns: tuple[int, int, int | None], values: Sequence[str]) -> _Row:
    if len(values) <= max(column for column in columns if column is not None):
        raise _fault(tree, name, number, f"has only {counted(len(values), 'column')}")
    file, label = (values[column].strip() for column in columns[:2] if column is not None)
    if not file or not label or not label.isprintable():
        raise _fault(tree, name, number, f"has no {'file name' if not file else 'printable label'}")
    split = "" if columns[2] is None else values[columns[2]].strip().lower()
    found = next((split_name for split_name, names in NAMES.items() if split in names), "")
    if columns[2] is not None and not found:
        raise _fault(tree, name, number, f"has the split {split!a}, not train, val or test")
    return _Row(number, file.replace("\\", "/").removeprefix("./"), label, found)


class _Index:
    """The images in the root, in its folders, and in the folders that the rows name."""

    def __init__(self, tree: Tree, rows: Sequence[_Row]) -> None:
        self._tree = tree
        self._by_path: dict[str, ImageFile] = {}
        self._by_name: dict[tuple[int, str], list[ImageFile]] = defaultdict(list)
        folders = [entry.name for entry in tree.entries("") if entry.kind == "folder"]
        self._add("", 0)
        for folder in folders:
            self._add(folder, 1 if folder.lower() in NAMES["train"] else 2)
        for folder in sorted({row.file.rpartition("/")[0] for row in rows} - {"", *folders}):
            if self._is_inside(folder):
                self._add(folder, 3)

    @property
    def count(self) -> int:
        return len(self._by_path)

    def find(self, table: str, row: _Row) -> ImageFile | None:
        """The image of a row: by its path, else by its name in the folder of its split, else in the nearest place."""
        if exact := self._by_path.get(row.file):
            return exact
        ranked = [self._by_name.get((rank, row.file), []) for rank in range(4)]
        of_split = [[file for file in files if _root_folder(file) in NAMES.get(row.split, ())] for files in ranked]
        for found in (*of_split, *ranked):
            if len(found) > 1:
                paths = " and ".join(shown(file.path) for file in found[:2])
                raise _fault(self._tree, table, row.number, f"names {shown(row.file)}, which could be {paths}")
            if found:
                return found[0]
        return None

    def _add(self, folder: str, rank: int) -> None:
        entries = self._tree.entries(folder)
        refuse_dead_links(self._tree, folder, [entry for entry in entries if entry.name.lower().endswith(SUFFIXES)])
        for entry in filter(is_image, entries):
            path = f"{folder}/{entry.name}" if folder else entry.name
            self._by_path[path] = file = ImageFile(path, entry.size, entry.modified_ns, entry.inode)
            stem = entry.name.rpartition(".")[0]
            for name in {entry.name, stem} if rank < 3 else ():
                self._by_name[rank, name].append(file)
            self._by_name[rank, path.rpartition(".")[0]].append(file) if folder else None

    def _is_inside(self, folder: str) -> bool:
        """Whether a path leads to a folder under the root: only folders that were listed are entered."""
        place = ""
        for part in folder.split("/"):
            if not any(e.name == part and e.kind == "folder" for e in self._tree.entries(place)):
                return False
            place = f"{place}/{part}" if place else part
        return True


def _root_folder(file: ImageFile) -> str:
    folder, slash, _ = file.path.partition("/")
    return folder.lower() if slash else ""


def _text(tree: Tree, name: str) -> str:
    try:
        with tree.open(name) as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES} bytes")
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise DatasetError(f"{tree.place}/{name} cannot be read: {error}", "save it as UTF-8") from error


def _fault(tree: Tree, name: str, number: int, words: str) -> DatasetError:
    return DatasetError(f"{tree.place}/{name}, line {number}, {words}", "correct that line")
