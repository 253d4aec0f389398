"""The final evaluation: every split, with the weights of the selected and of the last epoch."""

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import safetensors.torch

from vitreport.data.batches import ImageSet
from vitreport.files import write_atomic, write_json
from vitreport.models.weights import classes_metadata
from vitreport.records.correct_images import packed
from vitreport.records.measurement import MOST_MISTAKES, EpochResult, MistakeSheet, ResultRecord
from vitreport.spec.run import TrainSpec
from vitreport.store import mistakes
from vitreport.training.evaluate import Predictions, confident_mistakes, measure_details, predict
from vitreport.training.loop import measure_finite
from vitreport.training.state import TrainingState, load_weights, named_weights

PREDICTIONS_VERSION = 1


def write_results(
    folder: Path,
    state: TrainingState,
    splits: Mapping[str, ImageSet],
    train: TrainSpec,
    classes: Sequence[str],
    before_batch: Callable[[], None],
) -> float:
    """Measure, write mistakes.png, best.safetensors, predictions.npz and result.json; return the test split's images/s.

    The model keeps the selected weights. Raises DivergedError if the loss of a split is not finite.
    """

    def measured(epoch: int, step: int) -> tuple[EpochResult, Predictions]:
        found = {name: predict(state.model, split, train, before_batch) for name, split in splits.items()}
        measurements = {name: measure_finite(each, name, epoch, step) for name, each in found.items()}
        return EpochResult(epoch=epoch, step=step, splits=measurements), found["test"]

    last, test = measured(state.epoch, state.step)
    selected = last
    if state.best and state.best.epoch != state.epoch:
        load_weights(state.model, state.best.weights)
        selected, test = measured(state.best.epoch, state.best.step)
    weights = {name: tensor.detach().contiguous() for name, tensor in named_weights(state.model).items()}
    result = ResultRecord(
        selection=train.selection,
        selected=selected,
        last=last,
        test=measure_details(test.logits, test.labels),
        correct=packed((test.logits.argmax(1) == test.labels).tolist()),
        mistakes=_write_mistakes(folder, test, splits["test"]),
        weights_sha256=_write(
            folder / "best.safetensors", safetensors.torch.save(weights, metadata=classes_metadata(classes))
        ),
        predictions_sha256=_write(folder / "predictions.npz", _packed_predictions(test)),
    )
    write_json(folder / "result.json", result.stored(), indent=None)
    return test.images_per_second


def _write(path: Path, content: bytes) -> str:
    """Write a file and return its SHA-256."""
    write_atomic(path, content)
    return hashlib.sha256(content).hexdigest()


def _packed_predictions(test: Predictions) -> bytes:
    """Pack logits (N, K) in float16, clipped to its range, and labels (N,)."""
    largest = np.finfo(np.float16).max
    buffer = io.BytesIO()
    narrowed = test.logits.clip(-largest, largest).astype(np.float16)
    np.savez_compressed(buffer, logits=narrowed, labels=test.labels, schema_version=np.int64(PREDICTIONS_VERSION))
    return buffer.getvalue()


def _write_mistakes(folder: Path, test: Predictions, images: ImageSet) -> MistakeSheet | None:
    """Return None if the network makes no mistake."""
    found = confident_mistakes(test.logits, test.labels, MOST_MISTAKES)
    if not found:
        return None
    side, content = mistakes.draw_sheet(images.images[[mistake.index for mistake in found]].cpu().numpy())
    return MistakeSheet(images=found, side=side, sha256=_write(folder / mistakes.NAME, content))
