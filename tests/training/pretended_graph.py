"""A stand-in for CUDA graphs on a CPU: it records the operations of torch, and repeats them on the same memory.

Unlike a GPU, it also computes what it records.
"""

from contextlib import nullcontext
from typing import Any, Self

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vitreport.training.loop import TrainingState


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Like a graph, it keeps the tensors and numbers of the recorded calls: a number of Python cannot change later."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, Any, Any, list[Any]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, tree_leaves(result)))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, results in self.calls:
            for old, new in zip(results, tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():  # neither a view nor in place
                    old.copy_(new)


def pretend(monkeypatch: pytest.MonkeyPatch, state: TrainingState) -> list["PretendedGraph"]:
    """Let torch.cuda record on a CPU the steps of a state, whose learning rate becomes a tensor; return all graphs."""
    made: list[PretendedGraph] = []

    class Graph(PretendedGraph):
        def __new__(cls) -> Self:
            made.append(graph := super().__new__(cls))
            return graph

    replacements: dict[str, Any] = {
        "CUDAGraph": Graph,
        "graph": lambda graph, **_: graph.recorder,
        "Stream": lambda device: None,
        "current_stream": lambda device: None,
        "default_stream": lambda device: None,
        "stream": lambda stream: nullcontext(),
        "synchronize": lambda device: None,
    }
    for name, replacement in replacements.items():
        monkeypatch.setattr(torch.cuda, name, replacement)
    keep_rate_in_tensor(state)
    return made


def keep_rate_in_tensor(state: TrainingState) -> None:
    for group in state.optimizer.param_groups:
        group["lr"] = torch.tensor(group["lr"])


class PretendedGraph:
    def __init__(self) -> None:
        self.recorder, self.replays = Recorder(), 0

    def replay(self) -> None:
        self.replays += 1
        self.recorder.replay()
