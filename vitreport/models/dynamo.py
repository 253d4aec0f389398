"""Keep torch from importing its compiler where nothing is compiled."""

import inspect
from collections.abc import Callable
from typing import Any


def disable_dynamo(*methods: Callable[..., Any]) -> None:
    """Let these methods of torch run without its compiler.

    They are marked as not to be compiled. To obey its own mark, torch imports the compiler when one is called first,
    which takes 1 to 2 seconds and 114 MB. It keeps what it then calls in an attribute, which is set here.
    """
    for method in map(inspect.unwrap, methods):
        setattr(method, "__dynamo_disable", method)
