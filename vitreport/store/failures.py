"""How a run that does not finish is put on record, and what its user is told."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vitreport.errors import DivergedError, FullDiskError, ResourceError, StoppedError, VitreportError
from vitreport.files import write_atomic
from vitreport.records.run import ErrorKind, ErrorRecord
from vitreport.records.schema import recordable
from vitreport.store.checkpoint import newest_step
from vitreport.store.provenance import now
from vitreport.store.signals import StopSignal
from vitreport.store.writer import RunWriter


@contextmanager
def stops_told(*, force: bool) -> Iterator[None]:
    """A signal becomes an error that says how to go on."""
    try:
        yield
    except StopSignal as stop:
        hint = f"{_same_command(force)} resumes the run"
        raise StoppedError(f"stopped by {stop}", hint, signal_number=stop.signal_number) from stop


@contextmanager
def failures_recorded(writer: RunWriter, *, force: bool) -> Iterator[None]:
    """Whatever ends the run before it is done is written into its record on the way out."""
    try:
        yield
    except StopSignal:
        writer.update(status="interrupted")
        raise
    except DivergedError as error:
        _record(writer, "diverged", error.message)
        raise
    except FullDiskError as error:
        _record(writer, "resources", error.message)
        hint = f"free some space; {_same_command(force)} then {_what_follows(writer.folder)}"
        raise FullDiskError(error.message, hint) from error
    except ResourceError as error:
        _record(writer, "resources", error.message)
        raise
    except VitreportError:
        raise
    except Exception as error:
        crash = writer.places.message(traceback.format_exc())
        write_atomic(writer.folder / "crash.txt", crash.encode(errors="replace"))
        _record(writer, "internal", f"{type(error).__name__}: {error}")
        raise


def _same_command(force: bool) -> str:
    return "the same command without --force" if force else "the same command"


def _what_follows(folder: Path) -> str:
    step = newest_step(folder / "checkpoints")
    return f"goes on from step {step}" if step else "begins anew: no step was saved"


def _record(writer: RunWriter, kind: ErrorKind, message: str) -> None:
    """Write the error into the record, if the disk has room: a full one must not hide the error."""
    shown = recordable(writer.places.message(message))
    with suppress(ResourceError):
        writer.update(status="failed", finished=now(), error=ErrorRecord(kind=kind, message=shown))
