"""run.json: what happened to a run, on which images and on which kind of machine."""

from typing import Literal, Self

from pydantic import model_validator

from vitreport.records.schema import SCHEMA_VERSION, Amount, Count, PublicText, Record, Text, Version

Status = Literal["running", "done", "failed", "interrupted"]
ErrorKind = Literal["diverged", "resources", "internal"]
MAX_NAMES = 50  # of tensors


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


class Cost(Record):
    """What a network costs for one image: FLOPs (two for a multiply-add), not MACs, and memory.

    `activation_bytes_per_image` is what autograd saves for the backward pass; older records lack it.
    `uncounted_operations` names what the network does that torch's counter has no formula for; where there are any,
    the FLOPs are a lower bound.
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


class InitialWeights(Record):
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

    def shortened(self) -> Self:
        """Return it with as many names as a small record has room for."""
        kinds = ("missing", "unexpected", "reshaped", "reclassed")
        return self.model_copy(update={kind: getattr(self, kind)[:MAX_NAMES] for kind in kinds})


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
    device: Text
    fingerprint: dict[Text, Text]
    versions: dict[Text, Text]
    git: GitRecord | None
    data: DataRecord
    cost: Cost
    throughput: ThroughputRecord | None = None
    weights: InitialWeights | None = None
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
