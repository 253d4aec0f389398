"""Records as pandas tables, with the extra `pandas`."""

import warnings
from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from vitreport.errors import RecordError
from vitreport.export.table import Table, epochs_table, runs_table
from vitreport.formatting import counted, listed
from vitreport.records.folders import run_folders
from vitreport.records.reader import Run, read_run

if TYPE_CHECKING:
    import pandas


def runs_frame(folder: str | PathLike[str] = "runs") -> "pandas.DataFrame":
    """Return the runs of a folder as a table, one row each, sorted by name.

    Damaged runs are left out, with a warning that names them. Columns are the dotted paths of `vitreport runs diff`
    without `splits`; what a run lacks is missing in its row. Whole numbers are Int64, others float64, truth values
    boolean, text string.

    * `id`, `group` (the id without the seed: a mean over it is one over seeds), `status` (done, running, failed,
      interrupted), `epoch` (the last whole one). A spec that was trained again has a second row, whose id ends with
      -r2.
    * `model.*`, `data.*`, `optimizer.*`, `schedule.*`, `train.*`, `seed`: the spec. A list is JSON text; a field that
      other architectures lack is missing in their rows.
    * `selected.*` and `last.*`: `epoch`, and `count`, `correct`, `accuracy`, `loss`, `top5` of `train`, `val`,
      `test`. This is what the weights of the best and of the last epoch measured, such as `selected.test.accuracy`:
      images, images, a fraction, nats, a fraction.
    * `test.expected_calibration_error`: of the weights of the best epoch, a fraction.
    * `cost.parameters`, `cost.forward_flops_per_image`, `cost.training_flops_per_image`,
      `cost.activation_bytes_per_image`: FLOPs count a multiply-add as two.
    * `throughput.training_images_per_second`, `throughput.evaluation_images_per_second`, `seconds`,
      `peak_memory_bytes`: as measured on `device`.
    * `started`, `finished`, `device`, `data.fingerprint`, `data.canonical`, `data.source`, `data.split_hash`,
      `data.counts.*` (images of a split), `versions.python`, `versions.vitreport`, `versions.torch`, `git.commit`,
      `git.dirty`, `resumed` (how often), `error.kind`, `error.message`, `command`: where the run comes from; times
      are UTC.

    Raises:
        RecordError: If there is no such folder.
        ResourceError: If pandas is not installed.
    """
    return _load(Path(folder), runs_table)


def epochs_frame(folder: str | PathLike[str] = "runs") -> "pandas.DataFrame":
    """Return the epochs of all runs of a folder, one row each, to be merged with `runs_frame` on `id`.

    `id`, `group`, `seed`, `epoch`, `step` (optimizer steps so far), `learning_rate` (of the epoch's last step),
    `train.accuracy`, `val.accuracy`, `test.accuracy` (fractions), `train.loss`, `val.loss`, `test.loss` (nats),
    `images_per_second` and `seconds` (of the training part), `peak_memory_bytes`. `train.*` are means over the batches
    of the epoch, with any augmentation and dropout; the others are measured after the epoch. The test split is there
    only where it was watched. Types, damage and errors as in `runs_frame`.
    """
    return _load(Path(folder), epochs_table)


def _load(folder: Path, tabulate: Callable[[Iterable[Run]], Table]) -> "pandas.DataFrame":
    """Tabulate the runs one at a time: the epochs of all of them may not fit into memory."""
    if not folder.is_dir():
        raise RecordError(f"there is no folder {folder}")
    damaged: list[str] = []

    def is_sound(run: Run) -> bool:
        if run.damage:
            damaged.append(f"{run.id} ({run.damage[0]})")
        return not run.damage

    table = tabulate(filter(is_sound, map(read_run, run_folders(folder))))
    if damaged:
        warnings.warn(f"{counted(len(damaged), 'damaged run')} left out: {listed(damaged)}", stacklevel=3)
    return table.as_frame()
