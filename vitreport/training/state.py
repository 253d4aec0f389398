"""Everything that a run carries from one step to the next; what a checkpoint holds."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class BestEpoch:
    """The weights that the validation split has chosen so far; `epoch` counts from 1."""

    epoch: int
    step: int
    accuracy: float
    weights: dict[str, Tensor]


@dataclass
class TrainingState:
    """`epoch` counts finished epochs, `step` finished steps of the whole run.

    For the epoch under way, `totals` (3,) float64 holds the sums of losses, right answers and images, and
    `seconds` the time that its steps have taken.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best: BestEpoch | None = None

    def __post_init__(self) -> None:
        self.totals = torch.zeros(3, dtype=torch.float64, device=next(self.model.parameters()).device)

    def is_finite(self) -> bool:
        """Return whether no loss of this epoch and no weight is infinite or NaN."""
        return all(bool(tensor.isfinite().all()) for tensor in (self.totals, *named_weights(self.model).values()))

    def finish_epoch(self, selection_accuracy: float | None) -> None:
        """Count the epoch, and keep a copy of its weights where no epoch before has a higher accuracy."""
        self.epoch += 1
        self.seconds = 0.0
        self.totals.zero_()
        if selection_accuracy is not None and (self.best is None or selection_accuracy >= self.best.accuracy):
            weights = {name: tensor.detach().clone() for name, tensor in named_weights(self.model).items()}
            self.best = BestEpoch(self.epoch, self.step, selection_accuracy, weights)


def named_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return parameters and persistent buffers, a tensor that several modules share under its first name alone."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensors[name] for name in model.state_dict() if name in tensors}


@torch.no_grad()
def load_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy weights into a model of the same architecture; names and shapes must agree."""
    for name, tensor in named_weights(model).items():
        tensor.copy_(weights[name])
