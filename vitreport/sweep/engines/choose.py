"""Make the engine that a user has chosen."""

import math
from collections.abc import Sequence
from functools import partial

from vitreport.errors import SpecError
from vitreport.spec.engine import EngineSpec
from vitreport.sweep.engines.engine import MakeEngine
from vitreport.sweep.engines.local import LocalEngine
from vitreport.sweep.engines.slurm import SECONDS_BETWEEN_LOOKS, SlurmEngine
from vitreport.sweep.engines.slurm_commands import LOOK


def choose_engine(
    engine: EngineSpec, *, jobs: int, jobs_per_gpu: int = 1, argv: Sequence[str] = (), detach: bool = False
) -> MakeEngine:
    """Return a function that makes the engine. Raises SpecError for options that do not fit it."""
    if engine.name == "local":
        if detach:
            raise SpecError("--detach: trials on this machine end with the command", "use --engine slurm, or nohup")
        return partial(LocalEngine, jobs, argv=argv, jobs_per_gpu=jobs_per_gpu)
    if jobs_per_gpu > 1:
        raise SpecError("--jobs-per-gpu is an option for this machine", "use --engine-option gpus=N for each job")
    try:
        seconds = float(engine.options.get(LOOK, SECONDS_BETWEEN_LOOKS))
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        hint = f"leave it out for {SECONDS_BETWEEN_LOOKS:g} s"
        raise SpecError(f"--engine-option {LOOK}: must be a number greater than 0", hint)
    arrays = set[str]()  # of all sweeps of the command
    make = partial(SlurmEngine, jobs, options=engine.options, argv=argv, detach=detach, arrays=arrays)
    return partial(make, seconds_between_looks=seconds)
