"""Labels in a CSV file next to the images, as on Kaggle.

    labels.csv      file,label[,split]      a header line, then one image a line
                    cat/0.png,cat           a path under the root, or a name, with or without its ending
                    0,cat

The separator is a comma, a semicolon or a tab. The split column, if there is one, says train, val or test.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import NamedTuple

from vitreport.data.archive import DiskTree, File, read_text, shown
from vitreport.errors import DatasetError
from vitreport.formatting import listed

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
    file: File


def read_label_file(tree: DiskTree, name: str, images: Sequence[File]) -> list[Labelled]:
    """Return those of the images that a CSV file names, sorted by path.

    Raises:
        DatasetError: The file cannot be read, or names images that are missing, ambiguous, named twice or without a
            class.
    """
    by_name: dict[str, list[File]] = defaultdict(list)
    for image in images:
        for known in {image.path, image.parts[-1]}:
            by_name[known].append(image)
            by_name[known.rpartition(".")[0]].append(image)
    found: dict[str, Labelled] = {}
    missing = []
    for number, file, label, split in _rows(tree, name):
        files = by_name.get(file, [])
        of_split = [image for image in files if image.parts[0].lower() in SPLITS[split or "train"]]
        files = of_split if len(files) > 1 and of_split else files
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
        fault = f"names {len(missing)} of {len(missing) + len(found)} images that are not there: {listed(missing, 3)}"
        raise DatasetError(f"{tree.place}/{name} {fault}", "put the images next to it, or in a folder next to it")
    return [found[path] for path in sorted(found)]


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
