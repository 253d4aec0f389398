"""A training step as one CUDA graph: its kernels are recorded once, and then all started by a single launch.

Without it, a GPU computes a small network faster than Python can launch its kernels. The graph repeats the same kernels
on the same memory, so the bits are those of `train_step`. No speed of it has been measured.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from vitreport.models.weights import reason_of
from vitreport.spec.run import TrainSpec
from vitreport.training.loop import TrainingState, train_step

WARM_UP_STEPS = 3  # libraries make their handles and workspaces, which cannot be recorded
_has_failed_to_record = False


class GraphedStep:
    """Takes the steps of one run as `train_step` does, from the second full batch on by a graph.

    The first one is not, so that the optimizer has its tensors; the smaller last batch of an epoch never is. `note`
    receives a line if a step cannot be recorded: then no step is.
    """

    def __init__(self, batch_size: int, note: Callable[[str], None]) -> None:
        self._batch_size, self._note = batch_size, note
        self._recorded: _Graph | None = None
        self._has_failed = False

    def __call__(self, state: TrainingState, images: Tensor, targets: Tensor, train: TrainSpec) -> Tensor:
        """Make one update on images (B, 3, H, W); return the mean objective, still on the device."""
        is_full = len(images) == self._batch_size
        if self._recorded and is_full:
            return self._recorded.repeat(images, targets)
        stream = torch.cuda.current_stream(images.device)
        # copied as in the graph, since a kernel may be chosen by the alignment of its input
        loss = train_step(state, images.clone() if is_full else images, targets, train)
        if is_full and not self._has_failed:
            try:
                self._recorded = _record(state, images, targets, train)
            except RuntimeError as error:  # of CUDA or its memory: training works without
                self._has_failed = True
                _leave_capture(images.device, stream)
                self._note(f"warning: training without a CUDA graph: {reason_of(error)}")
        return loss


@dataclass(frozen=True)
class _Graph:
    """A graph that reads `images` and `targets`, changes the tensors of a state, and writes `loss`."""

    graph: torch.cuda.CUDAGraph
    images: Tensor
    targets: Tensor
    loss: Tensor

    def repeat(self, images: Tensor, targets: Tensor) -> Tensor:
        """Take a step; the random numbers are those of the generator's present seed."""
        self.images.copy_(images)
        self.targets.copy_(targets)
        self.graph.replay()
        return self.loss.clone()


def _record(state: TrainingState, images: Tensor, targets: Tensor, train: TrainSpec) -> _Graph:
    """Record a step, and leave the state as it is."""
    images, targets = images.clone(), targets.clone()
    stream, graph = _own_stream(images.device), torch.cuda.CUDAGraph()
    with _unchanged(state):
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_STEPS):
                train_step(state, images, targets, train)
        state.optimizer.zero_grad()  # these gradients are not in the memory of the graph
        # Other threads may allocate memory meanwhile.
        with _capturable(state.optimizer), torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            loss = train_step(state, images, targets, train)
    return _Graph(graph, images, targets, loss)


def _own_stream(device: torch.device) -> torch.cuda.Stream:
    """Return the stream of a run in a `Lane`, else a new one: graphs of the same stream share its workspace."""
    current = torch.cuda.current_stream(device)
    is_shared = current == torch.cuda.default_stream(device)
    return torch.cuda.Stream(device) if is_shared else current  # type: ignore[no-untyped-call]


@contextmanager
def _unchanged(state: TrainingState) -> Iterator[None]:
    """Undo what happens to the tensors of a state."""
    tensors = state.tensors()
    copies = [tensor.clone() for tensor in tensors]
    torch.cuda.synchronize(state.totals.device)  # steps in between use another stream
    try:
        yield
    finally:
        torch.cuda.synchronize(state.totals.device)
        with torch.no_grad():
            for tensor, copy in zip(tensors, copies, strict=True):
                tensor.copy_(copy)


@contextmanager
def _capturable(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Tell an optimizer that its step is recorded. Adam refuses otherwise, and outside it would warn."""
    groups = [group for group in optimizer.param_groups if "capturable" in group]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in groups:
            group["capturable"] = False


def has_failed_to_record() -> bool:
    """Return whether this process could not record a graph; then torch's allocator may refuse to record any other."""
    return _has_failed_to_record


def _leave_capture(device: torch.device, stream: torch.cuda.Stream) -> None:
    """Leave a recording that failed: return to the stream, and give the generator a state that can draw numbers."""
    global _has_failed_to_record
    _has_failed_to_record = True
    if device.type == "cuda":
        torch.cuda.set_stream(stream)
        generator = torch.cuda.default_generators[device.index]
        generator.graphsafe_set_state(generator.clone_state())
