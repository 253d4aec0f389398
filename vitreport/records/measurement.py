"""What was measured: the metrics, the lines of metrics.jsonl and result.json."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Self

from pydantic import Field, computed_field, model_validator

from vitreport.records.schema import SCHEMA_VERSION, Amount, Count, Fraction, Loss, Record, Text, Version

SPLITS = {"train": "train", "val": "validation", "test": "test"}
"""The splits in their order, with the names that people read."""
TRAIN_EVAL = "train_eval"
"""What an epoch calls the training images that are measured after it, without augmentation and dropout."""
MAX_IMAGES = 500_000  # more would make a record large
MAX_MISTAKES = 12
MAX_TILE = 64
METRICS = {"top5": "top-5 accuracy"}
"""The titles of all metrics except count, correct, loss and accuracy, by their name in records, tables and CSV files.

Each is a fraction, shown in percent. A new one needs an entry here and a function of its name in `training.evaluate`.
"""


class Measurement(Record):
    """The images of a split: correct ones among them, mean cross entropy (nats), and the METRICS that apply."""

    count: Annotated[Count, Field(ge=1)]
    correct: Count
    loss: Loss
    metrics: dict[Text, Fraction] = Field(default_factory=dict)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def accuracy(self) -> float:
        """The fraction of correct images."""
        return self.correct / self.count

    @property
    def values(self) -> dict[str, float | int | None]:
        """All values by name, None for a metric that does not apply."""
        every = {"count": self.count, "correct": self.correct, "accuracy": self.accuracy, "loss": self.loss}
        return {**every, **{name: self.metrics.get(name) for name in METRICS}}

    @model_validator(mode="after")
    def _has_no_more_correct_images_than_images(self) -> Self:
        if self.correct > self.count:
            raise ValueError(f"{self.correct} of {self.count} images cannot be correct")
        return self


class EpochRecord(Record):
    """One line of metrics.jsonl. `seconds` is that of the training part of the epoch.

    In `splits`, "train" is the mean over the batches of the epoch, with any augmentation and dropout; the others are
    measured after the epoch, and "train_eval" are the training images again.

    `learning_rate` is that of the last step, `images_per_second` the training images over `seconds`,
    `peak_memory_bytes` of the GPU, else of the process.
    """

    schema_version: Version = SCHEMA_VERSION
    epoch: Count
    step: Count
    learning_rate: float
    splits: dict[Text, Measurement]
    images_per_second: Amount
    seconds: Amount
    peak_memory_bytes: Count


class CalibrationBin(Record):
    """The images whose confidence falls into one bin: how many, how many of them correct, and their mean confidence."""

    count: Count
    correct: Count
    confidence: Fraction

    @computed_field  # type: ignore[prop-decorator]
    @property
    def accuracy(self) -> float:
        """The fraction of correct images; 0 without any."""
        return self.correct / (self.count or 1)

    @model_validator(mode="after")
    def _has_no_more_correct_images_than_images(self) -> Self:
        if self.correct > self.count:
            raise ValueError(f"{self.correct} of {self.count} images cannot be correct")
        return self


class SplitDetails(Record):
    """The test split in detail.

    `confusion[i][j]` counts images of class i taken for class j. With many classes it is None, and
    `per_class_predicted` counts the images taken for each class; older records lack it.
    """

    expected_calibration_error: Fraction
    calibration: tuple[CalibrationBin, ...]
    per_class_count: tuple[Count, ...]
    per_class_correct: tuple[Count, ...]
    confusion: tuple[tuple[Count, ...], ...] | None
    per_class_predicted: tuple[Count, ...] | None = None

    @property
    def predicted(self) -> tuple[int, ...] | None:
        """How many images were taken for each class, if the record says it."""
        return tuple(map(sum, zip(*self.confusion, strict=True))) if self.confusion else self.per_class_predicted

    def fits(self, test: Measurement) -> bool:
        """Return whether all of it can be true together with the measurement of the same images."""
        counts, correct, bins = self.per_class_count, self.per_class_correct, self.calibration
        if len(counts) != len(correct):
            return False
        if (sum(counts), sum(correct)) != (test.count, test.correct):
            return False
        if (sum(each.count for each in bins), sum(each.correct for each in bins)) != (test.count, test.correct):
            return False
        if self.confusion is None:
            return self._has_fitting_predicted(test.count)
        return self.per_class_predicted is None and self._has_fitting_rows(self.confusion)

    def _has_fitting_predicted(self, images: int) -> bool:
        """Return whether the images taken for each class fit those of each class."""
        counts, correct = self.per_class_count, self.per_class_correct
        taken = counts if self.per_class_predicted is None else self.per_class_predicted
        if (len(taken), sum(taken)) != (len(counts), images):
            return False
        return all(right <= min(each) for right, *each in zip(correct, counts, taken, strict=True))

    def _has_fitting_rows(self, rows: tuple[tuple[int, ...], ...]) -> bool:
        """Return whether a confusion matrix fits the images of each class and the correct ones."""
        counts, correct = self.per_class_count, self.per_class_correct
        if {len(counts)} != {len(rows), *map(len, rows)}:
            return False
        return tuple(map(sum, rows)) == counts and tuple(row[i] for i, row in enumerate(rows)) == correct


class EpochResult(Record):
    """The splits (train, val where there is one, test) measured with the weights of one epoch."""

    epoch: Count
    step: Count
    splits: dict[Text, Measurement]


class ClassifiedImage(Record):
    """A test image, its class, and the class that it was taken for; image and classes by their places, from 0."""

    index: Count
    label: Count
    predicted: Count
    confidence: Fraction


class MistakeSheet(Record):
    """The mistakes of the highest confidence, the highest first. mistakes.png shows them, `side` pixels each."""

    images: Annotated[tuple[ClassifiedImage, ...], Field(min_length=1, max_length=MAX_MISTAKES)]
    side: Annotated[int, Field(ge=1, le=MAX_TILE)]
    sha256: Text


class ResultRecord(Record):
    """result.json: the final evaluation.

    `correct` says of each test image whether the selected weights classify it correctly (see `packed`),
    `mistakes` which of them are wrong with the highest confidence; older records lack both.
    """

    schema_version: Version = SCHEMA_VERSION
    selection: Text
    selected: EpochResult
    last: EpochResult
    test: SplitDetails
    correct: Annotated[str, Field(max_length=100_000, pattern=r"^[A-Za-z0-9+/]*={0,2}$")] | None = None
    mistakes: MistakeSheet | None = None
    weights_sha256: Text
    predictions_sha256: Text

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        """Refuse what would make two places of a report contradict each other."""
        test = self.selected.splits.get("test")
        if test is None:
            raise ValueError("has no test split")
        if not self.test.fits(test):
            raise ValueError("the classes, the calibration or the confusion matrix contradict the test split")
        if self.bits is not None and self.bits.bit_count() != test.correct:
            raise ValueError("correct has another number of correct images than the test split")
        for mistake in self.mistakes.images if self.mistakes else ():
            if mistake.label == mistake.predicted or not self.agrees_with(mistake):
                raise ValueError(f"mistakes: image {mistake.index} was classified correctly or is unknown")
        return self

    @property
    def bits(self) -> int | None:
        """`correct` as the bits of a number. Raises ValueError if they are not those of the test images."""
        return None if self.correct is None else unpacked(self.correct, self.selected.splits["test"].count)

    def agrees_with(self, image: ClassifiedImage) -> bool:
        """Return whether there is such a test image, classified as `correct` and `mistakes` say."""
        count, classes, bits = self.selected.splits["test"].count, len(self.test.per_class_count), self.bits
        if image.index >= count or max(image.label, image.predicted) >= classes:
            return False
        known = {each.index: (each.label, each.predicted) for each in self.mistakes.images} if self.mistakes else {}
        answer, is_correct = (image.label, image.predicted), image.label == image.predicted
        is_known = bits is None or bits >> (count - 1 - image.index) & 1 == is_correct
        return is_known and known.get(image.index, answer) == answer


@dataclass(frozen=True)
class CorrectImages:
    """Which of the `count` test images of the dataset with this fingerprint are correct, as the bits of a number."""

    fingerprint: str
    count: int
    correct: int


def packed(correct: Sequence[bool]) -> str | None:
    """Return bits in base64, the first image first and zeros at the end; None for no images, or too many to record."""
    if not 0 < len(correct) <= MAX_IMAGES:
        return None
    size = ceil(len(correct) / 8)
    bits = "".join("01"[each] for each in correct).ljust(8 * size, "0")
    return base64.b64encode(int(bits, 2).to_bytes(size, "big")).decode()


def unpacked(text: str, count: int) -> int:
    """Return a number of `count` bits. Raises ValueError if the text does not hold the bits of so many images."""
    content = base64.b64decode(text, validate=True)
    value, filled = int.from_bytes(content, "big"), -count % 8
    if len(content) != ceil(count / 8) or value & ((1 << filled) - 1):
        raise ValueError(f"correct is not of {count} images")
    return value >> filled


def discordant_pairs(first: CorrectImages | None, second: CorrectImages | None) -> tuple[int, int] | None:
    """Count the images that only the first of two runs classifies correctly, and those that only the second does.

    None where these are not known to be the same images.
    """
    if not (first and second) or (first.fingerprint, first.count) != (second.fingerprint, second.count):
        return None
    return (first.correct & ~second.correct).bit_count(), (second.correct & ~first.correct).bit_count()
