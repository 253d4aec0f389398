"""The images of a sweep, which several trials share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from vitreport.data.cache import ImageArrays
from vitreport.data.sources import open_dataset
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.store.finished import refuse_other_images
from vitreport.sweep.plan import Trial


def open_images(
    trials: Sequence[Trial],
    runs: Mapping[str, Run],
    runtime: Runtime,
    note: Callable[[str], None],
    progress: Callable[[str, int, int | None], None],
) -> ImageArrays:
    """Open the images of trials that have the same ones.

    Raises:
        DatasetError: There are none, or others than a run on record has seen.
        ResourceError: They cannot be fetched or kept.
    """
    data = trials[0].spec.data
    images = open_dataset(
        data.dataset,
        image_size=data.image_size,
        data_dir=runtime.data_dir,
        cache_dir=runtime.cache_dir,
        notify=note,
        progress=progress,
        intensity_range=data.intensity_range,
    )
    for trial in trials:
        if (run := runs.get(trial.id)) and run.record:
            refuse_other_images(run.record, images, "bring the former images back, or choose another --runs-dir")
    return images


def images_of(trial: Trial) -> tuple[str, int, Literal["full", "train"]]:
    """What settles which images a trial has, and how they are decoded."""
    data = trial.spec.data
    return data.dataset, data.image_size, data.intensity_range
