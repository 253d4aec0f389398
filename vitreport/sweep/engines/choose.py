"""Make the engine that a user has chosen."""

from collections.abc import Sequence
from functools import partial

from vitreport.errors import SpecError
from vitreport.spec.engine import EngineSpec
from vitreport.sweep.engines.engine import MakeEngine
from vitreport.sweep.engines.local import LocalEngine
from vitreport.sweep.engines.slurm import SlurmEngine

LOOK = "seconds-between-looks"


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
    options = dict(engine.options)
    try:
        seconds = float(options.pop(LOOK, 0))
    except ValueError as error:
        raise SpecError(f"--engine-option {LOOK}: must be a number", "leave it out for 15 s") from error
    engine_maker = partial(SlurmEngine, jobs, options=options, argv=argv, detach=detach)
    return partial(engine_maker, seconds_between_looks=seconds) if seconds else engine_maker
