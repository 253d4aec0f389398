"""Several processes that train together on a CPU, as torchrun would start them."""

import json
import os
import socket
import subprocess
from collections.abc import Callable
from typing import Any

import torch

from tests.commands import popen
from tests.models.small import IMAGE_SIZE, NUM_CLASSES
from tests.training.small import CPU, noise_arrays
from vitreport.data.batches import ImageSet
from vitreport.models.weights import named_weights
from vitreport.spec.run import RunSpec
from vitreport.training import parallel
from vitreport.training.evaluate import predict
from vitreport.training.events import StepFinished
from vitreport.training.loop import fit
from vitreport.training.setup import build_network, prepare


def environments(world_size: int) -> list[dict[str, str]]:
    """What torchrun tells each of its processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {
        "TORCHELASTIC_RUN_ID": "test",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(world_size),
        "LOCAL_WORLD_SIZE": str(world_size),
    }
    return [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(world_size)]


def in_ranks(world_size: int, function: Callable[..., None], *arguments: Any) -> list[Any]:
    """Call a function of this module in each process of a training; what each has printed, as JSON."""
    name = f"{__name__}:{function.__name__}"
    processes = [
        popen(
            "--version",
            environment=each if world_size > 1 else {},
            stdout=subprocess.PIPE,
            prepare=name,
            prepare_arguments=arguments,
        )
        for each in environments(world_size)
    ]
    written = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * world_size
    return [json.loads(text.splitlines()[0]) for text in written]


def train_each(sections: list[dict[str, Any]], images: int) -> None:
    """Train each spec; print the losses, the measured epochs and a digest of the weights of each."""
    torch.set_num_threads(1)
    with parallel.process_group(CPU):
        answers = [trained(each, images) for each in sections]
    print(json.dumps(answers), flush=True)
    os._exit(0)


def trained(sections: dict[str, Any], images: int) -> dict[str, Any]:
    data = {"dataset": "digits", "image_size": IMAGE_SIZE, "num_classes": NUM_CLASSES, **sections.get("data", {})}
    train = {"epochs": 2, "monitor_test": True, **sections["train"]}
    spec = RunSpec.model_validate_json(json.dumps({**sections, "data": data, "train": train}))
    setup = prepare(spec, build_network(spec), noise_arrays(train=images, test=30, size=IMAGE_SIZE))
    events = fit(setup.state, setup.batches, setup.splits, spec.train, setup.learning_rate, lambda: None)
    told = list(events)
    epochs = [event.record for event in told if not isinstance(event, StepFinished) and hasattr(event, "record")]
    weights = torch.cat([each.detach().flatten().double() for each in named_weights(setup.state.model).values()])
    measured = {
        name: predict(setup.state.model, split, spec.train, lambda: None) for name, split in setup.splits.items()
    }
    return {
        "losses": [event.loss for event in told if isinstance(event, StepFinished)],
        "epochs": [{name: (each.loss, each.correct, each.count) for name, each in of.splits.items()} for of in epochs],
        "weights": [float(weights.sum()), float(weights.square().sum())],
        "logits": {name: [len(each.logits), float(each.logits.sum())] for name, each in measured.items()},
    }


def noise_images(count: int) -> ImageSet:
    (images, labels), mean = noise_arrays(train=count, test=10).splits["train"], (0.5, 0.5, 0.5)
    return ImageSet(images, labels, device=CPU, image_size=8, mean=mean, std=mean)
