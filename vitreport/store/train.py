"""Train one run from its spec to its record, at once or in turns with other runs of the same process."""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from vitreport.errors import DivergedError, StoppedError
from vitreport.files import make_folder, refuse_unwritable
from vitreport.records.folders import newest_attempt, next_attempt, refuse_links_in
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import held, is_finished
from vitreport.store.session import Session
from vitreport.store.signals import StopBetweenSteps, StopSignal, StopSignals, stop_signals
from vitreport.training import parallel
from vitreport.training.device import choose_device
from vitreport.training.events import Listener


def train_run(spec: RunSpec, runtime: Runtime, *, force: bool, argv: Sequence[str], listener: Listener) -> Path:
    """Train a spec (with `force` in a new folder) or resume its run; return the folder of the finished record."""
    folder = (next_attempt if force else newest_attempt)(runtime.runs_dir, spec.run_id)
    command = "the same command without --force" if force else "the same command"
    with _stopping(command), stop_signals() as stop:
        turns = train_in_turns(spec, runtime, folder, stop, argv, listener, command)
        with closing(turns):
            deque(turns, maxlen=0)
    return folder


def train_in_turns(
    spec: RunSpec,
    runtime: Runtime,
    folder: Path,
    stop: StopSignals,
    argv: Sequence[str],
    listener: Listener,
    command: str = "the same command",
) -> Generator[None]:
    """Do what `train_run` does in this folder. Yield between two steps, where another run may have its turn."""
    with _stopping(command), parallel.joined(choose_device(runtime.device)):
        with parallel.ready_together():
            if not parallel.rank():
                refuse_links_in(folder)
                refuse_unwritable(folder)
            session = Session(spec, runtime, folder, argv, Listener() if parallel.rank() else listener)
        if parallel.rank():
            session.follow(stop)
            return
        make_folder(folder)
        with held(folder, listener.note) as check_hold:
            refuse_links_in(folder)  # once more, now that no other process writes to it
            if is_finished(read_run(folder)):  # another process has just done it
                parallel.from_first(None)
                return
            writer = session.open(folder, check_hold)
            with parallel.ending_together(StopBetweenSteps, DivergedError):
                try:
                    yield from session.train(writer, stop)
                except BaseException as error:
                    writer.record_failure(error, command)
                    raise


@contextmanager
def _stopping(command: str) -> Iterator[None]:
    """Raise StoppedError after a signal."""
    try:
        yield
    except StopSignal as stopped:
        hint = f"run {command} again to resume the run"
        raise StoppedError(f"stopped by {stopped}", hint, signal_number=stopped.signal_number) from stopped
