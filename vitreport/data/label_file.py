"""Images whose classes are in a CSV file beside them, as on Kaggle.

    labels.csv      file,label[,split]      a header line, then one image a line
                    cat/0.png,cat           a path under the root; or the name of a file in the root or in a folder
                    0,cat                   of the root, with or without its ending

The separator is a comma, a semicolon or a tab. The split column, where there is one, says train, val or test.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
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


class _Candidate(NamedTuple):
    """An image that a name could mean; names in the nearest place, with the lowest `rank`, come first."""

    rank: int
    file: ImageFile


def read_label_file(tree: Tree, name: str) -> tuple[list[LabelledImage], int]:
    """Read the images that a CSV file names, in its order, and count the images that it does not name.

    Raises:
        DatasetError: The file cannot be read, or names images that are not there, twice, or without a class.
    """
    rows = _rows(tree, name)
    candidates = _candidates(tree, {row.file.rpartition("/")[0] for row in rows})
    images, missing, lines = [], [], dict[str, int]()
    for row in rows:
        files = _nearest(row, candidates[row.file])
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
    return images, len({each.file.path for group in candidates.values() for each in group}) - len(images)


def _candidates(tree: Tree, folders: set[str]) -> dict[str, list[_Candidate]]:
    """The images in the root, in its folders and in `folders`, by path and by name, with and without ending."""

    @cache
    def subfolders(place: str) -> set[str]:
        return {entry.name for entry in tree.entries(place) if entry.kind == "folder"}

    def exists(folder: str) -> bool:
        """Only folders that were listed are entered."""
        parts = folder.split("/")
        return all(part in subfolders("/".join(parts[:depth])) for depth, part in enumerate(parts))

    root = sorted(subfolders(""))
    places = [("", 0), *((folder, 1 if folder.lower() in NAMES["train"] else 2) for folder in root)]
    places += [(folder, 3) for folder in sorted(folders - {"", *root}) if exists(folder)]
    candidates: dict[str, list[_Candidate]] = defaultdict(list)
    for folder, rank in places:
        for entry in filter(is_image, tree.entries(folder)):
            path = joined(folder, entry.name)
            file = ImageFile(path, entry.size, entry.modified_ns, entry.inode)
            for name in {entry.name, entry.name.rpartition(".")[0]} if rank < 3 else ():
                candidates[name].append(_Candidate(rank, file))
            for name in {path, path.rpartition(".")[0]} if folder else ():
                candidates[name].append(_Candidate(rank, file))
    return candidates


def _nearest(row: _Row, candidates: Sequence[_Candidate]) -> list[ImageFile]:
    """The images that a row can mean: by the path, else in the folder of its split, else in the nearest place."""

    def distance(candidate: _Candidate) -> tuple[bool, bool, int]:
        path = candidate.file.path
        folder = path.split("/")[0].lower() if "/" in path else ""
        return path != row.file, folder not in NAMES.get(row.split, ()), candidate.rank

    nearest = min(map(distance, candidates), default=None)
    return [candidate.file for candidate in candidates if distance(candidate) == nearest]


def _rows(tree: Tree, name: str) -> list[_Row]:
    content = StringIO(read_text(tree, name, "save it as UTF-8"), newline="")
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


def _row(tree: Tree, name: str, number: int, columns: tuple[int, int, int | None], values: Sequence[str]) -> _Row:
    file_column, label_column, split_column = columns
    if len(values) <= max(file_column, label_column, split_column or 0):
        raise _fault(tree, name, number, f"has only {counted(len(values), 'column')}")
    file, label = values[file_column].strip(), values[label_column].strip()
    if not file or not label or not label.isprintable():
        raise _fault(tree, name, number, f"has no {'file name' if not file else 'printable label'}")
    split = ""
    if split_column is not None:
        word = values[split_column].strip().lower()
        split = next((split for split, names in NAMES.items() if word in names), "")
        if not split:
            raise _fault(tree, name, number, f"has the split {word!a}, not train, val or test")
    return _Row(number, file.replace("\\", "/").removeprefix("./"), label, split)


def _fault(tree: Tree, name: str, number: int, words: str) -> DatasetError:
    return DatasetError(f"{tree.place}/{name}, line {number}, {words}", "correct that line")
