"""Whether a spec has been trained already; answered from the record, without torch."""

from collections.abc import Callable

from vitreport.data.arrays import ImageArrays
from vitreport.data.request import ImageRequest
from vitreport.data.sources import open_present
from vitreport.errors import DatasetError, RecordError
from vitreport.randomness import RANDOMNESS_VERSION
from vitreport.records.folders import newest_attempt, refuse_foreign_entries
from vitreport.records.reader import Run, read_run
from vitreport.records.run import RunRecord
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import BESIDE, is_finished


def finished_run(
    spec: RunSpec,
    runtime: Runtime,
    *,
    note: Callable[[str], None],
    progress: Callable[[str, int, int | None], None],
) -> Run | None:
    """The finished run of a spec, None where there is something left to do.

    Raises DivergedError where the run has diverged (it would again), RecordError where its spec or result can be
    neither read nor made again or its folder holds links, DatasetError where it has seen other images than those that
    are here now.
    """
    folder = newest_attempt(runtime.runs_dir, spec.run_id)
    refuse_foreign_entries(folder)
    if not folder.exists():
        return None
    run = read_run(folder)
    if not run.record or not is_finished(run):
        return None
    images = open_present(ImageRequest.of(spec.data, runtime, note, progress))
    if images:
        refuse_other_images(run.record, images, BESIDE)
    return run


def refuse_other_images(record: RunRecord, images: ImageArrays, hint: str) -> None:
    """Raises DatasetError where a run was trained on other images than these."""
    recorded, present = record.data.fingerprint, images.fingerprint
    if recorded != present:
        raise DatasetError(f"run {record.id} was trained on other images: {recorded[:12]}, now {present[:12]}", hint)


def refuse_other_randomness(record: RunRecord) -> None:
    """Raises RecordError where the rest of a run would draw its random numbers by another function than the start."""
    if record.randomness != RANDOMNESS_VERSION:
        raise RecordError(
            f"run {record.id} cannot be resumed: it started with randomness version {record.randomness}, "
            f"this vitreport has version {RANDOMNESS_VERSION}",
            "`--force` trains it again from the start, in a new folder",
        )
