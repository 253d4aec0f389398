"""What a trained model attends to, in files or in test images that a run classified rightly and wrongly."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from vitreport.data.arrays import Pixels
from vitreport.data.decode import UndecodableError
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import locate, open_dataset
from vitreport.inference.classifier import Classifier
from vitreport.records.reader import Run
from vitreport.report.figures.attention import Example
from vitreport.runtime import Runtime
from vitreport.store.run_state import refuse_other_images
from vitreport.training.device import memory_errors
from vitreport.training.events import Listener
from vitreport.training.setup import find_determinism


class Picture(NamedTuple):
    """A decoded image uint8 (3, S, S); `label` is its class if that is known."""

    name: str
    pixels: Pixels
    label: str = ""


def pictures_of(files: Sequence[str], model: Classifier) -> tuple[list[Picture], list[str]]:
    """Return the images in files, and what is wrong with those that cannot be decoded."""
    found, faults = list[Picture](), list[str]()
    for file, decoded in zip(files, model.decoded(files), strict=True):
        if isinstance(decoded, UndecodableError):
            faults += decoded.faults
        else:
            found.append(Picture(Path(file).name, decoded))
    return found, faults


def test_pictures(run: Run, most: int, data_dirs: Sequence[Path], listener: Listener) -> list[Picture]:
    """Return test images of a finished run: correct ones, and at most as many of its most confident mistakes.

    Raises DatasetError if the images are missing, or not those of the run.
    """
    assert run.spec
    assert run.record
    assert run.result
    _, home = locate(run.spec.data.dataset, data_dirs)
    arrays = open_dataset(ImageRequest.of(run.spec.data, Runtime(data_dir=home), listener.note, listener.progress))
    refuse_other_images(run.record, arrays.fingerprint, "give images, or the directory of the dataset with --data-dir")
    test, classes = arrays.splits["test"], arrays.classes
    mistakes = [each.index for each in run.result.mistakes.images] if run.result.mistakes else []
    wrong, count = mistakes[: most // 2], len(test.labels)
    bits = run.answers.correct if run.answers else -1  # an older record does not say
    right = [index for index in range(count) if bits >> (count - 1 - index) & 1]
    number = most - len(wrong)
    chosen = right[:: max(1, len(right) // number)][:number] + wrong
    return [Picture(f"test image {i}", test.images[i], classes[test.labels[i]]) for i in chosen]


def explained(model: Classifier, pictures: Sequence[Picture]) -> list[Example]:
    """Return what a model predicts for images, and what it attends to in them. Raises SpecError if that is not seen."""
    images = torch.from_numpy(np.stack([each.pixels for each in pictures]))
    find_determinism(model.network, model.image_size)  # of Grad-CAM's backward pass
    with memory_errors(f"computing {len(images)} attention maps"):
        maps, shares = model.attention(images.to(model.mean.device)).tolist(), model.predict(images)
    return [
        Example(each.name, each.pixels, rows, model.classes[int(of.argmax())], float(of.max()), each.label)
        for each, rows, of in zip(pictures, maps, shares, strict=True)
    ]
