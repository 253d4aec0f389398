"""Read the counters in the header of a checkpoint and check that they can be true."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError

from vitreport.errors import RecordError
from vitreport.records.schema import SCHEMA_VERSION, Amount, Count, Fraction, Record


class Best(Record):
    epoch: Count
    step: Count
    accuracy: Fraction


class Counters(Record):
    """The counters in the header of a checkpoint."""

    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    epoch: Count
    step: Count
    seconds: Amount
    best: Best | None


@dataclass(frozen=True)
class Extent:
    """The size of a training, against which the counters of a checkpoint are checked."""

    epochs: int
    images: int
    batch_size: int
    selects: bool  # by the validation split, so that a best epoch is known after the first one

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.images // self.batch_size)


def read_counters(metadata: Mapping[str, str], source: str) -> Counters:
    try:
        return Counters.model_validate_json(metadata.get("counters", ""))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(["counters", *map(str, first["loc"])])
        hint = "was it written by a newer vitreport?"
        raise RecordError(f"{source} has no valid training counters: {field}: {first['msg']}", hint) from error


def contradiction(counters: Counters, totals: Sequence[float], extent: Extent) -> str:
    """Say which of the counters cannot be true; "" if all can.

    An epoch counts once it is evaluated: a checkpoint of its last step may be from before or after the evaluation.
    """
    per_epoch, best = extent.steps_per_epoch, counters.best
    if counters.step > extent.epochs * per_epoch:
        return f"step = {counters.step} of {extent.epochs * per_epoch}"
    under_way = counters.step - counters.epoch * per_epoch
    if not 0 <= under_way <= per_epoch or counters.epoch > extent.epochs:
        return f"epoch = {counters.epoch} after step {counters.step}, with {per_epoch} steps per epoch"
    images = min(under_way * extent.batch_size, extent.images)
    if not (totals[2] == images and 0 <= totals[1] <= images and math.isfinite(totals[0])):
        return f"totals = {totals}, {images} images into epoch {counters.epoch + 1}"
    if (best is not None) != (extent.selects and counters.epoch > 0):
        return f"best = {'none' if best is None else f'epoch {best.epoch}'} after {counters.epoch} epochs"
    if best and not (1 <= best.epoch <= counters.epoch and best.step == best.epoch * per_epoch):
        return f"best = epoch {best.epoch}, step {best.step} after {counters.epoch} epochs of {per_epoch} steps"
    return ""
