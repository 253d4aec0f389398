"""What a run needs from the machine and what does not change its result: no part of the spec."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from platformdirs import user_cache_path

from vitreport.errors import SpecError


class RuntimeOption(NamedTuple):
    """An option of the machine: the one place of its name, its default and its help."""

    name: str
    default: Any
    help: str

    @property
    def flag(self) -> str:
        """As in --data-dir."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable, as in VITREPORT_DATA_DIR."""
        return f"VITREPORT_{self.name.upper()}"

    def given_as(self, value: object) -> str:
        """Return the variable if it gives this value, else the flag."""
        return self.variable if os.environ.get(self.variable) == str(value) else self.flag


DEVICE = RuntimeOption("device", "auto", "Device to compute on: auto, cpu, cuda or cuda:N.")
THREADS = RuntimeOption("threads", None, "Number of CPU threads (default: chosen by PyTorch).")
COMPILE = RuntimeOption("compile", "auto", "Use torch.compile: auto (where it saves time), on or off.")
CUDA_GRAPHS = RuntimeOption(
    "cuda_graphs", False, "Start the kernels of a training step together (experimental, GPUs only)."
)
TRIALS_PER_JOB = RuntimeOption(
    "trials_per_job", 1, "Number of trials that each job trains at the same time (experimental, for GPUs)."
)
DATA_DIR = RuntimeOption("data_dir", None, "Dataset directory; repeat to search several in order.")
CACHE_DIR = RuntimeOption("cache_dir", None, "Directory of decoded images and downloads.")
RUNS_DIR = RuntimeOption("runs_dir", Path("runs"), "Directory of the runs.")
CHECKPOINT_SECONDS = RuntimeOption(
    "checkpoint_seconds",
    30.0,
    "Save a checkpoint every N seconds, or less often if saving is slow; 0 means every step.",
)
GPUS = RuntimeOption("gpus", 1, "Number of GPUs to train on, with one process for each.")
BATCH_NORM = RuntimeOption(
    "batch_norm", "local", "With several GPUs, normalize over the images of each GPU (local) or of all (synchronized)."
)
BATCH_NORM_KINDS = ("local", "synchronized")
ENGINE = RuntimeOption("engine", None, "Where to train: local or slurm (default: from the study, or local).")
ENGINE_OPTION = RuntimeOption("engine_option", None, "Option of the engine, such as partition=gpu; repeat for several.")
DEBUG = RuntimeOption("debug", False, "Show the traceback of an error.")
OPTIONS = (
    DEVICE,
    THREADS,
    COMPILE,
    CUDA_GRAPHS,
    TRIALS_PER_JOB,
    DATA_DIR,
    CACHE_DIR,
    RUNS_DIR,
    CHECKPOINT_SECONDS,
    GPUS,
    BATCH_NORM,
    ENGINE,
    ENGINE_OPTION,
    DEBUG,
)
LEAST = {THREADS.name: 1, TRIALS_PER_JOB.name: 1, CHECKPOINT_SECONDS.name: 0}
"""The smallest value of options that are numbers."""
VARIABLES = frozenset(option.variable for option in OPTIONS)
"""Environment variables that do not set fields of the spec."""

SHORT_SPIN = {"GOMP_SPINCOUNT": "5000", "KMP_BLOCKTIME": "1"}
"""Makes idle threads sleep soon: GNU's OpenMP, and LLVM's and Intel's. Only GNU's has been measured."""
SPIN_VARIABLES = (*SHORT_SPIN, "OMP_WAIT_POLICY")


def limit_spinning() -> None:
    """Make idle threads free their cores for other processes, unless the user has set one of SPIN_VARIABLES.

    OpenMP reads its variables when torch is loaded, so a later change would have no effect.
    """
    if "torch" not in sys.modules and not os.environ.keys() & set(SPIN_VARIABLES):
        os.environ.update(SHORT_SPIN)


class Launched(NamedTuple):
    """The place of a process among those that torchrun has started, on all machines and on this one."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1


def launched() -> Launched:
    """Return what torchrun says about this process; a process that something else has started is alone."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Launched()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    return Launched(*(int(os.environ[name]) for name in names))


def usable_cores() -> int:
    """Return the number of cores that this process may use; a container may allow fewer than the machine has."""
    from joblib.externals.loky import cpu_count  # joblib's own is 1 where it cannot start processes

    return int(cpu_count())


def cache_dir() -> Path:
    """Return the directory in VITREPORT_CACHE_DIR, or the user's cache directory."""
    return Path(os.environ.get(CACHE_DIR.variable) or user_cache_path("vitreport"))


def default_data_dir() -> Path:
    """Return the directory in which datasets are looked for by default."""
    return cache_dir() / "data"


def data_dirs_or_default(given: Sequence[Path] | None) -> Sequence[Path]:
    """Return the directories to search for datasets."""
    return given or [default_data_dir()]


@dataclass(frozen=True)
class Runtime:
    """Where and how a run is executed. The defaults are those of `vitreport train`.

    Of the environment variables, only VITREPORT_CACHE_DIR is used. Paths may be given as text.

    Attributes:
        device: A torch device, or "auto".
        data_dir: The directory to look for datasets in, and to download them to.
        cache_dir: The directory of decoded images.
        runs_dir: The directory of the runs.
        threads: The number of CPU threads; None lets PyTorch choose.
        compile: Whether to compile the network with `torch.compile` for training: "auto" (where it saves time), "on" or
            "off".
        cuda_graphs: Whether to train with a CUDA graph of a step on a GPU.
        trials_per_job: The number of trials of a sweep that each process on this machine trains at the same time.
        checkpoint_seconds: The time between checkpoints, longer if saving is slow; 0 means every step.
        weights: The file whose SHA-256 `model.pretrained` contains.
        batch_norm: "local" or "synchronized": over which images several GPUs normalize.
    """

    device: str = DEVICE.default
    data_dir: Path = field(default_factory=default_data_dir)
    cache_dir: Path = field(default_factory=cache_dir)
    runs_dir: Path = RUNS_DIR.default
    threads: int | None = THREADS.default
    compile: str = COMPILE.default
    cuda_graphs: bool = CUDA_GRAPHS.default
    trials_per_job: int = TRIALS_PER_JOB.default
    checkpoint_seconds: float = CHECKPOINT_SECONDS.default
    weights: Path | None = None
    batch_norm: str = BATCH_NORM.default

    def __post_init__(self) -> None:
        for name in ("data_dir", "cache_dir", "runs_dir", "weights"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(path))
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise SpecError(f"{name} = {value}: must be at least {least}")
        if self.batch_norm not in BATCH_NORM_KINDS:
            raise SpecError(f"batch_norm = {self.batch_norm!r}: unknown kind", "use local or synchronized")
