"""What only a GPU can show; skipped where there is none."""

import json
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.commands import command, vitreport
from tests.training.small import noise_arrays
from vitreport.inference.classifier import Classifier
from vitreport.inference.explain import Picture, explained
from vitreport.models.registry import build_model
from vitreport.randomness import stream_seed
from vitreport.records.reader import read_run
from vitreport.spec.compose import compose
from vitreport.spec.data import DatasetFacts
from vitreport.spec.load import layer_of, read_preset
from vitreport.spec.model import ARCHITECTURES
from vitreport.training.cuda_graphs import GraphedStep
from vitreport.training.device import choose_device, seed_generators, set_up_device
from vitreport.training.loop import train_step
from vitreport.training.setup import place_model, prepare
from vitreport.training.streams import Lane

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")

SHARED = (
    "--dataset=digits",
    "--device=cuda",
    "--set=data.image_size=8",
    "--set=data.limit=100",
    '--set=data.augment=[{name="horizontal_flip"}, {name="random_crop", padding=2}, '
    '{name="color_jitter", brightness=0.5, contrast=0.2, saturation=0.2, hue=0.25}, '
    '{name="mixture", operations=[{name="random_affine", shear=[-15, 15]}, {name="equalize"}, {name="rand_augment"}]}]',
    "--set=mix.mixup_alpha=0.8",
    "--set=mix.cutmix_alpha=1.0",
    "--batch-size=20",
    "--epochs=8",
    "--checkpoint-seconds=0",
)
NETWORKS = {
    "perceiver-io": ("--set=model.num_latents=4", "--set=model.latent_dim=8", "--set=model.latent_heads=2"),
    "perceiver": (
        "--set=model.num_latents=4",
        "--set=model.latent_dim=8",
        "--set=model.latent_heads=2",
        "--set=model.weight_tie_layers=true",
    ),
    "mlp-mixer": ("--set=model.patch_size=4", "--set=model.embed_dim=8", "--set=model.drop_rate=0.1"),
    "swin": (
        "--set=model.patch_size=2",
        "--set=model.window_size=2",
        "--set=model.depths=[2, 1]",
        "--set=model.num_heads=[2, 2]",
        "--set=model.embed_dim=8",
        "--set=model.drop_rate=0.1",
    ),
    "tnt": (
        "--set=model.embed_dim=16",
        "--set=model.inner_dim=8",
        "--set=model.depth=2",
        "--set=model.drop_path_rate=0.1",
    ),
    "timm": ("--set=model.architecture=resnet10t", "--set=model.arguments={channels=[8, 8, 16, 16], drop_rate=0.1}"),
    "timm/vit_tiny_patch16_224": ("--set=model.arguments={patch_size=2, depth=2, drop_rate=0.1}",),  # fused attention
}


def trained(folder: Path, *options: str) -> Path:
    done = vitreport("train", *options, *SHARED, f"--runs-dir={folder}")
    assert done.exit_code == 0, done.stderr
    assert "without a CUDA graph" not in done.stderr
    return Path(done.stdout.strip())


def same_bits(first: Path, second: Path) -> bool:
    names = ("best.safetensors", "predictions.npz", "mistakes.png", "result.json")
    return all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_every_architecture_is_tried() -> None:
    assert {name.split("/")[0] for name in NETWORKS} == ARCHITECTURES.keys()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", NETWORKS)
def test_same_command_gives_same_bits(tmp_path: Path, model: str, precision: str) -> None:
    options = (model, *NETWORKS[model], f"--precision={precision}")
    assert same_bits(trained(tmp_path / "a", *options), trained(tmp_path / "b", *options))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", NETWORKS)
def test_a_graph_gives_the_bits_of_single_kernels(tmp_path: Path, model: str, precision: str) -> None:
    options = (model, *NETWORKS[model], f"--precision={precision}")
    assert same_bits(trained(tmp_path / "a", *options), trained(tmp_path / "b", *options, "--cuda-graphs"))


def test_a_graph_of_a_compiled_network_gives_its_bits(tmp_path: Path) -> None:
    options = ("perceiver-io", *NETWORKS["perceiver-io"], "--precision=bfloat16", "--compile=on")
    assert same_bits(trained(tmp_path / "a", *options), trained(tmp_path / "b", *options, "--cuda-graphs"))


@pytest.mark.parametrize("preset", ["perceiver-io-cifar10", "perceiver-cifar10"])  # without and with dropout
def test_losses_of_a_graph_are_those_of_single_kernels(preset: str) -> None:
    plain, recorded = Steps(preset, 0), Steps(preset, 0, with_graph=True)
    assert [next(plain) for _ in range(20)] == [next(recorded) for _ in range(20)]


@pytest.mark.parametrize("preset", ["perceiver-io-cifar10", "perceiver-cifar10"])  # without and with dropout
def test_graphs_of_two_runs_do_not_disturb_each_other(preset: str) -> None:
    """Their steps alternate on two streams."""
    expected = [[next(steps) for _ in range(10)] for steps in (Steps(preset, seed) for seed in range(2))]
    lanes = [Lane(choose_device("cuda")) for _ in range(2)]
    both = [lane.call(partial(Steps, preset, seed, with_graph=True)) for seed, lane in enumerate(lanes)]
    found: list[list[Tensor]] = [[], []]
    for _ in range(10):
        for lane, steps, losses in zip(lanes, both, found, strict=True):
            losses.append(lane.call(steps.take))
    torch.cuda.synchronize()
    assert [[float(loss) for loss in losses] for losses in found] == expected


@pytest.mark.parametrize("graphs", [(), ("--cuda-graphs",)], ids=["kernels", "graph"])
@pytest.mark.parametrize("model", NETWORKS)
def test_trials_of_one_process_have_the_bits_of_single_runs(
    tmp_path: Path, model: str, graphs: tuple[str, ...]
) -> None:
    options = (model, *NETWORKS[model], *SHARED, f"--runs-dir={tmp_path / 'a'}")
    several = ("--param", "learning_rate", "1e-3,2e-3", "--seeds=2", "--trials-per-job=4")
    done = vitreport("ablate", *options, *several, *graphs)
    assert done.exit_code == 0, done.stderr
    assert "without a CUDA graph" not in done.stderr
    for spec in (tmp_path / "a").glob("*/spec.json"):
        alone = vitreport("train", f"--spec={spec}", "--device=cuda", f"--runs-dir={tmp_path / 'b'}")
        assert same_bits(spec.parent, Path(alone.stdout.strip()))


class Steps:
    """The losses of a preset's steps on generated images."""

    def __init__(self, preset: str, seed: int, *, with_graph: bool = False) -> None:
        facts = DatasetFacts("cifar10", num_classes=10, image_size=32)
        layers = [read_preset(preset), layer_of({"seed": seed, "data.augment": []}, "test")]
        self.spec = compose(layers, lambda name, size: facts).spec
        device = choose_device("cuda")
        set_up_device(device, threads=None)
        self.setup = prepare(self.spec, place_model(self.spec, device)[0], noise_arrays(4000, 10, size=32))
        self.batches = self.setup.batches.epoch(0)
        self.step = GraphedStep(self.spec.train.batch_size, pytest.fail) if with_graph else train_step

    def take(self) -> Tensor:
        state = self.setup.state
        state.model.train()
        seed_generators(state.totals.device, stream_seed(self.spec.seed, "dropout", state.step, 0))
        loss = self.step(state, *next(self.batches), self.spec.train)
        state.step += 1
        return loss

    def __next__(self) -> float:
        return float(self.take())


@pytest.mark.parametrize("graphs", [(), ("--cuda-graphs",)], ids=["kernels", "graph"])
@pytest.mark.parametrize("model", NETWORKS)
def test_killed_run_ends_with_the_same_bits(tmp_path: Path, model: str, graphs: tuple[str, ...]) -> None:
    options = (model, *NETWORKS[model], *graphs)
    undisturbed = trained(tmp_path / "a", *options)
    process = subprocess.Popen(
        command("train", *options, *SHARED, f"--runs-dir={tmp_path / 'b'}"), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch=2 "):
            process.kill()
            break
    process.communicate()
    assert same_bits(undisturbed, trained(tmp_path / "b", *options))


def test_evaluation_agrees_with_the_record(tmp_path: Path) -> None:
    run = trained(tmp_path, "perceiver-io", *NETWORKS["perceiver-io"])
    done = vitreport("eval", str(run), "--device=cuda", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["agrees"] is True


def test_maps_come_from_deterministic_operations(tmp_path: Path) -> None:
    """A loaded model allows others, because predictions need no gradients; fused attention then gives other bits."""
    model = "timm/vit_tiny_patch16_224"
    classifier = Classifier.restore([read_run(trained(tmp_path, model, *NETWORKS[model]))], "cuda")
    pictures = [Picture("noise", np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8))]
    first, second = (explained(classifier, pictures) for _ in range(2))
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert first[0].map == second[0].map


def test_gpu_and_cpu_give_the_same_logits() -> None:
    spec = compose(
        [read_preset("perceiver-io-cifar10"), layer_of({"seed": 3}, "test")],
        lambda name, size: DatasetFacts(name, num_classes=10, image_size=32),
    ).spec
    model = build_model(spec.model, image_size=32, num_classes=10, seed=spec.seed).eval()
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = model(images).numpy()
        measured = model.cuda()(images.cuda()).cpu().numpy()
    np.testing.assert_allclose(measured, expected, atol=1e-3)
