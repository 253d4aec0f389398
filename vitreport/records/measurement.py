"""What was measured: the metrics, the lines of metrics.jsonl and result.json."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, computed_field, model_validator

from vitreport.records.correct_images import unpacked
from vitreport.records.schema import SCHEMA_VERSION, Amount, Count, Fraction, Loss, Record, Text, Version


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


class EpochRecord(Record):
    """One line of metrics.jsonl. `seconds` is that of the training part of the epoch.

    Of `splits` "train" is the mean over the batches of the epoch, with any augmentation and dropout; the others are
    measured after the epoch.
    """

    schema_version: Version = SCHEMA_VERSION
    epoch: Count
    step: Count
    learning_rate: float
    splits: dict[Text, Measurement]
    images_per_second: Amount
    seconds: Amount
    peak_memory_bytes: Count


MOST_MISTAKES = 12
LARGEST_SIDE = 64

Bits = Annotated[str, Field(max_length=100_000, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


class EpochResult(Record):
    """The splits (train, val where there is one, test) measured with the weights of one epoch."""

    epoch: Count
    step: Count
    splits: dict[Text, Measurement]


class Mistake(Record):
    """A test image, by its place in the split, that was taken for another class; classes by their places."""

    index: Count
    label: Count
    predicted: Count
    confidence: Fraction


class MistakeSheet(Record):
    """The mistakes of the highest confidence, the highest first. mistakes.png shows them, `side` pixels each."""

    images: Annotated[tuple[Mistake, ...], Field(min_length=1, max_length=MOST_MISTAKES)]
    side: Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
    sha256: Text


class ResultRecord(Record):
    """result.json: the final evaluation.

    `correct` says of each test image whether the selected weights have it right (see `store.correct`), `mistakes`
    which of them are wrong with the highest confidence; older records lack both.
    """

    schema_version: Version = SCHEMA_VERSION
    selection: Text
    selected: EpochResult
    last: EpochResult
    test: SplitDetails
    correct: Bits | None = None
    mistakes: MistakeSheet | None = None
    weights_sha256: Text
    predictions_sha256: Text

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        """Refuse what would make two places of a report contradict each other."""
        test = self.selected.splits.get("test")
        if test is None:
            raise ValueError("has no test split")
        if fault := self.test.contradiction(test):
            raise ValueError(fault)
        correct = 0
        if self.correct is not None:
            correct = unpacked(self.correct, test.count)
            if correct.bit_count() != test.correct:
                raise ValueError("correct has another number of right images than the test split")
        for mistake in self.mistakes.images if self.mistakes else ():
            is_right = mistake.index >= test.count or correct >> (test.count - 1 - mistake.index) & 1
            classes = len(self.test.per_class_count)
            if is_right or mistake.label == mistake.predicted or max(mistake.label, mistake.predicted) >= classes:
                raise ValueError(f"mistakes: image {mistake.index} was classified correctly or is unknown")
        return self
