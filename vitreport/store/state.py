"""In which state a run is, as its folder tells."""

from vitreport.records.reader import Run
from vitreport.store.lock import is_held


def state_of(run: Run) -> str:
    """The recorded status; "interrupted" where the process has died without a word, "damaged" where it was "done" and
    some of its record cannot be read.
    """
    if run.record is None:
        return "damaged" if (run.folder / "run.json").exists() else "no record"
    if run.record.status == "running" and not is_held(run.folder):
        return "interrupted"
    if run.record.error and run.record.error.kind == "diverged":
        return "diverged"
    return "damaged" if run.record.status == "done" and run.damage else run.record.status
