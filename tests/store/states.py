"""Small training states."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitreport.training.loop import TrainingState

CPU = torch.device("cpu")


class Network(nn.Module):
    """Parameters of several shapes, and buffers: one that is stored and one that is not."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.first = nn.Linear(3, width)
        self.norm = nn.BatchNorm1d(width)
        self.second = nn.Linear(width, 2)
        self.register_buffer("constant", torch.ones(1), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        output: Tensor = self.second(self.norm(self.first(values)))
        return output


def make_state(width: int = 4, *, grouped: bool = False) -> TrainingState:
    """A state that has done nothing; `grouped` puts the parameters into two groups, in another order."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Network(width)
    parameters = list(model.parameters())
    groups = [parameters[:1:-1], parameters[:2]] if grouped else [parameters]
    optimizer = torch.optim.AdamW([{"params": group} for group in groups], lr=0.1)
    return TrainingState(model, optimizer)


def advance(state: TrainingState) -> None:
    """One step whose images depend on the number of the step."""
    generator = torch.Generator().manual_seed(state.step)
    state.optimizer.zero_grad()
    loss = functional.mse_loss(state.model(torch.rand(8, 3, generator=generator)), torch.zeros(8, 2))
    loss.backward()  # type: ignore[no-untyped-call]
    state.optimizer.step()
    state.step += 1
    state.totals += torch.tensor([loss.item(), 1.0, 8.0])


def damage(path: Path) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
