"""What every engine does: it trains specs somewhere and reports when one is no longer running.

Whether a trial is done is read from its run folder, so reports may be few: an engine whose jobs report nothing yields
`Ended()` when a job is gone.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from vitreport import errors
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.training.events import Event


@dataclass(frozen=True)
class Ended:
    """A trial is no longer running. The attributes are used only if its record has no result.

    Attributes:
        reason: Why the trial ended, if the engine knows it.
        is_busy: Whether another process is using the run.
        is_temporary: Whether another attempt may succeed: the cause was outside the trial, such as a signal.
        is_stop: Whether the trial was asked to stop, as at a time limit; this is no failure if it made progress.
        is_attempt: Whether it counts as an attempt: it does not if another trial may have ended the process of both.
        is_full: Whether the disk has no room, which ends the sweep.
    """

    reason: str = ""
    is_busy: bool = False
    is_temporary: bool = False
    is_stop: bool = False
    is_attempt: bool = True
    is_full: bool = False


def end_after(error: Exception) -> Ended:
    """Return the end of a trial that an error has ended."""
    if isinstance(error, errors.FullDiskError):
        return Ended(error.message, is_full=True)
    if not isinstance(error, errors.VitreportError):
        return Ended(f"this is a bug in vitreport: {type(error).__name__}: {error}")
    if isinstance(error, errors.StoppedError):
        return Ended(error.message, is_temporary=True, is_stop=True)
    # also if no GPU is found: another node may have one
    is_temporary = isinstance(error, errors.ResourceError) and not isinstance(error, errors.StorageError)
    return Ended("; ".join(error.lines()), isinstance(error, errors.BusyError), is_temporary)


State = Literal["waiting", "running"]
"""Whether a submitted trial waits in the queue of a cluster, or has begun."""


@dataclass(frozen=True)
class Moved:
    """A submitted trial has begun, or waits again."""

    state: State


Report = Event | str | Moved | Ended
"""Something that happened in a trial: an event of the training, a line for the user, a new state, or its end."""


class Engine(AbstractContextManager[object, None], Protocol):
    """Trains specs. It is a context manager; what is left of the jobs when it ends is up to the engine."""

    outlives_command: bool
    """Whether jobs continue after this process has ended, unless `stop` was called."""

    def check(self) -> None:
        """Raise SpecError or ResourceError if no trial can be trained here. Called before the images are read."""

    @property
    def running(self) -> Collection[str]:
        """The ids of the runs that were submitted and have not ended."""

    @property
    def has_room(self) -> bool:
        """Whether `submit` can take a trial now."""

    def adopt(self, run_ids: Collection[str]) -> Collection[str]:
        """Take over the jobs that an earlier process has left for these runs; return the ids of those with a job."""

    def submit(self, spec: RunSpec, data_dir: Path | None = None) -> State:
        """Start to train a spec, or put it into a queue. Its dataset is in `data_dir` (default: of the runtime)."""

    def reports(self, seconds: float) -> Sequence[tuple[str, Report]]:
        """Return what happened, with the ids of the runs, after at most `seconds`.

        Raises ResourceError if no trial can continue.
        """

    def stop(self) -> None:
        """Ask every running trial to save a checkpoint and to end."""


MakeEngine = Callable[[Runtime, Callable[[str], None]], Engine]
"""Makes an engine for runs with a runtime; the second argument shows a line to the user."""
