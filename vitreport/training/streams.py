"""Keep apart the runs that take turns in one process, so that each gives the same bits as if it were trained alone.

On a GPU, each run has a stream, so that the kernels of different runs can overlap. The speed has not been measured.
"""

from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

import torch

Result = TypeVar("Result")


class Lane:
    """A place for one run at a time.

    Later runs reuse the stream of a lane: torch has only 32, and no two runs may share one at the same time. On a GPU,
    a lane has its own random numbers, because all graphs that were recorded with one state of the generator read the
    same seed. It also has its own setting for deterministic operations.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._context = device, copy_context()
        if device.type == "cuda":
            torch.cuda.init()  # type: ignore[no-untyped-call]
            torch.cuda.set_device(device)  # else entering the stream makes a context on the first GPU, too
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            self._random = torch.cuda.default_generators[device.index].clone_state()
            self._is_strict = True

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Call a function that begins or advances the run in this lane."""
        if self._device.type != "cuda":
            return self._context.run(function, *arguments)
        generator = torch.cuda.default_generators[self._device.index]
        with torch.cuda.stream(self._stream):
            generator.graphsafe_set_state(self._random)
            if self._is_strict == torch.is_deterministic_algorithms_warn_only_enabled():  # a change takes 0.1 ms
                torch.use_deterministic_algorithms(True, warn_only=not self._is_strict)
            try:
                return self._context.run(function, *arguments)
            finally:
                self._random = generator.graphsafe_get_state()  # a recording that fails replaces it
                self._is_strict = not torch.is_deterministic_algorithms_warn_only_enabled()
