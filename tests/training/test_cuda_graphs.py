"""A step as one graph, on a CPU with a stand-in for the graph: the bits are those of steps without."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from tests.training.pretended_graph import keep_rate_in_tensor, pretend
from tests.training.small import small_setup, small_spec
from vitreport.spec.run import RunSpec
from vitreport.training import cuda_graphs
from vitreport.training.cuda_graphs import GraphedStep
from vitreport.training.events import Event, StepFinished
from vitreport.training.loop import StepFunction, TrainingState, fit, train_step
from vitreport.training.setup import Setup

COSINE = {"name": "cosine", "warmup_epochs": 1}
SPECS: dict[str, dict[str, Any]] = {
    "adamw": {"schedule": COSINE},
    "adam": {"optimizer": {"name": "adam"}, "train": {"clip_norm": 0.1}},
    "momentum": {"optimizer": {"name": "sgd", "learning_rate": 0.1}, "schedule": COSINE},
    "sgd": {"optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0}},
    "dropout": {"model": {"drop_rate": 0.2, "drop_path_rate": 0.2}},
    "mixed": {"data": {"mix": {"mixup_alpha": 0.8, "cutmix_alpha": 1.0}}, "train": {"label_smoothing": 0.1}},
    "bfloat16": {"train": {"precision": "bfloat16"}},
    "batch norm": {
        "model": {"name": "timm", "architecture": "resnet10t", "arguments": {"channels": [8, 8, 8, 8]}},
        "data": {"image_size": 32},
    },
}


def finished(spec: RunSpec, setup: Setup, step: StepFunction = train_step) -> Iterator[Event]:
    splits = {"val": setup.splits["val"]}
    return fit(setup.state, setup.batches, splits, spec.train, setup.learning_rate, lambda: None, step)


def failing(line: str) -> None:
    raise AssertionError(line)


def bits(state: TrainingState) -> list[bytes]:
    best = list(state.best.weights.values()) if state.best else []
    return [tensor.detach().numpy().tobytes() for tensor in (*state.tensors(), *best)]


def eager(spec: RunSpec) -> tuple[list[float | None], Setup]:
    setup = small_setup(spec)
    keep_rate_in_tensor(setup.state)
    return [event.loss for event in finished(spec, setup) if isinstance(event, StepFinished)], setup


@pytest.mark.parametrize("name", SPECS)
def test_steps_of_a_graph_have_the_bits_of_steps_without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    spec = small_spec(**SPECS[name])
    expected, plain = eager(spec)
    setup = small_setup(spec)
    graphs = pretend(monkeypatch, setup.state)
    events = finished(spec, setup, GraphedStep(20, failing))
    losses = [event.loss for event in events if isinstance(event, StepFinished)]
    assert losses == expected
    assert bits(setup.state) == bits(plain.state)
    (graph,) = graphs
    assert graph.replays == 7  # of ten steps, not the first one, nor the last one of each epoch, which is smaller


@pytest.mark.parametrize("name", ["adamw", "momentum", "dropout"])
@pytest.mark.parametrize("cut_after", [1, 3, 5, 7])
def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(
    monkeypatch: pytest.MonkeyPatch, name: str, cut_after: int
) -> None:
    """Wherever the graph is recorded."""
    spec = small_spec(**SPECS[name])
    _, plain = eager(spec)
    setup = small_setup(spec)
    graphs = pretend(monkeypatch, setup.state)
    for event in finished(spec, setup, GraphedStep(20, failing)):
        if isinstance(event, StepFinished) and event.step == cut_after:
            break
    list(finished(spec, setup, GraphedStep(20, failing)))
    assert bits(setup.state) == bits(plain.state)
    assert len(graphs) == 2


@pytest.mark.parametrize("name", ["adamw", "dropout", "mixed"])
def test_runs_that_take_turns_have_the_bits_of_runs_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    specs = [small_spec(seed=seed, **SPECS[name]) for seed in range(3)]
    setups = [small_setup(spec) for spec in specs]
    for setup in setups:
        graphs = pretend(monkeypatch, setup.state)  # all are in the newest list
    runs = [finished(spec, setup, GraphedStep(20, failing)) for spec, setup in zip(specs, setups, strict=True)]
    for _ in zip(*runs, strict=True):  # an event of each in turn
        pass
    assert [bits(setup.state) for setup in setups] == [bits(eager(spec)[1].state) for spec in specs]
    assert [graph.replays for graph in graphs] == [7, 7, 7]


def test_recording_leaves_the_state_alone_and_knows_no_number_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """A learning rate that is no tensor would be that of the recorded step for ever."""
    spec = small_spec(schedule=COSINE)
    _, plain = eager(spec)
    setup = small_setup(spec)
    pretend(monkeypatch, setup.state)
    for group in setup.state.optimizer.param_groups:
        group["lr"] = float(group["lr"])
    list(finished(spec, setup, GraphedStep(20, failing)))
    assert bits(setup.state) != bits(plain.state)


def test_without_a_last_smaller_batch_all_steps_are_of_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small_spec(train={"batch_size": 30})
    setup = small_setup(spec)
    graphs = pretend(monkeypatch, setup.state)
    list(finished(spec, setup, GraphedStep(30, failing)))
    assert [graph.replays for graph in graphs] == [5]


@pytest.mark.parametrize("where", ["warm-up", "recording"])
def test_a_step_that_cannot_be_recorded_is_noted_once(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    spec = small_spec(**SPECS["dropout"])
    expected, plain = eager(spec)
    setup = small_setup(spec)
    pretend(monkeypatch, setup.state)

    @contextmanager
    def refused(*_: Any, **__: Any) -> Iterator[None]:
        yield
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nMore lines")

    monkeypatch.setattr(torch.cuda, "stream" if where == "warm-up" else "graph", refused)
    monkeypatch.setattr(cuda_graphs, "_has_failed_to_record", False)
    notes: list[str] = []
    events = finished(spec, setup, GraphedStep(20, notes.append))
    assert [event.loss for event in events if isinstance(event, StepFinished)] == expected
    assert bits(setup.state) == bits(plain.state)
    assert cuda_graphs.has_failed_to_record()
    (note,) = notes
    assert note.startswith("warning: training without a CUDA graph: CUDA error: operation not permitted")
    assert "\n" not in note


def test_adam_is_told_of_the_recording_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise torch refuses to record its step, or warns about those outside."""
    spec = small_spec()
    setup = small_setup(spec)
    pretend(monkeypatch, setup.state)
    seen: list[bool] = []

    def watched(state: TrainingState, *arguments: Any) -> torch.Tensor:
        seen.append(state.optimizer.param_groups[0]["capturable"])
        return train_step(state, *arguments)

    monkeypatch.setattr(cuda_graphs, "train_step", watched)
    list(finished(spec, setup, GraphedStep(20, failing)))
    assert seen == [False] * 4 + [True] + [False] * 2
