"""What every engine does for a trial, in the process that trains it: train the spec, or resume it if it was begun."""

from collections.abc import Sequence

from vitreport import errors
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.sweep.engines.engine import Ended
from vitreport.training.events import Listener


def train_trial(spec: RunSpec, runtime: Runtime, argv: Sequence[str], listener: Listener) -> None:
    """Train a spec, or resume its run. Raises what ends it before it is done."""
    from vitreport.store.train import train_run

    train_run(spec, runtime, force=False, argv=argv, listener=listener)


def end_after(error: Exception) -> Ended | errors.FullDiskError:
    """Return the end of a trial that an error has ended; a full disk matters to all trials."""
    if isinstance(error, errors.FullDiskError):
        return error
    if not isinstance(error, errors.VitreportError):
        return Ended(f"this is a bug in vitreport: {type(error).__name__}: {error}")
    if isinstance(error, errors.StoppedError):
        return Ended(error.message, is_temporary=True, is_stop=True)
    # also if no GPU is found: another node may have one
    is_temporary = isinstance(error, errors.ResourceError) and not isinstance(error, errors.StorageError)
    return Ended("; ".join(error.lines()), isinstance(error, errors.BusyError), is_temporary)
