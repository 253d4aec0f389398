"""Measure a run at its end, and again later: any split, its own images or others."""

import hashlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import nn

from vitreport.data.arrays import ImageArrays
from vitreport.data.batches import ImageSet
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import locate, open_dataset
from vitreport.errors import DatasetError, RecordError, SpecError
from vitreport.files import write_atomic, write_json
from vitreport.formatting import listed
from vitreport.models.ensemble import Ensemble
from vitreport.models.memory_format import place_network
from vitreport.models.weights import classes_metadata, load_weights, named_weights
from vitreport.records.measurement import (
    MAX_MISTAKES,
    EpochResult,
    Measurement,
    MistakeSheet,
    ResultRecord,
    SplitDetails,
    packed,
)
from vitreport.records.reader import Run
from vitreport.records.run import RunRecord
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec, TrainSpec
from vitreport.store.checkpoint import check_fit, max_checkpoint_bytes, read_verified
from vitreport.store.contact_sheets import MISTAKES, draw_sheet
from vitreport.store.run_state import check_same_images
from vitreport.training import parallel
from vitreport.training.device import choose_device, memory_errors, set_up_device
from vitreport.training.evaluate import (
    Predictions,
    confident_mistakes,
    measure,
    measure_details,
    measure_latency,
    predict,
)
from vitreport.training.events import Listener
from vitreport.training.setup import Setup, build_network, place_split, split_indices

PREDICTIONS_VERSION = 1
SplitName = Literal["train", "val", "test"]


def write_results(
    folder: Path, setup: Setup, train: TrainSpec, classes: Sequence[str], before_batch: Callable[[], None]
) -> float:
    """Measure, write mistakes.png, best.safetensors, predictions.npz and result.json; return the test split's images/s.

    The model keeps the selected weights. Of several processes, only the first writes. Raises DivergedError if the loss
    of a split is not finite.
    """
    state = setup.state
    last, test = _measured_splits(setup, train, state.epoch, state.step, before_batch)
    selected = last
    if state.best and state.best.epoch != state.epoch:
        load_weights(state.model, state.best.weights)
        selected, test = _measured_splits(setup, train, state.best.epoch, state.best.step, before_batch)
    if parallel.rank():
        return test.images_per_second
    named = {name: tensor.detach().contiguous() for name, tensor in named_weights(state.model).items()}
    weights = safetensors.torch.save(named, metadata=classes_metadata(classes))
    result = ResultRecord(
        selection=train.selection,
        selected=selected,
        last=last,
        test=measure_details(test.logits, test.labels),
        correct=packed((test.logits.argmax(1) == test.labels).tolist()),
        mistakes=write_mistakes(folder, test, setup.splits["test"]),
        weights_sha256=_write(folder / "best.safetensors", weights),
        predictions_sha256=_write(folder / "predictions.npz", _packed_predictions(test)),
    )
    write_json(folder / "result.json", result.stored(), indent=None)
    return test.images_per_second


def _measured_splits(
    setup: Setup, train: TrainSpec, epoch: int, step: int, before_batch: Callable[[], None]
) -> tuple[EpochResult, Predictions]:
    """Measure every split with the weights of an epoch; return also what is predicted for the test split."""
    found = {name: predict(setup.state.model, split, train, before_batch) for name, split in setup.splits.items()}
    place = f"epoch {epoch}, step {step}: "
    splits = {name: measure(each.logits, each.labels, f"{place}{name} loss") for name, each in found.items()}
    return EpochResult(epoch=epoch, step=step, splits=splits), found["test"]


def _write(path: Path, content: bytes) -> str:
    write_atomic(path, content)
    return hashlib.sha256(content).hexdigest()


def _packed_predictions(test: Predictions) -> bytes:
    """Pack logits (N, K) in float16, clipped to its range, and labels (N,)."""
    largest, buffer = np.finfo(np.float16).max, io.BytesIO()
    narrowed = test.logits.clip(-largest, largest).astype(np.float16)
    np.savez_compressed(buffer, logits=narrowed, labels=test.labels, schema_version=np.int64(PREDICTIONS_VERSION))
    return buffer.getvalue()


def write_mistakes(folder: Path, test: Predictions, images: ImageSet) -> MistakeSheet | None:
    """Draw the most confident mistakes of the test split; return what they are, or None without any."""
    found = confident_mistakes(test.logits, test.labels, MAX_MISTAKES)
    if not found:
        return None
    chosen = torch.tensor([mistake.index for mistake in found], device=images.home)
    side, content = draw_sheet(images.pixels(chosen).cpu().numpy())
    return MistakeSheet(images=found, side=side, sha256=_write(folder / MISTAKES, content))


class Restored(NamedTuple):
    """The network of a finished run on the CPU, with the weights of its best epoch, and the record of the run."""

    network: nn.Module
    spec: RunSpec
    record: RunRecord


def restore(runs: Sequence[Run]) -> Restored:
    """Restore the network of a run, or the `Ensemble` of several seeds with the spec and the record of the first.

    Raises RecordError if one has not finished, its files are missing or damaged, or it was trained on other images.
    """
    restored = list(map(_restore, runs))
    first = restored[0]
    for each in restored:
        if each.record.data.fingerprint != first.record.data.fingerprint:
            fault = f"{first.record.id} and {each.record.id} were trained on different images"
            raise RecordError(fault, "give the id of one run")
    return first if len(runs) == 1 else first._replace(network=Ensemble(each.network for each in restored))


def _restore(run: Run) -> Restored:
    if run.record and run.record.status != "done":
        fault = f"run {run.id} has not finished (status: {run.record.status})"
        raise RecordError(fault, "run the same training command again to finish it")
    if not (run.record and run.spec and run.result):
        fault = f"run {run.id} cannot be read: {'; '.join(map(str, run.damage))}"
        raise RecordError(fault, "restore its files, or give the id of another run")
    path = run.folder / "best.safetensors"
    again = "use `vitreport train --force` to train the run again, or give the id of another run"
    if not path.exists():
        raise RecordError(f"{path} is missing", f"weights are not committed with a record; {again}")
    network = build_network(run.spec)
    try:
        weights, _ = read_verified(path, run.result.weights_sha256, max_bytes=max_checkpoint_bytes(network))
        check_fit(weights, named_weights(network), path.name)
    except RecordError as error:
        raise RecordError(f"run {run.id}: {error.message}", again) from error
    load_weights(network, weights)
    return Restored(network, run.spec, run.record)


@dataclass(frozen=True)
class Evaluation:
    """A measurement of a split. `recorded` has the measurements of each run in training, with the same weights."""

    dataset: str
    data_fingerprint: str
    canonical: bool
    classes: tuple[str, ...]
    measurement: Measurement
    details: SplitDetails
    images_per_second: float
    latency_ms: float
    recorded: tuple[Measurement, ...]


def evaluate_runs(
    runs: Sequence[Run],
    split: SplitName,
    dataset: str | None,
    data_dirs: Sequence[Path],
    runtime: Runtime,
    listener: Listener,
) -> Evaluation:
    """Measure a run, or the mean probabilities of several seeds, on its own images or on those of `dataset`.

    `dataset` is a name or an image folder with the same classes.
    """
    if len(runs) > 1 and split != "test":
        fault = f"a group cannot be evaluated on the {split} split: its seeds hold out different images"
        raise SpecError(fault, "give the id of one run")
    restored = restore(runs)
    model, spec, record = restored
    device = choose_device(runtime.device)
    set_up_device(device, runtime.threads or _recorded_threads(record), is_training=False)
    name, arrays = _images_for(restored, dataset, data_dirs, runtime, listener)
    own = arrays.fingerprint == record.data.fingerprint
    with memory_errors("moving the model and the images to the device"):
        place_network(model, device)
        images = place_split(spec, arrays, device, split, _indices(spec, arrays, split, own=own))
    predicted = predict(model, images, spec.train)
    return Evaluation(
        dataset=name,
        data_fingerprint=arrays.fingerprint,
        canonical=arrays.canonical,
        classes=arrays.classes,
        measurement=measure(predicted.logits, predicted.labels, f"an evaluation: {split} loss"),
        details=measure_details(predicted.logits, predicted.labels),
        images_per_second=predicted.images_per_second,
        latency_ms=measure_latency(model, images, spec.train),
        recorded=_recorded(runs, split) if own else (),
    )


def _images_for(
    restored: Restored, dataset: str | None, data_dirs: Sequence[Path], runtime: Runtime, listener: Listener
) -> tuple[str, ImageArrays]:
    """Open `dataset`, or the dataset of a run, with the channel statistics of training; return also its name."""
    spec, record = restored.spec, restored.record
    name, data_dir = locate(dataset or spec.data.dataset, data_dirs)
    request = ImageRequest.of(spec.data, runtime, listener.note, listener.progress)
    arrays = open_dataset(replace(request, name=name, data_dir=data_dir))
    _check_classes(name, arrays.classes, record.data.classes)
    if not dataset:
        check_same_images(record, arrays.fingerprint, f"to evaluate these images, use --dataset {name}")
    return name, replace(arrays, mean=record.data.mean, std=record.data.std)


def _check_classes(name: str, found: Sequence[str], own: Sequence[str]) -> None:
    """Raise DatasetError if images have other classes than a run, or the same in another order."""
    if tuple(found) == tuple(own):
        return
    extra, missing = sorted({*found} - {*own}), sorted({*own} - {*found})
    faults = [f"classes that the run does not have: {listed(extra)}"] if extra else []
    faults += [f"no images of {listed(missing)}"] if missing else []
    fault = f"{name} has {' and '.join(faults) or 'the classes of the run in another order'}"
    raise DatasetError(fault, "use images of the same classes, with the same directory names")


def _recorded(runs: Sequence[Run], split: SplitName) -> tuple[Measurement, ...]:
    """Return what was measured of a split in the training of runs, with the same weights."""
    found = [run.result.selected.splits.get(split) for run in runs if run.result]
    return tuple(measurement for measurement in found if measurement)


def _recorded_threads(record: RunRecord) -> int:
    """Return the threads that training had in the end: their number changes the last digits."""
    text = record.newest("threads")
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        fault = f"run {record.id}: fingerprint.threads = {text!r} is not a number of threads"
        raise RecordError(fault, "use --threads")
    return int(text)


def _indices(spec: RunSpec, arrays: ImageArrays, split: SplitName, *, own: bool) -> NDArray[np.int64]:
    """Return the indices of a split. For images other than the run's own, train means all of them."""
    no_images = DatasetError("there are no held-out images to evaluate", "choose --split test or --split train")
    if split == "val" and not own and spec.data.validation != "folder":
        raise no_images
    if split == "test" or (split == "train" and not own):
        return np.arange(len(arrays.splits[split].labels))
    train, val = split_indices(spec, arrays)
    chosen = val if split == "val" else train
    if not len(chosen):
        raise no_images
    return chosen
