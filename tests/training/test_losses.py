"""When losses are read back from the device, and what a loss that is not finite leads to."""

import math
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from tests.training.small import small_setup, small_spec
from tests.training.test_loop import run
from vitreport.errors import DivergedError
from vitreport.training import loop, parallel
from vitreport.training.events import Event, StepFinished
from vitreport.training.loop import TrainingState


def test_losses_are_read_now_and_then_and_at_the_end_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of this test shows the steps that are done."""
    monkeypatch.setitem(loop.SECONDS_BETWEEN_READS, "cpu", 3.0)
    setup = small_setup(small_spec())
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: setup.state.step))
    steps = [event for event in run(small_spec(), setup) if isinstance(event, StepFinished)]
    assert [event.step for event in steps if event.loss is not None] == [3, 5, 8, 10]


def test_divergence_names_the_first_bad_step_of_those_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(loop.SECONDS_BETWEEN_READS, "cpu", math.inf)
    spec = small_spec()
    setup = small_setup(spec)
    told: list[Event] = []
    with pytest.raises(DivergedError, match=r"diverged at epoch 1, step 3: loss = nan"):
        told += ruined_after(2, run(spec, setup), setup.state)
    assert told == []


def ruined_after(step: int, events: Iterator[Event], state: TrainingState) -> Iterator[Event]:
    """Make a weight NaN when `step` steps are done; the events whose loss has been read."""
    for event in events:
        if isinstance(event, StepFinished) and event.step == step:
            with torch.no_grad():
                next(state.model.parameters()).fill_(math.nan)
        if isinstance(event, StepFinished) and event.loss is not None:
            yield event


def test_processes_read_their_losses_at_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their clocks differ."""
    monkeypatch.setitem(loop.SECONDS_BETWEEN_READS, "cpu", math.inf)
    setup = small_setup(small_spec())
    monkeypatch.setattr(parallel, "all_reduce_max", lambda number: int(setup.state.step in (2, 8)))
    steps = [event for event in run(small_spec(), setup) if isinstance(event, StepFinished)]
    assert [event.step for event in steps if event.loss is not None] == [2, 5, 8, 10]
