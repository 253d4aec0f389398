"""What was measured on the images of one split, and the list of metrics."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, computed_field, model_validator

from vitreport.records.schema import Count, Fraction, Loss, Record, Text


@dataclass(frozen=True)
class Metric:
    """How a metric is shown: `title` in tables, `description` in documentation.

    A "fraction" is shown in percent; other numbers have the `unit` behind them, if any.
    """

    title: str
    unit: Literal["fraction", ""]
    description: str


SPLITS = {"train": "train", "val": "validation", "test": "test"}
"""The splits in their order, with the names that people read."""
METRICS: dict[str, Metric] = {
    "top5": Metric(
        "top-5 accuracy", "fraction", "share of images whose class is among the five highest logits; of over 5 classes"
    ),
}
"""All metrics beside count, correct, loss and accuracy, by their name in records, tables and CSV files.

A new one needs an entry here and a function of its name in `training.metrics`.
"""


class Measurement(Record):
    """Images, right ones among them, mean cross entropy (nats) and METRICS by name, as far as they apply."""

    count: Annotated[Count, Field(ge=1)]
    correct: Count
    loss: Loss
    metrics: dict[Text, Annotated[float, Field(ge=-1e39, le=1e39)]] = Field(default_factory=dict)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def accuracy(self) -> float:
        """The fraction of right images."""
        return self.correct / self.count

    @property
    def values(self) -> dict[str, float | int | None]:
        """All values by name, None for a metric that does not apply."""
        every = {"count": self.count, "correct": self.correct, "accuracy": self.accuracy, "loss": self.loss}
        return {**every, **{name: self.metrics.get(name) for name in METRICS}}

    @model_validator(mode="after")
    def _has_no_more_right_images_than_images(self) -> Self:
        if self.correct > self.count:
            raise ValueError(f"{self.correct} of {self.count} images cannot be correct")
        return self


class CalibrationBin(Record):
    """The images whose confidence falls into one bin: how many, how many of them right, and their mean confidence."""

    count: Count
    correct: Count
    confidence: Fraction

    @computed_field  # type: ignore[prop-decorator]
    @property
    def accuracy(self) -> float:
        """The fraction of right images; 0 without any."""
        return self.correct / (self.count or 1)


class SplitDetails(Record):
    """What is kept of the test split beside its Measurement.

    `confusion[i][j]` counts images of class i taken for class j; None for many classes.
    """

    expected_calibration_error: Fraction
    calibration: tuple[CalibrationBin, ...]
    per_class_count: tuple[Count, ...]
    per_class_correct: tuple[Count, ...]
    confusion: tuple[tuple[Count, ...], ...] | None

    def contradiction(self, test: Measurement) -> str:
        """Say what cannot be true together with the measurement of the same images; "" if all can."""
        counts, correct, bins = self.per_class_count, self.per_class_correct, self.calibration
        if len(counts) != len(correct) or any(right > count for right, count in zip(correct, counts, strict=True)):
            return "a class has more images right than it has images"
        if (sum(counts), sum(correct)) != (test.count, test.correct):
            return "the images of the classes are not those of the test split"
        if sum(each.count for each in bins) != test.count:
            return "the images of the calibration are not those of the test split"
        rows = self.confusion
        if rows is None:
            return ""
        is_square = len(rows) == len(counts) and all(len(row) == len(rows) for row in rows)
        if not is_square or tuple(map(sum, rows)) != counts or tuple(row[i] for i, row in enumerate(rows)) != correct:
            return "the confusion matrix does not fit the classes"
        return ""
