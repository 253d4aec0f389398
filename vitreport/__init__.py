"""Train small vision models from a checked spec and keep a record of every run.

`load_runs` and `load_epochs` give the records as pandas tables; they are loaded when first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vitreport.export.frames import load_epochs, load_runs

__version__ = "0.1.0"
__all__ = ["__version__", "load_epochs", "load_runs"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("vitreport.export.frames"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
