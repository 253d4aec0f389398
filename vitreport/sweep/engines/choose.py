"""Make the engine that a user has chosen."""

from collections.abc import Sequence
from functools import partial

from vitreport.errors import SpecError
from vitreport.spec.engine import LOOK, EngineSpec
from vitreport.sweep.engines.engine import MakeEngine
from vitreport.sweep.engines.local import LocalEngine
from vitreport.sweep.engines.slurm import POLL_SECONDS, SlurmEngine


def choose_engine(
    engine: EngineSpec, *, jobs: int, jobs_per_gpu: int = 1, argv: Sequence[str] = (), detach: bool = False
) -> MakeEngine:
    """Return a function that makes the engine. Raises SpecError for options that do not fit it."""
    if engine.name == "local":
        if detach:
            raise SpecError("--detach: trials on this machine end with the command", "use --engine slurm, or nohup")
        return partial(LocalEngine, jobs, argv=argv, jobs_per_gpu=jobs_per_gpu)
    if jobs_per_gpu > 1:
        raise SpecError(
            f"--jobs-per-gpu cannot be used with --engine {engine.name}", "use --engine-option gpus=N for each job"
        )
    seconds = float(engine.options.get(LOOK, POLL_SECONDS))
    return partial(SlurmEngine, jobs, options=engine.options, argv=argv, detach=detach, seconds_between_looks=seconds)
