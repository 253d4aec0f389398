"""A finished run measured again: any split, the selected or the last weights, its own images or others."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from vitreport.data.arrays import ImageArrays
from vitreport.data.registry import DATASETS
from vitreport.data.request import ImageRequest, IntensityRange
from vitreport.data.sources import locate, open_dataset
from vitreport.errors import DatasetError, RecordError
from vitreport.records.measurement import Measurement, ResultRecord, SplitDetails
from vitreport.records.reader import Run
from vitreport.records.run import DataRecord, RunRecord
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.checkpoint import load_model_weights, most_bytes, part, read_verified
from vitreport.training.device import choose_device, keep_freed_memory, make_deterministic, memory_errors
from vitreport.training.evaluate import predict
from vitreport.training.listener import Listener
from vitreport.training.metrics import measure, measure_details
from vitreport.training.setup import build_network, place_split, split_indices

SplitName = Literal["train", "val", "test"]
WeightsName = Literal["best", "last"]


@dataclass(frozen=True)
class Evaluation:
    """`recorded` is what training measured of the same split with the same weights; None where it did not."""

    dataset: str
    data_fingerprint: str
    canonical: bool
    classes: tuple[str, ...]
    measurement: Measurement
    details: SplitDetails
    images_per_second: float
    recorded: Measurement | None


def evaluate_run(
    run: Run,
    *,
    split: SplitName,
    weights: WeightsName,
    dataset: str | None,
    runtime: Runtime,
    listener: Listener,
) -> Evaluation:
    """Measure a run. `dataset` names other images of the same classes, or the folder that they are in.

    Raises RecordError where the run has no usable weights, DatasetError where the images do not fit.
    """
    if run.record and run.record.status != "done":
        hint = "train it to its end: the same command goes on with it"
        raise RecordError(f"run {run.id} is {run.record.status}", hint)
    if not (run.record and run.spec and run.result):
        raise RecordError(f"run {run.id} cannot be read: {'; '.join(map(str, run.damage))}")
    spec, trained_on = run.spec, run.record.data
    device = choose_device(runtime.device)
    make_deterministic(device, runtime.threads or _recorded_threads(run.record))
    keep_freed_memory()
    model = build_network(spec)
    _load(model, run.folder, run.result, weights)
    arrays = _images(spec, trained_on, dataset, runtime, listener)
    own = arrays.fingerprint == trained_on.fingerprint
    with memory_errors("placing the model and the images"):
        model.to(device)
        images = place_split(spec, arrays, device, split, _indices(spec, arrays, split, own=own))
    predicted = predict(model, images, spec.train, before_batch=lambda: None)
    recorded = run.result.selected if weights == "best" else run.result.last
    return Evaluation(
        dataset=locate(dataset or spec.data.dataset, [runtime.data_dir])[0],
        data_fingerprint=arrays.fingerprint,
        canonical=arrays.canonical,
        classes=arrays.classes,
        measurement=measure(predicted.logits, predicted.labels),
        details=measure_details(predicted.logits, predicted.labels),
        images_per_second=predicted.images_per_second,
        recorded=recorded.splits.get(split) if own else None,
    )


def _recorded_threads(record: RunRecord) -> int:
    """As many threads as training had in the end, because their number changes the last digits."""
    text = record.fingerprint.get("threads", "")
    for resumed in record.resumed:
        text = resumed.changed.get("threads", (text, text))[1]
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        raise RecordError(f"run {record.id}: fingerprint.threads = {text!r} is no number of threads", "give --threads")
    return int(text)


def _load(model: nn.Module, folder: Path, result: ResultRecord, weights: WeightsName) -> None:
    if weights == "best" or result.last.step == result.selected.step:
        path, prefix, digest = folder / "best.safetensors", "", result.weights_sha256
    else:
        path, prefix = folder / "checkpoints" / f"step-{result.last.step}.safetensors", "model/"
        digest = None
    if not path.exists():
        hint = "weights are not committed with a record; `vitreport train --force` makes them anew"
        raise RecordError(f"{path} is missing", hint)
    tensors, _ = read_verified(path, digest, most=most_bytes(model))
    load_model_weights(model, part(tensors, prefix), path.name)


def _images(
    spec: RunSpec, trained_on: DataRecord, dataset: str | None, runtime: Runtime, listener: Listener
) -> ImageArrays:
    """The images to measure, normalised as those of the training were. They must be of the run's classes."""
    name, data_dir = locate(dataset or spec.data.dataset, [runtime.data_dir])
    if not dataset and name not in DATASETS and not (data_dir / name).is_dir():
        hint = f"say where it is: --dataset PATH/{name}, or --data-dir PATH"
        raise DatasetError(f"the run was trained on a folder {name}, which is not in {data_dir}", hint)
    request = ImageRequest.of(spec.data, runtime, listener.note, listener.progress)
    levels: IntensityRange = trained_on.intensity_range or "full"
    arrays = open_dataset(replace(request, name=name, data_dir=data_dir, intensity_range=levels))
    if arrays.classes != trained_on.classes:
        unknown = sorted(set(arrays.classes) ^ set(trained_on.classes))
        raise DatasetError(f"{name} has other classes than the run: {', '.join(unknown[:5])}")
    if not dataset and arrays.fingerprint != trained_on.fingerprint:
        raise DatasetError(
            f"{name} holds other images than the run was trained on: "
            f"{arrays.fingerprint[:12]}, recorded {trained_on.fingerprint[:12]}",
            f"say that it is so with --dataset {name}",
        )
    return replace(arrays, mean=trained_on.mean, std=trained_on.std)


def _indices(spec: RunSpec, arrays: ImageArrays, split: SplitName, *, own: bool) -> NDArray[np.int64]:
    """The images of a split: those that the run itself trained on or held out; of other images, all."""
    if split == "test" or (split == "train" and not own):
        return np.arange(len(arrays.splits[split].labels))
    train, val = split_indices(spec, arrays)
    chosen = val if split == "val" else train
    if not len(chosen) or not (own or spec.data.validation == "folder"):
        raise DatasetError("there are no held-out images to measure", "choose --split test or --split train")
    return chosen
