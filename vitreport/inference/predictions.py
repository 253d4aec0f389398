"""The most probable classes of image files. Torch is imported only when a model is loaded."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path
from typing import TYPE_CHECKING

from vitreport.data.archive import SUFFIXES, disk_tree, is_image
from vitreport.errors import DatasetError
from vitreport.formatting import counted, listed

if TYPE_CHECKING:
    from vitreport.inference.classifier import Classifier

KNOWN_NAMES = f"names of image files end with {', '.join(SUFFIXES)}"


@dataclass(frozen=True)
class Prediction:
    """The most probable classes of an image file, with their probabilities; `fault` says why there are none."""

    image: str
    classes: tuple[tuple[str, float], ...] = ()
    fault: str = ""


def image_files(paths: Sequence[Path]) -> tuple[list[str], int]:
    """Return these files and the images in directories up to four levels deep, and the number of other files there.

    Raises DatasetError if a path is missing or if there is no image.
    """
    if missing := list(filterfalse(os.path.exists, map(str, paths))):
        hint = "give a run first, then images or their directories"
        raise DatasetError(f"no such file or directory: {listed(missing)}", hint)
    files, ignored = list[str](), 0
    for path in paths:
        if path.is_dir():
            names = [name for name in disk_tree(path).files if not name.endswith("/")]
            found = [str(path / name) for name in names if is_image(name)]
            files += found
            ignored += len(names) - len(found)
        else:
            files.append(str(path))
    if not files:
        raise DatasetError(f"no images in {listed([str(path) for path in paths])}", KNOWN_NAMES)
    return files, ignored


def note_ignored(count: int, note: Callable[[str], None]) -> None:
    """Say how many files of directories are ignored, if any, and how images are named."""
    if count:
        note(f"ignored {counted(count, 'file')}: {KNOWN_NAMES}")


def classify(model: "Classifier", files: Sequence[str], top: int) -> Iterator[Prediction]:
    """Yield the `top` most probable classes of each file, the most probable first."""
    from vitreport.data.decode import UndecodableError  # with numpy

    for file, found in zip(files, model.predict_each(files), strict=True):
        if isinstance(found, UndecodableError):
            yield Prediction(file, fault=found.faults[0])
        else:
            probabilities = found.tolist()
            order = sorted(range(len(probabilities)), key=probabilities.__getitem__, reverse=True)[:top]
            yield Prediction(file, tuple((model.classes[each], probabilities[each]) for each in order))
