"""Measure a finished run again: any split, the selected or the last weights, its own images or others."""

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from vitreport.data.arrays import ImageArrays
from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.data.sources import locate, open_dataset
from vitreport.errors import DatasetError, RecordError
from vitreport.records.measurement import Measurement, SplitDetails
from vitreport.records.reader import Run
from vitreport.records.run import DataRecord, RunRecord
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.checkpoint import load_model_weights, most_bytes, part, read_verified
from vitreport.training.device import choose_device, keep_freed_memory, make_deterministic, memory_errors
from vitreport.training.evaluate import measure, measure_details, predict
from vitreport.training.events import Listener
from vitreport.training.setup import build_network, place_split, split_indices

SplitName = Literal["train", "val", "test"]
WeightsName = Literal["best", "last"]


@dataclass(frozen=True)
class Evaluation:
    """A measurement of a split; `recorded` is what training measured with the same weights, None if it did not."""

    dataset: str
    data_fingerprint: str
    canonical: bool
    classes: tuple[str, ...]
    measurement: Measurement
    details: SplitDetails
    images_per_second: float
    recorded: Measurement | None


def evaluate_run(
    run: Run, *, split: SplitName, weights: WeightsName, dataset: str | None, runtime: Runtime, listener: Listener
) -> Evaluation:
    """Measure a run. `dataset` names other images of the same classes, or the folder that they are in.

    Raises:
        RecordError: The run has no usable weights.
        DatasetError: The images do not fit.
    """
    if run.record and run.record.status != "done":
        raise RecordError(f"run {run.id} is {run.record.status}", "run the same training command again to finish it")
    if not (run.record and run.spec and run.result):
        raise RecordError(f"run {run.id} cannot be read: {'; '.join(map(str, run.damage))}")
    spec, trained_on = run.spec, run.record.data
    device = choose_device(runtime.device)
    make_deterministic(device, runtime.threads or _recorded_threads(run.record))
    keep_freed_memory()
    model = build_network(spec)
    recorded = run.result.selected if weights == "best" else run.result.last
    if recorded.step == run.result.selected.step:
        _load(model, run, "best.safetensors", run.result.weights_sha256)
    else:
        _load(model, run, f"checkpoints/step-{recorded.step}.safetensors", None)
    name, data_dir = locate(dataset or spec.data.dataset, [runtime.data_dir])
    if not dataset and name not in DATASETS and not (data_dir / name).is_dir():
        hint = f"give its path: --dataset PATH/{name}, or --data-dir PATH"
        raise DatasetError(f"the run was trained on a folder {name}, which is not in {data_dir}", hint)
    request = ImageRequest.of(spec.data, runtime, listener.note, listener.progress)
    request = replace(request, name=name, data_dir=data_dir, intensity_range=trained_on.intensity_range or "full")
    arrays = _normalized(open_dataset(request), trained_on, name, is_named=bool(dataset))
    own = arrays.fingerprint == trained_on.fingerprint
    with memory_errors("placing the model and the images"):
        model.to(device)
        images = place_split(spec, arrays, device, split, _indices(spec, arrays, split, own=own))
    predicted = predict(model, images, spec.train, before_batch=lambda: None)
    return Evaluation(
        dataset=name,
        data_fingerprint=arrays.fingerprint,
        canonical=arrays.canonical,
        classes=arrays.classes,
        measurement=measure(predicted.logits, predicted.labels),
        details=measure_details(predicted.logits, predicted.labels),
        images_per_second=predicted.images_per_second,
        recorded=recorded.splits.get(split) if own else None,
    )


def _recorded_threads(record: RunRecord) -> int:
    """Return the threads that training had in the end: their number changes the last digits."""
    text = record.fingerprint.get("threads", "")
    for resumed in record.resumed:
        text = resumed.changed.get("threads", (text, text))[1]
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        raise RecordError(f"run {record.id}: fingerprint.threads = {text!r} is no number of threads", "give --threads")
    return int(text)


def _load(model: nn.Module, run: Run, file: str, digest: str | None) -> None:
    path = run.folder / file
    if not path.exists():
        hint = "weights are not committed with a record; `vitreport train --force` trains the run again"
        raise RecordError(f"{path} is missing", hint)
    tensors, _ = read_verified(path, digest, most=most_bytes(model))
    load_model_weights(model, tensors if digest else part(tensors, "model/"), path.name)


def _normalized(arrays: ImageArrays, trained_on: DataRecord, name: str, *, is_named: bool) -> ImageArrays:
    """Return the images normalised as those of the training were, after a check that the run knows them."""
    if arrays.classes != trained_on.classes:
        unknown = sorted(set(arrays.classes) ^ set(trained_on.classes))
        raise DatasetError(f"{name} has other classes than the run: {', '.join(unknown[:5])}")
    if not is_named and arrays.fingerprint != trained_on.fingerprint:
        raise DatasetError(
            f"{name} holds other images than the run was trained on: "
            f"{arrays.fingerprint[:12]}, recorded {trained_on.fingerprint[:12]}",
            f"to measure these, give --dataset {name}",
        )
    return replace(arrays, mean=trained_on.mean, std=trained_on.std)


def _indices(spec: RunSpec, arrays: ImageArrays, split: SplitName, *, own: bool) -> NDArray[np.int64]:
    """Return the images of a split: those that the run trained on or held out; of other images, all."""
    if split == "test" or (split == "train" and not own):
        return np.arange(len(arrays.splits[split].labels))
    train, val = split_indices(spec, arrays)
    chosen = val if split == "val" else train
    if not len(chosen) or not (own or spec.data.validation == "folder"):
        raise DatasetError("there are no held-out images to measure", "choose --split test or --split train")
    return chosen
