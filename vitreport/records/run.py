"""run.json: what happened to a run, on which images and on which kind of machine; and the file of a sweep."""

from collections.abc import Callable, Sequence
from typing import Literal, Self

from pydantic import model_validator

from vitreport.records.schema import SCHEMA_VERSION, Amount, Count, PublicText, Record, Text, Version
from vitreport.spec.sweep import AxisSpec

Status = Literal["running", "done", "failed", "interrupted"]
ErrorKind = Literal["diverged", "resources", "internal"]


class DataRecord(Record):
    """Which images a run saw, and the mean and deviation of their channels (white is 1).

    `fingerprint` and `split_hash` are SHA-256 of the decoded dataset and of the split. `overlap` counts the test images
    that are training images too. `intensity_range` is None except in records of a version that scaled 16-bit gray from
    another range. Older records lack `overlap` and `class_counts`, the images of each class by split.
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
    def _counts_every_class(self) -> Self:
        counts = self.class_counts
        if counts and (not {"train", "test"} <= {*counts} or {*map(len, counts.values())} != {len(self.classes)}):
            raise ValueError("class_counts must have a number for each class of the train and the test split")
        return self


class NetworkCost(Record):
    """What a network costs for one image: FLOPs (two for a multiply-add), not MACs, and memory.

    `activation_bytes_per_image` is what autograd saves for the backward pass; older records lack it. The FLOPs are a
    lower bound where torch's counter has no formula for an operation; older records name it in `uncounted_operations`.
    """

    parameters: Count
    forward_flops_per_image: Count
    training_flops_per_image: Count
    activation_bytes_per_image: Count | None = None
    uncounted_operations: tuple[Text, ...] = ()


class ThroughputRecord(Record):
    """Images/s: of training the median over the epochs, of evaluation that of the test split.

    `latency_ms` is the median time for a single image. Older records lack it.
    """

    training_images_per_second: Amount
    evaluation_images_per_second: Amount
    latency_ms: Amount | None = None


class InitialWeights(Record):
    """Where the weights came from that the training started with.

    `loaded` counts the tensors that were taken; the others are named, those of a classifier of other classes as
    `reclassed`. Older records lack `reclassed` and `classifier`.
    """

    source: PublicText
    sha256: Text | None
    loaded: Count
    missing: tuple[Text, ...]
    unexpected: tuple[Text, ...]
    reshaped: tuple[Text, ...]
    reclassed: tuple[Text, ...] = ()
    classifier: Literal["fresh", "same classes", "unnamed classes"] | None = None

    def in_words(self, written: Callable[[Sequence[str]], str]) -> str:
        """Describe what was loaded and what was not. `written` formats the names of tensors."""
        known = {"same classes": "the same classes", "unnamed classes": "classes that the file does not name"}
        words = known.get(self.classifier or "")
        classifier = [f"classifier: loaded, with {words}"] if words else []
        kinds = {
            "random (different shape)": self.reshaped,
            "random (different classes)": self.reclassed,
            "random (not in the file)": self.missing,
            "not used": self.unexpected,
        }
        others = [f"{kind}: {written(names)}" for kind, names in kinds.items() if names]
        digest = f" (sha256 {self.sha256[:12]})" if self.sha256 else ""
        return "; ".join([f"{self.loaded} tensors from {self.source}{digest}", *classifier, *others])


class GitRecord(Record):
    """The commit of the repository that the command ran in, which need not be vitreport's.

    It is `dirty` if tracked files were changed.
    """

    commit: Text
    dirty: bool

    def __str__(self) -> str:
        """Return the start of the hash, as in "0123456789ab, with changes"."""
        return f"{self.commit[:12]}{', with changes' if self.dirty else ''}"


class ResumeRecord(Record):
    """Where a run was resumed; `changed` maps what differs from the fingerprint of its start to [before, now]."""

    step: Count
    time: Text
    changed: dict[Text, tuple[Text, Text]]


class ErrorRecord(Record):
    """The error that ended a run."""

    kind: ErrorKind
    message: PublicText


class RunRecord(Record):
    """run.json. Times are UTC in ISO 8601. `throughput` is there when the run is done; older records lack it.

    `trials_per_job` is how many runs could share the process, the largest number since the start. Each makes the others
    slower.
    """

    schema_version: Version = SCHEMA_VERSION
    id: Text
    status: Status
    started: Text
    heartbeat: Text
    finished: Text | None = None
    step: Count = 0
    seconds: Amount = 0.0
    trials_per_job: Count = 1
    argv: tuple[PublicText, ...]
    device: Text
    fingerprint: dict[Text, Text]
    versions: dict[Text, Text]
    git: GitRecord | None
    data: DataRecord
    cost: NetworkCost
    throughput: ThroughputRecord | None = None
    weights: InitialWeights | None = None
    resumed: tuple[ResumeRecord, ...] = ()
    error: ErrorRecord | None = None

    @property
    def randomness(self) -> str:
        """The version of the function from a seed to random numbers; the first was not recorded."""
        return self.fingerprint.get("randomness", "1")

    def newest(self, name: str) -> str:
        """Return what an entry of the fingerprint was in the end, after the last resume; "" if it is not recorded."""
        changes = [resumed.changed[name][1] for resumed in self.resumed if name in resumed.changed]
        return changes[-1] if changes else self.fingerprint.get(name, "")


class TrialRecord(Record):
    """One run of a sweep: the label of its value of each axis, and its id without the number of its attempt."""

    values: tuple[str, ...]
    run: Text


class SweepRecord(Record):
    """sweeps/<id>.json: a sweep as it was planned; its results are in the records of its runs.

    `baseline` holds the labels of the combination that the others are compared with.
    """

    schema_version: Version = SCHEMA_VERSION
    id: Text
    name: str
    axes: tuple[AxisSpec, ...]
    baseline: tuple[str, ...] | None
    trials: tuple[TrialRecord, ...]

    @model_validator(mode="after")
    def _check_values(self) -> Self:
        known = [{value.label for value in axis.values} for axis in self.axes]
        for values in [trial.values for trial in self.trials] + ([self.baseline] if self.baseline else []):
            if len(values) != len(known) or any(label not in of for label, of in zip(values, known, strict=True)):
                raise ValueError("a trial or the baseline does not have one value of each axis")
        return self
