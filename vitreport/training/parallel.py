"""One training in several processes, which torchrun starts: the moments at which they work together.

Each process has its own GPU and its share of the images of each batch. With one process, nothing here does anything.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from math import ceil
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from vitreport.errors import LostProcessError, SpecError
from vitreport.models.weights import is_out_of_memory
from vitreport.runtime import BATCH_NORM, launched, usable_cores

Value = TypeVar("Value")
TIMEOUT = timedelta(minutes=30)  # with a process that does not answer; one that has ended is noticed at once
LOST_HINT = "run the same command again to resume the run"

_launcher: list[int] = []  # the process that has started this one


def rank() -> int:
    """Return the number of this process, from 0. The first one records the run."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def world_size() -> int:
    """Return the number of processes that train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def threads() -> int | None:
    """Return the cores of this machine for each of its processes; None for a single one."""
    return max(1, usable_cores() // launched().local_world_size) if world_size() > 1 else None


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Work together with the other processes that torchrun has started, if there are any, inside the block."""
    if launched().world_size == 1:
        yield
        return
    _launcher.append(os.getppid())
    os.environ.setdefault("NCCL_ALGO", "Ring")  # other algorithms may add in another order
    with _lost_processes():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield
    finally:
        distributed.destroy_process_group()


@contextmanager
def barrier_before_raising(*kinds: type[BaseException]) -> Iterator[None]:
    """Wait for the other processes before an error that all of them have: torchrun stops those that end later."""
    try:
        yield
    except kinds:
        all_reduce_max(0)
        raise


@contextmanager
def barrier_after() -> Iterator[None]:
    """Wait for the other processes after the block, and end with them if one could not complete it.

    Raises LostProcessError in the processes that could.
    """
    try:
        yield
    except Exception:
        all_reduce_max(1)
        raise
    if all_reduce_max(0):
        raise LostProcessError("another process of this training could not begin", LOST_HINT)


def has_lost_torchrun() -> bool:
    """Return whether the program that started the processes has ended, so that no signal can reach all of them."""
    return world_size() > 1 and os.getppid() != _launcher[-1]


def all_reduce_max(number: int) -> int:
    """Return the largest number that one of the processes gives."""
    if world_size() == 1:
        return number
    given = torch.tensor(number)
    with _lost_processes():
        distributed.all_reduce(given, distributed.ReduceOp.MAX)
    return int(given)


def broadcast_object(value: Value) -> Value:
    """Return the value that the first process gives."""
    given = [value]
    if world_size() > 1:
        with _lost_processes():
            distributed.broadcast_object_list(given, device=torch.device("cpu"))
    return given[0]


def check_batch_norm(kind: str, device: str) -> None:
    """Raise SpecError if batch normalization is to be synchronized on a CPU, where torch cannot do it."""
    if kind == "synchronized" and device == "cpu":
        fault = f"{BATCH_NORM.given_as(kind)} = {kind!r}: only GPUs can synchronize batch normalization"
        raise SpecError(fault, f"use {BATCH_NORM.flag} local")


def synchronize_batch_norm(model: nn.Module, device: torch.device) -> nn.Module:
    """Let batch normalization see the images of all processes. Raises SpecError on a CPU."""
    check_batch_norm("synchronized", device.type)
    if world_size() > 1:
        from timm.layers import convert_sync_batchnorm  # also knows timm's own layers, which activate as well

        model = convert_sync_batchnorm(model)
    return model


def broadcast_buffers(model: nn.Module) -> None:
    """Give all processes the buffers of the first: the statistics of local batch normalization differ."""
    if world_size() > 1:
        with _lost_processes():
            for buffer in model.buffers():
                distributed.broadcast(buffer, 0)


def all_reduce_gradients(model: nn.Module, objective: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
    """Replace the gradients of this process's images by those of the whole batch, in one sum over the processes.

    `objective` is the mean over this process's images, `sums` (S,) holds their sums; the last one is their number.
    Returns both for the whole batch.
    """
    if world_size() == 1:
        return objective, sums
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    flat = torch.cat([*(gradient.flatten() for gradient in gradients), objective.flatten().float(), sums.float()])
    means, count = flat[: -len(sums)], flat[-1:]
    means *= count
    with _lost_processes():
        distributed.all_reduce(flat)
    means /= count
    *parts, objective, sums = torch.split(flat, [*(gradient.numel() for gradient in gradients), 1, len(sums)])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))  # keeps its layout, which the optimizer relies on
    return objective[0], sums.double()


def range_of_rank(count: int) -> range:
    """Return which of `count` consecutive parts this process computes; equally many for all, if they exist."""
    each = ceil(count / world_size())
    return range(rank() * each, (rank() + 1) * each)


def all_gather_rows(rows: Sequence[Tensor], most: int, device: torch.device) -> Tensor:
    """Return the rows (N, K) of all processes in their order: `most` of each, padded with zeros after the last one."""
    if world_size() == 1:
        return torch.cat(list(rows))
    columns = all_reduce_max(rows[0].shape[1] if rows else 0)
    own = torch.cat([*rows, torch.zeros(most - sum(map(len, rows)), columns, device=device)])
    everything = [torch.empty_like(own) for _ in range(world_size())]
    with _lost_processes():
        distributed.all_gather(everything, own)
    return torch.cat(everything)


@contextmanager
def _lost_processes() -> Iterator[None]:
    """Raise LostProcessError if another process has ended or does not answer."""
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise LostProcessError("another process of this training has ended", LOST_HINT) from error
