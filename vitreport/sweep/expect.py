"""How long a trial will take, from the records of runs like it."""

from collections.abc import Collection, Iterable, Mapping
from heapq import heapreplace
from statistics import median

from vitreport.records.reader import Run
from vitreport.spec.run import RunSpec


def expected_seconds(spec: RunSpec, runs: Iterable[Run], device: str, threads: int) -> float | None:
    """The median time an epoch of the runs most like it, times its epochs.

    Those of the same architecture on the same device and as many of the same images count; of these the ones with
    the same network, batch size, precision and number of threads count before the others, in this order. None where
    there is none.
    """
    similar: dict[tuple[bool, ...], list[float]] = {}
    for run in runs:
        if (
            run.spec
            and run.record
            and run.record.status == "done"
            and run.record.device == device
            and _fits(spec, run.spec)
        ):
            seconds = run.record.seconds / run.spec.train.epochs
            same_threads = run.record.fingerprint.get("threads") == str(threads)
            similar.setdefault((*_likeness(spec, run.spec), same_threads), []).append(seconds)
    return median(similar[max(similar)]) * spec.train.epochs if similar else None


def elapsed_seconds(seconds: Iterable[float], jobs: int) -> float:
    """From the first to the last, where each run in turn goes to the job that is free first."""
    ends = [0.0] * jobs
    for duration in seconds:
        heapreplace(ends, ends[0] + duration)
    return max(ends)


def remaining_seconds(
    shares: Mapping[str, float], begun: Mapping[str, float], elapsed: float, ended: Collection[str] = ()
) -> float | None:
    """The time left, where `shares` is how much of each run is done (0 to 1) and `begun` how much was at the start.

    What was done of the `ended` counts, and nothing is left of them, wherever they ended.
    """
    done = sum(share - begun.get(run_id, 0.0) for run_id, share in shares.items())
    left = sum(1 - share for run_id, share in shares.items() if run_id not in ended)
    return elapsed * left / done if done > 0 else None


def _fits(spec: RunSpec, other: RunSpec) -> bool:
    names = ("dataset", "image_size", "limit", "validation_fraction", "validation")
    same_data = all(getattr(spec.data, name) == getattr(other.data, name) for name in names)
    return same_data and spec.model.label == other.model.label


def _likeness(spec: RunSpec, other: RunSpec) -> tuple[bool, ...]:
    """Whether the network, the batch size and the precision are the same: the earlier, the more it counts."""
    names = ("batch_size", "precision")
    return spec.model == other.model, *(getattr(spec.train, name) == getattr(other.train, name) for name in names)
