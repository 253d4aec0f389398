"""Which images are asked for, where they may be, and who is told about the work. Nothing here loads numpy."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from vitreport.runtime import Runtime
    from vitreport.spec.data import DataSpec

Notify = Callable[[str], None]
Progress = Callable[[str, int, int | None], None]
IntensityRange = Literal["full", "train"] | tuple[float, float]
"""The values of 16-bit grey that become black and white: 0 and 65535, those of the training images, or these."""


@dataclass(frozen=True)
class ImageRequest:
    """A request for the images of a data set.

    Attributes:
        name: The data set: a name of the registry, or that of a folder in `data_dir`.
        image_size: The size to decode a folder to; data sets of the registry keep their published size.
        data_dir: Where the data set is, or where it is downloaded to.
        cache_dir: Where decoded images are kept.
        notify: Receives lines for the user.
        progress: Receives (label, done, total), in images while decoding and in bytes while downloading.
        intensity_range: How 16-bit grey becomes 8 bits; for folders only.
    """

    name: str
    image_size: int
    data_dir: Path
    cache_dir: Path
    notify: Notify = lambda line: None
    progress: Progress = lambda label, done, total: None
    intensity_range: IntensityRange = "full"

    @classmethod
    def of(
        cls,
        data: "DataSpec",
        runtime: "Runtime",
        notify: Notify = lambda line: None,
        progress: Progress = lambda label, done, total: None,
    ) -> "ImageRequest":
        """Return the request for the images of a spec."""
        folders = runtime.data_dir, runtime.cache_dir
        return cls(data.dataset, data.image_size, *folders, notify, progress, data.intensity_range)
