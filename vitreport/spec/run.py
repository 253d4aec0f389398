"""The spec of one run: everything that changes its result, and nothing else."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from vitreport.errors import Problem, raise_problems
from vitreport.run_id import RunId
from vitreport.spec.base import BaseSpec, PositiveInt, added_later, later_defaults
from vitreport.spec.data import DatasetFacts, DataSpec
from vitreport.spec.model import ModelSpec
from vitreport.spec.optimizer import AdamWSpec, ConstantSpec, OptimizerSpec, ScheduleSpec


class TrainSpec(BaseSpec):
    """The training: how long, in which batches, at which precision, and which epoch counts.

    If there are fewer training images than `batch_size`, they are one batch.

    `selection = "val"` uses the epoch with the highest validation accuracy, "last" the last one.
    For the curves, `monitor_test` measures the test split after every epoch, and `monitor_train` the training images
    without augmentation and dropout; neither is used for selection.
    """

    epochs: PositiveInt = 20
    batch_size: PositiveInt = 128
    precision: Literal["float32", "bfloat16"] = "float32"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    selection: Literal["val", "last"] = "val"
    monitor_test: bool = False
    monitor_train: bool = added_later(default=False)


class RunSpec(BaseSpec):
    """One run. Two runs of one group differ by `seed` alone."""

    model: ModelSpec
    data: DataSpec
    optimizer: OptimizerSpec = AdamWSpec()
    schedule: ScheduleSpec = ConstantSpec()
    train: TrainSpec = TrainSpec()
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0

    @field_validator("*")
    @classmethod
    def _collect(cls, value: Any, info: ValidationInfo) -> Any:
        """Keep a sound section for `compose`, which needs it where others are not."""
        if info.context is not None:
            info.context[info.field_name] = value
        return value

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Self:
        if info.context is None:  # `compose` knows the dataset, too
            raise_problems(fit_problems(dict(self)))
        return self

    @property
    def group_hash(self) -> str:
        """Eight hexadecimal digits of the SHA-256 of the spec without its seed."""
        canonical = json.dumps(hashed_values(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:8]

    @property
    def run_id(self) -> str:
        """`<model>-<dataset>-<hash8>-s<seed>`, safe as the name of a folder."""
        return str(RunId.of(self.model.id_label, self.data.dataset, self.group_hash, self.seed))

    @property
    def group(self) -> str:
        """The run id without the seed."""
        return RunId.parse(self.run_id).group


def fit_problems(sections: Mapping[str, Any], facts: DatasetFacts | None = None) -> Iterator[Problem]:
    """Yield what does not fit together in and between the sound sections, or does not fit the dataset."""
    model, data, schedule, train = (sections.get(name) for name in ("model", "data", "schedule", "train"))
    if model and data:
        yield from model.problems(data)
    for section in sections.values():
        if isinstance(section, BaseSpec):
            yield from section.inner_problems()
    if schedule and train and schedule.warmup_epochs > train.epochs:
        fault = f"{schedule.warmup_epochs} is more than train.epochs = {train.epochs}"
        yield Problem("schedule.warmup_epochs", fault)
    if train and data and (train.selection, data.validation, data.validation_fraction) == ("val", "fraction", 0):
        fault = '"val" needs a validation split, but data.validation_fraction = 0'
        yield Problem("train.selection", fault, 'use "last", or set data.validation_fraction above 0')
    if data and data.validation == "folder" and facts and facts.name and not facts.has_validation:
        fault = f"{facts.name} has no validation images in addition to its training and test images"
        yield Problem("data.validation", fault, "leave it out", '"folder"')


def hashed_values(value: Any) -> Any:
    """Return a section as plain values for the hash: without the seed, and without later fields at their default."""
    match value:
        case BaseSpec():
            usual = {**later_defaults(type(value)), "seed": getattr(value, "seed", None)}
            return {name: hashed_values(each) for name, each in value if name not in usual or each != usual[name]}
        case dict():
            return {name: hashed_values(each) for name, each in value.items()}
        case list() | tuple():
            return [hashed_values(each) for each in value]
        case float():
            return value + 0.0  # -0.0 is 0.0
    return value
