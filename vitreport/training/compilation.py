"""Compiling a network for training, and what goes wrong with it, told in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from vitreport.errors import ResourceError

HINT = "leave --compile out, or see whether a C++ compiler is installed (with a GPU: Triton)"


def compile_network(model: nn.Module) -> None:
    """Let torch compile the calls of `model` in place; the names of its weights stay.

    Each shape of a batch gets code of its own, so that the bits of a step depend on that step alone, not on the
    batches that came before it. `model.forward` stays as it is, for evaluation.
    """
    with compile_errors():
        model.compile(dynamic=False)


@contextmanager
def compile_errors() -> Iterator[None]:
    """Raise ResourceError where torch cannot compile; it only tries at the first step."""
    try:
        yield
    except RuntimeError as error:
        if not _is_of_the_compiler(error):
            raise
        reason = str(error).strip().partition("\n")[0]
        raise ResourceError(f"torch.compile failed: {reason}", HINT) from error


def _is_of_the_compiler(error: RuntimeError) -> bool:
    """Its own kinds, told by where they are defined since importing them takes seconds; or a Python that it lacks."""
    modules = {kind.__module__ for kind in type(error).__mro__}
    return "torch._dynamo.exc" in modules or "torch.compile is not supported" in str(error)
