"""How a run that does not finish is put on record, and what its user is told."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch

from vitreport.errors import DivergedError, ResourceError, StoppedError, VitreportError
from vitreport.files import write_atomic
from vitreport.store.provenance import now
from vitreport.store.record import MAX_TEXT, ErrorKind, ErrorRecord
from vitreport.store.signals import StopSignal
from vitreport.store.writer import RunWriter


@contextmanager
def stops_told(run_id: str) -> Iterator[None]:
    """A signal becomes an error that says how to go on."""
    try:
        yield
    except StopSignal as stop:
        raise StoppedError(
            f"run {run_id} was stopped by {stop}", "the same command goes on with it", signal_number=stop.signal_number
        ) from stop


@contextmanager
def failures_recorded(writer: RunWriter, batch_size: int) -> Iterator[None]:
    """Whatever ends the run before it is done is written into its record on the way out."""
    try:
        yield
    except StopSignal:
        writer.update(status="interrupted")
        raise
    except DivergedError as error:
        _record(writer, "diverged", error.message)
        raise
    except ResourceError as error:
        _record(writer, "resources", error.message)
        raise
    except VitreportError:
        raise
    except Exception as error:
        if _is_out_of_memory(error):
            message = f"out of memory at train.batch_size = {batch_size}"
            _record(writer, "resources", message)
            raise ResourceError(message, f"try --batch-size {max(batch_size // 2, 1)}, or another device") from error
        write_atomic(writer.folder / "crash.txt", traceback.format_exc().encode())
        _record(writer, "internal", f"{type(error).__name__}: {error}")
        raise


def _record(writer: RunWriter, kind: ErrorKind, message: str) -> None:
    """A full disk must not hide the error that is being told."""
    with suppress(ResourceError):
        writer.update(status="failed", finished=now(), error=ErrorRecord(kind=kind, message=message[:MAX_TEXT]))


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
