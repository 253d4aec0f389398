"""The final evaluation: every split, with the weights of the selected and of the last epoch."""

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
from torch import nn

from vitreport.data.batches import ImageSet
from vitreport.files import write_atomic, write_json
from vitreport.models.weights import classes_metadata
from vitreport.records.correct_images import packed
from vitreport.records.measurement import MOST_MISTAKES, EpochResult, MistakeSheet, ResultRecord
from vitreport.spec.run import TrainSpec
from vitreport.store.mistakes import NAME as MISTAKES
from vitreport.store.mistakes import draw_sheet
from vitreport.training.evaluate import Predictions, predict
from vitreport.training.loop import measure_finite
from vitreport.training.metrics import Labels, Logits, confident_mistakes, measure_details
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
    """Measure, then write best.safetensors, predictions.npz, mistakes.png and result.json; the test split's images/s.

    The model ends with the selected weights. Raises DivergedError where the loss of a split is not finite.
    """
    last = _predict_all(state.model, splits, train, before_batch)
    last_result = _epoch_result(last, state.epoch, state.step)
    selected, selected_result = last, last_result
    if state.best and state.best.epoch != state.epoch:
        load_weights(state.model, state.best.weights)
        selected = _predict_all(state.model, splits, train, before_batch)
        selected_result = _epoch_result(selected, state.best.epoch, state.best.step)
    test = selected["test"]
    result = ResultRecord(
        selection=train.selection,
        selected=selected_result,
        last=last_result,
        test=measure_details(test.logits, test.labels),
        correct=packed((test.logits.argmax(1) == test.labels).tolist()),
        mistakes=_write_mistakes(folder, test.logits, test.labels, splits["test"]),
        weights_sha256=_write_weights(folder, state.model, classes),
        predictions_sha256=_write_predictions(folder, test.logits, test.labels),
    )
    write_json(folder / "result.json", result.stored(), indent=None)
    return test.images_per_second


def _predict_all(
    model: nn.Module, splits: Mapping[str, ImageSet], train: TrainSpec, before_batch: Callable[[], None]
) -> dict[str, Predictions]:
    return {name: predict(model, split, train, before_batch) for name, split in splits.items()}


def _epoch_result(predictions: Mapping[str, Predictions], epoch: int, step: int) -> EpochResult:
    splits = {name: measure_finite(found, name, epoch, step) for name, found in predictions.items()}
    return EpochResult(epoch=epoch, step=step, splits=splits)


def _write_weights(folder: Path, model: nn.Module, classes: Sequence[str]) -> str:
    weights = {name: tensor.detach().contiguous() for name, tensor in named_weights(model).items()}
    content = safetensors.torch.save(weights, metadata=classes_metadata(classes))
    write_atomic(folder / "best.safetensors", content)
    return hashlib.sha256(content).hexdigest()


def _write_predictions(folder: Path, logits: Logits, labels: Labels) -> str:
    """Test logits (N, K) in float16, as large as it allows, and labels (N,); returns the file's SHA-256."""
    largest = np.finfo(np.float16).max
    buffer = io.BytesIO()
    narrowed = logits.clip(-largest, largest).astype(np.float16)
    np.savez_compressed(buffer, logits=narrowed, labels=labels, schema_version=np.int64(PREDICTIONS_VERSION))
    write_atomic(folder / "predictions.npz", buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _write_mistakes(folder: Path, logits: Logits, labels: Labels, images: ImageSet) -> MistakeSheet | None:
    """None where the network makes no mistake."""
    mistakes = confident_mistakes(logits, labels, MOST_MISTAKES)
    if not mistakes:
        return None
    pixels = images.images[[mistake.index for mistake in mistakes]].cpu().numpy()
    side, content = draw_sheet(pixels)
    write_atomic(folder / MISTAKES, content)
    return MistakeSheet(images=mistakes, side=side, sha256=hashlib.sha256(content).hexdigest())
