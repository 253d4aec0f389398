"""What a lane keeps to its run on a GPU: on a CPU, with stand-ins for streams and for the generator."""

from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any

import pytest
import torch

from vitreport.training.cuda_graphs import _leave_capture, _own_stream
from vitreport.training.device import determinism_errors, is_deterministic, seed_generators
from vitreport.training.streams import Lane

GPU = torch.device("cuda", 1)


class Generator:
    """As that of a GPU: its state is an object that it shares with the graphs that were recorded with it."""

    def __init__(self, state: dict[str, int] | None = None) -> None:
        self.state = {} if state is None else state

    def clone_state(self) -> "Generator":
        return Generator(dict(self.state))

    def graphsafe_get_state(self) -> "Generator":
        return Generator(self.state)

    def graphsafe_set_state(self, other: "Generator") -> None:
        self.state = other.state

    def manual_seed(self, seed: int) -> None:
        self.state["seed"] = seed


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> Generator:
    """The one of a pretended GPU, whose streams are numbers."""
    numbers, generator, current, devices = iter(range(1, 100)), Generator(), [0], [0]

    def stream(number: int) -> Any:
        assert devices[-1] == GPU.index, "makes a context on another GPU"
        current[:] = [number]
        return nullcontext()

    replacements: dict[str, Any] = {
        "init": lambda: None,
        "set_device": lambda device: devices.append(device.index),
        "default_generators": (Generator(), generator),
        "Stream": lambda device: next(numbers),
        "stream": stream,
        "current_stream": lambda device: current[0],
        "set_stream": lambda number: current.__setitem__(0, number),
        "default_stream": lambda device: 0,
    }
    for name, replacement in replacements.items():
        monkeypatch.setattr(torch.cuda, name, replacement)
    return generator


def state_after(lane: Lane, generator: Generator, function: Any, *arguments: Any) -> dict[str, int]:
    lane.call(function, *arguments)
    return lane.call(lambda: generator.state)


def test_each_lane_has_its_own_seed(generator: Generator) -> None:
    lanes = [Lane(GPU), Lane(GPU)]
    states = [state_after(lane, generator, seed_generators, GPU, seed) for seed, lane in enumerate(lanes)]
    assert states == [{"seed": 0}, {"seed": 1}]
    for lane, state in zip(lanes, states, strict=True):
        assert lane.call(lambda: generator.state) is state, (
            "a graph reads the seed of the state that it was recorded with"
        )


def test_a_state_that_cannot_be_used_any_more_is_left(generator: Generator) -> None:
    lane = Lane(GPU)
    broken = state_after(lane, generator, seed_generators, GPU, 0)
    kept = state_after(lane, generator, _leave_capture, GPU, 0)
    assert broken is not kept is lane.call(lambda: generator.state)


@pytest.mark.usefixtures("generator")
def test_graphs_are_recorded_on_the_stream_of_a_lane_or_on_a_new_one() -> None:
    first, second = Lane(GPU), Lane(GPU)
    assert _own_stream(GPU) == 3
    assert [lane.call(_own_stream, GPU) for lane in (first, second, first)] == [1, 2, 1]


@pytest.mark.usefixtures("generator")
def test_a_run_that_is_not_deterministic_does_not_change_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = [True]
    monkeypatch.setattr(
        torch, "use_deterministic_algorithms", lambda on, warn_only: strict.__setitem__(0, not warn_only)
    )
    monkeypatch.setattr(torch, "is_deterministic_algorithms_warn_only_enabled", lambda: not strict[0])

    def find() -> None:
        with determinism_errors():
            raise RuntimeError("... you set use_deterministic_algorithms(True)")

    lanes = [Lane(GPU), Lane(GPU)]
    lanes[0].call(find)
    assert [lane.call(is_deterministic, GPU) for lane in (*lanes, lanes[0])] == [False, True, False]


def test_context_variables_are_those_of_the_lane() -> None:
    variable = ContextVar("variable", default=0)
    lanes = [Lane(torch.device("cpu")), Lane(torch.device("cpu"))]
    for number, lane in enumerate(lanes):
        lane.call(variable.set, number + 1)
    assert [variable.get(), *(lane.call(variable.get) for lane in lanes)] == [0, 1, 2]
