"""The files of a run folder as types: what is written is what is read back."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vitreport.privacy import without_paths

SCHEMA_VERSION = 1
MAX_TEXT = 1000
MOST_MISTAKES = 12
LARGEST_SIDE = 64

Version = Annotated[int, Field(ge=1, le=SCHEMA_VERSION)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
PublicText = Annotated[Text, AfterValidator(without_paths)]
"""Text in which older records may name folders of a machine and its users."""
Former = Field(default=None, exclude=True)
"""A field of older records which names the machine: it is read, and never written again."""
Count = Annotated[int, Field(ge=0, lt=2**63)]
Accuracy = Annotated[float, Field(ge=0, le=1)]
Loss = Annotated[float, Field(ge=-1e39, le=1e39)]  # a network that diverges may come near the largest float32
Amount = Annotated[float, Field(ge=0, le=1e12)]  # of seconds, or of images a second
Bits = Annotated[str, Field(max_length=100_000, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
Status = Literal["running", "done", "failed", "interrupted"]
ErrorKind = Literal["diverged", "resources", "internal"]


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class DataRecord(Record):
    """Which images a run saw, and the mean and deviation of their channels (white is 1).

    `fingerprint` is the SHA-256 of the decoded data set, `split_hash` that of the split. `overlap` counts the test
    images that are training images too; older records lack it. So they lack `class_counts`: by split, as in `counts`,
    the images of each class. `intensity_range` are the 16-bit values that became black and white, where they are not 0
    and 65535.
    """

    fingerprint: Text
    canonical: bool
    source: PublicText
    classes: tuple[Text, ...]
    counts: dict[Text, Count]
    class_counts: dict[Text, tuple[Count, ...]] | None = None
    split_hash: Text
    resized: Count
    overlap: Count | None = None
    intensity_range: tuple[float, float] | None = None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @model_validator(mode="after")
    def _counts_every_class(self) -> "DataRecord":
        counts = self.class_counts
        if counts is not None and not {"train", "test"} <= set(counts):
            raise ValueError("class_counts lacks the train or the test split")
        if any(len(sizes) != len(self.classes) for sizes in (counts or {}).values()):
            raise ValueError("class_counts must have one number for each class")
        return self


class CostRecord(Record):
    """FLOPs, not MACs: a multiply-add counts as two; a lower bound where operations are named as uncounted.

    `activation_bytes_per_image` is what autograd saves for the backward pass; older records lack it.
    """

    parameters: Count
    forward_flops_per_image: Count
    training_flops_per_image: Count
    activation_bytes_per_image: Count | None = None
    uncounted_operations: tuple[Text, ...] = ()


class ThroughputRecord(Record):
    """Images/s: of training the median over the epochs, of evaluation that of the test split."""

    training_images_per_second: Amount
    evaluation_images_per_second: Amount


class WeightsRecord(Record):
    """Where the weights came from that the training started with.

    `loaded` counts the tensors that were taken. Those that were not are of the classifier, `reclassed` because it told
    other classes apart; of their names so many are kept that the record stays small. Older records lack `reclassed`
    and `classifier`.
    """

    source: PublicText
    sha256: Text | None
    loaded: Count
    missing: tuple[Text, ...]
    unexpected: tuple[Text, ...]
    reshaped: tuple[Text, ...]
    reclassed: tuple[Text, ...] = ()
    classifier: Literal["fresh", "same classes", "unnamed classes"] | None = None


class GitRecord(Record):
    commit: Text
    dirty: bool


class ResumeRecord(Record):
    """`changed` maps what differs from the fingerprint of the run's start to [before, now]."""

    step: Count
    time: Text
    changed: dict[Text, tuple[Text, Text]]


class ErrorRecord(Record):
    kind: ErrorKind
    message: PublicText


class RunRecord(Record):
    """run.json: what happened to a run, and on which kind of machine. Times are UTC in ISO 8601.

    `throughput` is there when the run is done; older records lack it.
    """

    schema_version: Version = SCHEMA_VERSION
    id: Text
    status: Status
    started: Text
    heartbeat: Text
    finished: Text | None = None
    step: Count = 0
    seconds: Amount = 0.0
    argv: tuple[PublicText, ...]
    host: Text | None = Former
    process: Count | None = Former
    device: Text
    fingerprint: dict[Text, Text]
    versions: dict[Text, Text]
    git: GitRecord | None
    data: DataRecord
    cost: CostRecord
    throughput: ThroughputRecord | None = None
    weights: WeightsRecord | None = None
    resumed: tuple[ResumeRecord, ...] = ()
    error: ErrorRecord | None = None

    @property
    def randomness(self) -> str:
        """The version of the function from a seed to random numbers; the first was not recorded."""
        return self.fingerprint.get("randomness", "1")


class HolderRecord(Record):
    """.holder: the process that writes to the run now; it stays on its machine."""

    process: Count
    host: Text
    started: Text


class SplitRecord(Record):
    loss: Loss
    accuracy: Accuracy


class EpochRecord(Record):
    """One line of metrics.jsonl. `seconds` is that of the training part of the epoch.

    Of `splits` "train" is the mean over the batches of the epoch, with any augmentation and dropout; the others are
    measured after the epoch.
    """

    schema_version: Version = SCHEMA_VERSION
    epoch: Count
    step: Count
    learning_rate: float
    splits: dict[Text, SplitRecord]
    images_per_second: Amount
    seconds: Amount
    peak_memory_bytes: Count


class MeasurementRecord(Record):
    count: Count
    loss: Loss
    accuracy: Accuracy
    top5: Accuracy | None


class BinRecord(Record):
    count: Count
    confidence: Accuracy
    accuracy: Accuracy


class DetailRecord(Record):
    """Of the test split: `confusion[i][j]` counts images of class i taken for class j; None for many classes."""

    expected_calibration_error: Accuracy
    calibration: tuple[BinRecord, ...]
    per_class_count: tuple[Count, ...]
    per_class_correct: tuple[Count, ...]
    confusion: tuple[tuple[Count, ...], ...] | None


class EpochResult(Record):
    """The splits (train, val where there is one, test) measured with the weights of one epoch."""

    epoch: Count
    step: Count
    splits: dict[Text, MeasurementRecord]


class MistakeRecord(Record):
    """A test image, by its place in the split, that was taken for another class; classes by their places."""

    index: Count
    label: Count
    predicted: Count
    confidence: Accuracy


class MistakesRecord(Record):
    """The mistakes of the highest confidence, the highest first. mistakes.png shows them, `side` pixels each."""

    images: Annotated[tuple[MistakeRecord, ...], Field(min_length=1, max_length=MOST_MISTAKES)]
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
    test: DetailRecord
    correct: Bits | None = None
    mistakes: MistakesRecord | None = None
    weights_sha256: Text
    predictions_sha256: Text
