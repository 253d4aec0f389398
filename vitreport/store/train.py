"""Train one run from its spec to its record, alone or taking turns with other runs of the same process."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from vitreport.errors import DivergedError, StoppedError
from vitreport.files import check_writable, make_folder
from vitreport.records.folders import check_no_links_in, newest_attempt, next_attempt
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.run_state import is_finished, lock_run
from vitreport.store.session import Session
from vitreport.store.signals import StopBetweenSteps, StopSignal, StopSignals, stop_signals
from vitreport.training import parallel
from vitreport.training.device import choose_device
from vitreport.training.events import Listener


def train_run(spec: RunSpec, runtime: Runtime, *, force: bool, argv: Sequence[str], listener: Listener) -> Path:
    """Train a spec (with `force` in a new folder) or resume its run; return the folder of the finished record."""
    alone = replace(runtime, trials_per_job=1)
    with _stopping(force=force), stop_signals() as stop:
        turns = train_in_turns(spec, alone, stop, force=force, argv=argv, listener=listener)
        with closing(turns):
            while True:
                try:
                    next(turns)
                except StopIteration as end:
                    folder: Path = end.value
                    return folder


def train_in_turns(
    spec: RunSpec, runtime: Runtime, stop: StopSignals, *, force: bool, argv: Sequence[str], listener: Listener
) -> Generator[None, None, Path]:
    """Do what `train_run` does. Yield between two steps, where another run may take its turn."""
    with _stopping(force=force), parallel.process_group(choose_device(runtime.device)):
        stop.check()  # a signal may have come in the turn of another run, and images can take minutes to read
        folder = (next_attempt if force else newest_attempt)(runtime.runs_dir, spec.run_id)
        with parallel.barrier_after():
            if not parallel.rank():
                check_no_links_in(folder)
                check_writable(folder)
            session = Session(spec, runtime, folder, argv, Listener() if parallel.rank() else listener)
        if parallel.rank():
            session.follow(stop)
            return folder
        make_folder(folder)
        with lock_run(folder, listener.note) as check_lock:
            check_no_links_in(folder)  # once more, now that no other process writes to it
            if is_finished(read_run(folder)):  # another process has just done it
                parallel.broadcast_object(None)
                return folder
            writer = session.open(folder, check_lock)
            with parallel.barrier_before_raising(StopBetweenSteps, DivergedError):
                try:
                    yield from session.train(writer, stop)
                except BaseException as error:
                    writer.record_failure(error, _command(force=force))
                    raise
        return folder


def _command(*, force: bool) -> str:
    return "the same command without --force" if force else "the same command"


@contextmanager
def _stopping(*, force: bool) -> Iterator[None]:
    """Raise StoppedError after a signal."""
    try:
        yield
    except StopSignal as stopped:
        hint = f"run {_command(force=force)} again to resume the run"
        raise StoppedError(f"stopped by {stopped}", hint, signal_number=stopped.signal_number) from stopped
