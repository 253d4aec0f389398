"""What only a GPU can show; skipped where there is none."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.commands import TINY, vitreport
from vitreport.models.registry import build_model
from vitreport.spec.compose import compose
from vitreport.spec.data import DatasetFacts
from vitreport.spec.load import assign
from vitreport.spec.presets import read_preset

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")

AUGMENTED = (
    '--set=data.augment=[{name="horizontal_flip"}, {name="random_crop", padding=2}, '
    '{name="color_jitter", brightness=0.5, contrast=0.2, saturation=0.2, hue=0.25}]'
)


def trained(folder: Path, *options: str) -> Path:
    done = vitreport(
        "train", "perceiver-io", "--dataset=digits", "--device=cuda", *TINY, AUGMENTED, f"--runs-dir={folder}", *options
    )
    assert done.exit_code == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_same_command_gives_same_bits(tmp_path: Path, precision: str) -> None:
    first, second = (trained(tmp_path / name, f"--precision={precision}") for name in ("a", "b"))
    for name in ("best.safetensors", "predictions.npz", "result.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_evaluation_agrees_with_the_record(tmp_path: Path) -> None:
    run = trained(tmp_path)
    done = vitreport("eval", str(run), "--device=cuda", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["agrees"] is True


def test_gpu_and_cpu_give_the_same_logits() -> None:
    spec = compose(
        [read_preset("perceiver-io-cifar10"), assign({"seed": 3}, "test")],
        lambda name, size: DatasetFacts(name, num_classes=10, image_size=32),
    ).spec
    model = build_model(spec.model, image_size=32, num_classes=10, seed=spec.seed).eval()
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = model(images).numpy()
        measured = model.cuda()(images.cuda()).cpu().numpy()
    np.testing.assert_allclose(measured, expected, atol=1e-3)
