"""What a trained model attends to, in files or in test images that a run classified correctly and wrongly."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vitreport.data.arrays import Pixels
from vitreport.data.decode import UndecodableError
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import locate, open_dataset
from vitreport.errors import RecordError
from vitreport.inference.attention import method_of
from vitreport.inference.classifier import Classifier
from vitreport.records.folders import check_no_links_in
from vitreport.records.measurement import ClassifiedImage
from vitreport.records.reader import Run
from vitreport.report.figures.attention import Example
from vitreport.runtime import Runtime
from vitreport.store.contact_sheets import write_attention
from vitreport.store.run_state import check_same_images, lock_run
from vitreport.training.device import memory_errors, set_up_device
from vitreport.training.events import Listener
from vitreport.training.setup import find_determinism


@dataclass(frozen=True)
class Picture:
    """A decoded image uint8 (3, S, S); for a test image also its index and that of its class."""

    name: str
    pixels: Pixels
    index: int | None = None
    label: int | None = None


def pictures_of(files: Sequence[str], model: Classifier) -> tuple[list[Picture], list[str]]:
    """Return the images in files, and what is wrong with those that cannot be decoded."""
    found, faults = list[Picture](), list[str]()
    for file, decoded in zip(files, model.decoded(files), strict=True):
        if isinstance(decoded, UndecodableError):
            faults += decoded.faults
        else:
            found.append(Picture(Path(file).name, decoded))
    return found, faults


def chosen_test_images(run: Run, most: int, data_dirs: Sequence[Path], listener: Listener) -> list[Picture]:
    """Return up to `most` test images of a finished run: half of them correct, half its most confident mistakes.

    If few are correct, there are more mistakes. Raises DatasetError if the images are missing, or not those of the run.
    """
    assert run.spec
    assert run.record
    assert run.result
    _, home = locate(run.spec.data.dataset, data_dirs)
    arrays = open_dataset(ImageRequest.of(run.spec.data, Runtime(data_dir=home), listener.note, listener.progress))
    check_same_images(run.record, arrays.fingerprint, "give images, or the directory of the dataset with --data-dir")
    test = arrays.splits["test"]
    mistakes = [each.index for each in run.result.mistakes.images] if run.result.mistakes else list[int]()
    count = len(test.labels)
    bits = run.answers.correct if run.answers else -1  # all bits set: an older record does not say
    right = [index for index in range(count) if bits >> (count - 1 - index) & 1 and index not in mistakes]
    wrong = mistakes[: max(most // 2, most - len(right))]
    number = max(1, most - len(wrong))
    chosen = right[:: max(1, len(right) // number)][:number] + wrong
    return [Picture(f"test image {i}", test.images[i], i, int(test.labels[i])) for i in chosen]


def explained(model: Classifier, pictures: Sequence[Picture]) -> list[Example]:
    """Return what a model predicts for images, and what it attends to. Raises SpecError if it has no attention map."""
    return [
        Example(
            name=each.name,
            pixels=each.pixels,
            map=rows.tolist(),
            predicted=model.classes[int(probabilities.argmax())],
            probability=float(probabilities.max()),
            label="" if each.label is None else model.classes[each.label],
        )
        for each, rows, probabilities in zip(pictures, *_seen(model, pictures), strict=True)
    ]


def _seen(model: Classifier, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor]:
    """Return the attention maps (N, h, w) and the class probabilities (N, classes) of images, on the CPU."""
    images = torch.from_numpy(np.stack([each.pixels for each in pictures]))
    set_up_device(model.mean.device, torch.get_num_threads())  # strict: Grad-CAM has a backward pass
    find_determinism(model.network, model.image_size)
    with memory_errors(f"computing {len(images)} attention maps"):
        return model.attention(images.to(model.mean.device)).cpu(), model.predict(images)


def record_attention(run: Run, most: int, device: str, data_dirs: Sequence[Path], listener: Listener) -> int:
    """Write attention.png and attention.json of a finished run; return the number of test images in them.

    Images that this device classifies differently from the result of the run are left out. Raises SpecError if the
    model has no attention map, RecordError if the run is unusable, BusyError if another process holds it.
    """
    model = Classifier.restore([run], device)
    method, _ = method_of(model.spec.model)
    assert run.result
    with lock_run(run.folder, listener.note):
        check_no_links_in(run.folder)
        pictures = chosen_test_images(run, most, data_dirs, listener)
        maps, probabilities = _seen(model, pictures)
        found = [_classified(*each) for each in zip(pictures, probabilities, strict=True)]
        kept = [i for i, each in enumerate(found) if run.result.agrees_with(each)]
        if not kept:
            fault = f"run {run.id}: its model classifies no image as result.json says"
            raise RecordError(fault, "use the device that the run was trained on")
        pixels = np.stack([pictures[i].pixels for i in kept])
        shown, digest = [found[i] for i in kept], run.result.weights_sha256
        write_attention(run.folder, digest, method, shown, pixels, maps[kept].numpy())
    return len(kept)


def _classified(picture: Picture, probabilities: Tensor) -> ClassifiedImage:
    assert picture.index is not None
    assert picture.label is not None
    return ClassifiedImage(
        index=picture.index,
        label=picture.label,
        predicted=int(probabilities.argmax()),
        confidence=min(1.0, float(probabilities.max())),
    )
