"""What a spec needs to know of a dataset, found in the folders that the user names."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vitreport.data.sources import describe, home_of, locate
from vitreport.runtime import data_dirs_or_default
from vitreport.spec.data import DatasetFacts


def facts_in(data_dirs: Sequence[Path] | None) -> Callable[[str, int | None], DatasetFacts]:
    """Return a function that describes a dataset by its name or path and the image size that the user chose.

    It looks into `data_dirs` in their order (default: the folder for downloads). It raises SpecError for an unknown
    name or images that are not square, DatasetError for a path that is not a folder of images.
    """

    def facts(dataset: str, image_size: int | None) -> DatasetFacts:
        home = home_of(dataset, data_dirs_or_default(data_dirs))
        return replace(describe(dataset, home, image_size), data_dir=locate(dataset, home)[1])

    return facts
