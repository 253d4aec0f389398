"""Train the published CIFAR-10 experiments on generated images: the steps that `benchmarks.gpu` measures."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import torch

from vitreport.data.arrays import ImageArrays
from vitreport.data.sources import describe
from vitreport.spec.compose import compose
from vitreport.spec.load import layer_of, read_preset
from vitreport.spec.run import RunSpec
from vitreport.training.compilation import compile_network
from vitreport.training.cuda_graphs import GraphedStep
from vitreport.training.device import set_up_device
from vitreport.training.evaluate import evaluation_batch_size
from vitreport.training.events import Event, StepFinished
from vitreport.training.loop import fit, train_step
from vitreport.training.setup import Setup, place_model, prepare

WARM_UP = 10
COMPARED = "perceiver-io-cifar10"


class Way(NamedTuple):
    """How a preset is trained."""

    blocks: bool = True
    graph: bool = False
    compile: bool = False
    precision: str | None = None


WAYS = {
    "kernels": Way(),
    "graph": Way(graph=True),
    "augmented batch by batch": Way(blocks=False),
    "graph, bfloat16, compiled": Way(graph=True, compile=True, precision="bfloat16"),
}


def take(events: Iterator[Event], steps: int, deadline: float = float("inf")) -> int:
    """Take steps until there are so many or time is up; return their number."""
    done = 0
    while done < steps and (not done or time.perf_counter() < deadline):
        done += isinstance(next(events), StepFinished)
    return done


def steps_of(
    preset: str, way: Way, arrays: ImageArrays, device: torch.device
) -> tuple[RunSpec, Setup, Iterator[Event]]:
    """Begin to train a preset."""
    spec = spec_of(preset, {"train.epochs": 10_000, **({"train.precision": way.precision} if way.precision else {})})
    set_up_device(device, threads=None)
    model, _ = place_model(spec, device)
    setup = prepare(spec, model, arrays)
    if way.compile:
        evaluated = evaluation_batch_size(device, spec.train, spec.data.image_size)
        images = torch.zeros(spec.train.batch_size, 3, spec.data.image_size, spec.data.image_size, device=device)
        compile_network(model, images, spec.train.precision, evaluated, Path(tempfile.gettempdir()))
    step = GraphedStep(spec.train.batch_size, refuse) if way.graph else train_step
    train = spec.train.model_copy(update={"selection": "last"})  # an epoch may end between the steps
    return spec, setup, fit(setup.state, setup.batches, {}, train, setup.learning_rate, lambda: None, step)


def spec_of(preset: str, changes: Mapping[str, Any]) -> RunSpec:
    layers = [read_preset(preset), layer_of(changes, "benchmark")]
    return compose(layers, lambda name, size: describe(name, [Path()], size)).spec


def refuse(line: str) -> NoReturn:
    """Measure nothing where a step cannot be recorded."""
    raise RuntimeError(line)
