"""A trained model that prepares images as in training and classifies them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from vitreport.data.archive import Tree
from vitreport.data.arrays import Pixels
from vitreport.data.batches import normalized, resized
from vitreport.data.decode import FORMATS, UndecodableError, decode_files, picture, undecodable
from vitreport.data.registry import decoded_size
from vitreport.errors import SpecError
from vitreport.inference.attention import attention_maps, method_of
from vitreport.models.memory_format import place_network
from vitreport.records.reader import Run
from vitreport.records.run import DataRecord
from vitreport.spec.data import CHANNELS
from vitreport.spec.run import RunSpec
from vitreport.store.evaluation import restore
from vitreport.training.device import autocast, choose_device, memory_errors, set_up_device
from vitreport.training.evaluate import evaluation_batch_size
from vitreport.training.setup import channel_statistics
from vitreport.untrusted_files import open_bounded

AnyImage: TypeAlias = str | Path | Image.Image | NDArray[np.uint8] | Tensor
"""A file, a Pillow image, an array (H, W, 3) or a tensor (3, H, W)."""
IMAGES_HINT = f"check the paths, and replace damaged images; known formats: {', '.join(FORMATS)}"


class Classifier(nn.Module):
    """The trained model of a run, or of several seeds, with its preprocessing.

    Call it with a tensor of square RGB images (N, 3, H, W): integers from 0 to 255, or floating point from 0 to 1. It
    resizes them to `image_size` (bilinear, antialiased), normalizes the channels as in training and returns logits
    (N, classes). Their softmax gives the class probabilities; for several seeds, these are the means over the seeds.
    For other images, such as files, use `predict`.

    Attributes:
        classes: The names of the classes, in the order of the logits.
        image_size: The side of the images that the network takes.
        runs: The ids of the runs.
        spec: The spec of the first run.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, runs: Sequence[str], spec: RunSpec, data: DataRecord) -> None:
        super().__init__()
        self.network = network
        self.classes = data.classes
        self.image_size = spec.data.image_size
        self.runs = tuple(runs)
        self.spec = spec
        for name, values in zip(("mean", "std"), channel_statistics(spec, data), strict=True):
            self.register_buffer(name, torch.tensor(values))

    @classmethod
    def restore(cls, runs: Sequence[Run], device: str) -> Self:
        """Restore finished runs of one group. Raises RecordError if one is unusable or was trained on other images."""
        network, spec, record = restore(runs)
        model = cls(network, [run.id for run in runs], spec, record.data)
        chosen = choose_device(device)
        with memory_errors("moving the model to the device"):
            if chosen.type == "cuda":  # so that the numbers are those of `vitreport eval`: no TF32
                set_up_device(chosen, torch.get_num_threads(), is_training=False)
            place_network(network, chosen)  # also laid out as `vitreport eval` does it
            return model.eval().to(chosen)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, classes) of images (N, 3, H, W)."""
        logits: Tensor = self.network(self._prepared(images))
        return logits.float()

    def _prepared(self, images: Tensor) -> Tensor:
        scaled = images.to(torch.promote_types(self.mean.dtype, torch.float32))  # a CPU resizes no float16
        if not images.is_floating_point():
            scaled = scaled / 255
        return normalized(resized(scaled, self.image_size), self.mean, self.std).to(self.mean.dtype)

    def attention(self, images: Tensor) -> Tensor:
        """Return which parts of images (N, 3, H, W), as a call takes them, the model attends to.

        The maps (N, h, w) are from 0 to 1, the largest value of each image. Those of several seeds are averaged. Raises
        SpecError if there are none, for example of a model with a single token. The guide "Use a trained model"
        describes the method for each architecture.
        """
        _, maps_of = method_of(self.spec.model)
        with torch.no_grad(), evaluating(self):
            prepared = self._prepared(images)
            with autocast(prepared.device, self.spec.train.precision):  # Grad-CAM explains the class of `predict`
                classes = self.network(prepared).argmax(1)
            return attention_maps(self.network, maps_of, prepared, classes)

    def predict(self, images: AnyImage | Sequence[AnyImage]) -> Tensor:
        """Return the class probabilities (N, classes), one row for each image, on the CPU.

        Args:
            images: One image or several of any size: paths, Pillow images, uint8 arrays (H, W, 3) or uint8 tensors
                (3, H, W); or one array (N, H, W, 3) or tensor (N, 3, H, W). Images that are not square are cut to the
                square in the middle, as in training.

        Raises:
            DatasetError: If images are missing or damaged.
            SpecError: If something else is given, or the shape or the type of an array or a tensor is wrong.
        """
        if isinstance(images, str | Path | Image.Image) or getattr(images, "ndim", 0) in (2, 3):
            images = [images]  # type: ignore[list-item]
        found, faults = torch.zeros(len(images), len(self.classes)), list[str]()
        for row, each in zip(found, self.predict_each(images), strict=True):  # type: ignore[arg-type]
            if isinstance(each, UndecodableError):
                faults += each.faults
            else:
                row.copy_(each)
        if faults:
            raise UndecodableError(faults, len(images), IMAGES_HINT)
        return found

    def predict_each(self, images: Sequence[AnyImage]) -> Iterator[Tensor | UndecodableError]:
        """Yield the class probabilities of each image, or why it cannot be decoded. Images are read in batches."""
        device = self.mean.device
        batch_size = evaluation_batch_size(device, self.spec.train, self.image_size)
        for start in range(0, len(images), batch_size):
            decoded = list(self.decoded(images[start : start + batch_size]))
            if pixels := [each for each in decoded if not isinstance(each, UndecodableError)]:
                with evaluating(self), torch.inference_mode(), memory_errors(f"classifying {len(pixels)} images"):
                    batch = torch.from_numpy(np.stack(pixels)).to(device)
                    with autocast(device, self.spec.train.precision):
                        rows = iter(self(batch).softmax(1).cpu())
            yield from (each if isinstance(each, UndecodableError) else next(rows) for each in decoded)

    def decoded(self, images: Sequence[AnyImage]) -> Iterator[Pixels | UndecodableError]:
        """Yield the pixels (3, S, S) of each image as training decodes them, or why it cannot be decoded."""
        size = decoded_size(self.spec.data.dataset, self.spec.data.image_size)
        files = [str(image) for image in images if isinstance(image, str | Path)]
        of_files = decode_files(Tree("", files, lambda file: open_bounded(Path(file))), files, size, upright=True)
        for image in images:
            if isinstance(image, str | Path):
                found = next(of_files)
            else:
                found = _of_pillow(image if isinstance(image, Image.Image) else _of_array(image), size)
            yield found if isinstance(found, UndecodableError) else found[0]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and restore the mode of each of its modules afterwards."""
    in_training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in in_training:
            module.training = True


def _of_pillow(image: Image.Image, size: int) -> tuple[Pixels, bool] | UndecodableError:
    try:
        return picture(image, size, upright=True)
    except Exception as error:  # an image of a damaged file, which Pillow reads only now
        return undecodable(getattr(image, "filename", "") or "a Pillow image", error)


def _of_array(image: NDArray[np.uint8] | Tensor) -> Image.Image:
    """Return a Pillow image. Raises SpecError for anything but pixels of the right shape and type."""
    array = image.permute(1, 2, 0).numpy(force=True) if isinstance(image, Tensor) and image.ndim == 3 else image
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.shape[2:] != (CHANNELS,) or not array.size:
        shape = f"the shape {tuple(image.shape)} and the type {image.dtype}" if hasattr(image, "shape") else None
        fault = f"an image has {shape or f'the type {type(image).__name__}'}"
        raise SpecError(fault, "give files, Pillow images, uint8 arrays (H, W, 3) or uint8 tensors (3, H, W)")
    return Image.fromarray(array)
