"""Which tensors of a network depend on the number of classes."""

from collections.abc import Callable
from typing import Any, cast

from torch import nn


def classifier_prefixes(model: nn.Module) -> tuple[str, ...]:
    """How the names of the classifier's tensors begin; other tensors never do.

    vitreport's own networks say it themselves (`classifier`), those of timm by their `get_classifier`.
    """
    if not hasattr(model, "get_classifier"):
        return cast("tuple[str, ...]", model.classifier)
    found = cast("Callable[[], Any]", model.get_classifier)()
    classifiers = found if isinstance(found, tuple | list) else (found,)
    return tuple(f"{name}." for name, module in model.named_modules() if any(module is each for each in classifiers))
