"""result.json: the final evaluation."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from vitreport.records.correct_images import unpacked
from vitreport.records.measurement import Measurement, SplitDetails
from vitreport.records.schema import SCHEMA_VERSION, Count, Fraction, Record, Text, Version

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
