"""A line of metrics.jsonl: one epoch."""

from vitreport.records.measurement import Measurement
from vitreport.records.schema import SCHEMA_VERSION, Amount, Count, Record, Text, Version


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
