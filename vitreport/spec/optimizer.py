"""The spec of the optimizer and of the learning rate over time."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from vitreport.errors import Problem
from vitreport.spec.base import BaseSpec, Fraction, added_later

LearningRate = Annotated[float, Field(gt=0, le=1e6)]
WeightDecay = Annotated[float, Field(ge=0, le=1e6)]
Beta = Annotated[float, Field(ge=0, lt=1)]


class AdamWSpec(BaseSpec):
    """AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101)."""

    citation = "loshchilov2019adamw"

    name: Literal["adamw"] = "adamw"
    learning_rate: LearningRate = 3e-4
    weight_decay: WeightDecay = 0.01
    betas: tuple[Beta, Beta] = (0.9, 0.999)


class AdamSpec(BaseSpec):
    """Adam (Kingma and Ba 2015, arXiv:1412.6980); weight decay is an L2 penalty here."""

    citation = "kingma2015adam"

    name: Literal["adam"] = "adam"
    learning_rate: LearningRate = 1e-3
    weight_decay: WeightDecay = 0.0
    betas: tuple[Beta, Beta] = (0.9, 0.999)


class SGDSpec(BaseSpec):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = 0.1
    weight_decay: WeightDecay = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = False

    def inner_problems(self) -> Iterator[Problem]:
        """Yield a problem if Nesterov's momentum lacks a momentum."""
        if self.nesterov and not self.momentum:
            fault = "needs momentum, but optimizer.momentum = 0"
            yield Problem("optimizer.nesterov", fault, "leave it out, or set optimizer.momentum above 0")


OptimizerSpec = Annotated[AdamWSpec | AdamSpec | SGDSpec, Field(discriminator="name")]


class ConstantSpec(BaseSpec):
    """A linear warm-up, then the optimizer's learning rate."""

    name: Literal["constant"] = "constant"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0


class CosineSpec(BaseSpec):
    """A linear warm-up, then half a cosine (Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts).

    It decays towards `final_fraction` of the learning rate, reached one step after the last. With `interval` "step" it
    changes at every step. With "epoch" it is constant within an epoch, and `lag_epochs` delays it: after the warm-up,
    epoch 0 has the full learning rate. With a final fraction of 0, epoch k = 1, 2, ... of T has
    (1 + cos(pi (k - lag) / T)) / 2 of it. A lag of 2 reproduces a PyTorch loop that calls `scheduler.step(epoch - 1)`
    after each epoch: the learning rate falls slightly in epoch 1 and is full again in epoch 2.
    """

    citation = "loshchilov2017sgdr"

    name: Literal["cosine"] = "cosine"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    final_fraction: Fraction = 0.0
    interval: Literal["step", "epoch"] = added_later(default="step")
    lag_epochs: Annotated[int, Field(ge=0, le=2)] = added_later(default=0)

    def inner_problems(self) -> Iterator[Problem]:
        """Yield a problem for a lag if the rate changes at every step, and for a part of an epoch if it does not."""
        if self.lag_epochs and self.interval == "step":
            fault, hint = 'needs schedule.interval = "epoch"', "leave it out, or set schedule.interval"
            yield Problem("schedule.lag_epochs", fault, hint, str(self.lag_epochs))
        if self.warmup_epochs % 1 and self.interval == "epoch":
            fault, hint = (
                'must be a whole number with schedule.interval = "epoch"',
                "round it, or leave the interval out",
            )
            yield Problem("schedule.warmup_epochs", fault, hint, str(self.warmup_epochs))


ScheduleSpec = Annotated[ConstantSpec | CosineSpec, Field(discriminator="name")]
