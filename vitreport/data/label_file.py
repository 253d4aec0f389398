"""Labels in a CSV file next to the images, as on Kaggle.

    labels.csv      file,label[,split]      a header line, then one image a line
                    cat/0.png,cat           a path under the root, or a name, with or without its ending
                    0,cat

The separator is a comma, a semicolon or a tab. The split column, if there is one, says train, val or test.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
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
        DatasetError: The file cannot be read, or names an image that is missing, ambiguous, repeated or unlabelled.
    """
    by_name: dict[str, list[File]] = defaultdict(list)
    for image in images:
        for known in {image.path, image.parts[-1]}:
            by_name[known].append(image)
            by_name[known.rpartition(".")[0]].append(image)
    content = StringIO(read_text(tree, name), newline="")
    separator = max(",;\t", key=content.readline().count)
    content.seek(0)
    reader = csv.DictReader(content, delimiter=separator, restval="", strict=True)
    found: dict[str, Labelled] = {}
    try:
        columns = _columns(reader.fieldnames or [])
        for row in filter(lambda row: any(row.values()), reader):
            file, label, word = (None if column is None else row[column].strip() for column in columns)
            labelled = _labelled(file or "", label or "", word, by_name)
            if labelled.file.path in found:
                raise csv.Error(f"names {shown(labelled.file.path)} again")
            found[labelled.file.path] = labelled
    except csv.Error as error:
        fault = f"{tree.place}/{name}, line {reader.reader.line_num}, {error}"
        raise DatasetError(fault, "correct that line, or put the images next to the file") from error
    return [found[path] for path in sorted(found)]


def _labelled(file: str, label: str, word: str | None, by_name: Mapping[str, Sequence[File]]) -> Labelled:
    """Find the image that a line names; among several, the one in the folder of its split. Raises csv.Error."""
    if not file or not label:
        raise csv.Error("has no file name or no label")
    split = next((split for split, names in SPLITS.items() if word and word.lower() in names), "")
    if word is not None and not split:
        raise csv.Error(f"has the split {word!a}, not train, val or test")
    files = by_name.get(file.replace("\\", "/").removeprefix("./"), [])
    if len(files) > 1:
        files = [image for image in files if image.parts[0].lower() in SPLITS[split or "train"]] or files
    if len(files) != 1:
        could_be = f"could be {shown(files[0].path)} and {shown(files[1].path)}" if files else "is not there"
        raise csv.Error(f"names {shown(file)}, which {could_be}")
    return Labelled(split, label, files[0])


def _columns(header: Sequence[str]) -> tuple[str, str, str | None]:
    """Return the columns of the file name, the label and, if there is one, the split. Raises csv.Error."""
    known = {column.strip().lower().replace(" ", "_"): column for column in reversed(header)}
    file, label, split = (next((known[name] for name in names if name in known), None) for names in COLUMNS.values())
    rest = [column for column in header if column not in (file, split)]
    if file is not None and label is None and len(rest) == 1:
        (label,) = rest
    if file is None or label is None:
        kind = "file" if file is None else "label"
        first_line = listed([shown(column) for column in header]) or "empty"
        raise csv.Error(f"has no column for the {kind} ({', '.join(COLUMNS[kind])}), but {first_line}")
    return file, label, split
