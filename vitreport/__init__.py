"""Train small vision models from a checked spec, keep a record of every run, and report what the records say.

`read_spec`, `train`, `ablate`, `run_study`, `load_runs`, `load_model`, `analyze`, `analyze_study` and `render` do what
the commands do, from Python. `import vitreport` is fast: the names are imported when one of them is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vitreport.analysis.selection import analyze
    from vitreport.analysis.summary import Summary
    from vitreport.api import ablate, analyze_study, load_model, load_runs, read_spec, run_study, train
    from vitreport.export.table import epochs_frame, runs_frame
    from vitreport.records.reader import Run
    from vitreport.report.render import render
    from vitreport.runtime import Runtime
    from vitreport.spec.run import RunSpec
    from vitreport.training.events import Listener

__all__ = [
    "Listener",
    "Run",
    "RunSpec",
    "Runtime",
    "Summary",
    "__version__",
    "ablate",
    "analyze",
    "analyze_study",
    "epochs_frame",
    "load_model",
    "load_runs",
    "read_spec",
    "render",
    "run_study",
    "runs_frame",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("vitreport.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
