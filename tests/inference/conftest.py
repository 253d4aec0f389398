from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.data.makers import noise, write_folder
from tests.training.small import small_spec
from vitreport.runtime import Runtime
from vitreport.spec.run import RunSpec
from vitreport.store.train import train_run
from vitreport.training.events import Listener


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    home = tmp_path_factory.mktemp("home")
    return Runtime(device="cpu", data_dir=home, cache_dir=home / "cache", runs_dir=home / "runs", threads=1)


@pytest.fixture(scope="session")
def own_images(runtime: Runtime) -> Path:
    """An image folder with files of several sizes and kinds, one of them lying on its side."""
    root = write_folder(runtime.data_dir / "pets", count=6, size=20)
    files = sorted((root / "test").rglob("*.png"))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(30, 24)[:15]).save(files[1].with_suffix(".jpg"), exif=exif)
    Image.fromarray(noise(31, 40)).convert("CMYK").save(files[2].with_suffix(".tif"))
    Image.fromarray(noise(32, 9)[:, :, 0].astype("uint16") * 200).save(files[3])
    Image.fromarray(noise(33, 8)).convert("P").save(files[4], transparency=7)
    return root


def small_seeds(runtime: Runtime, spec: RunSpec) -> list[Path]:
    specs = [spec.model_copy(update={"seed": seed}) for seed in (0, 1)]
    return [train_run(each, replace(runtime), force=False, argv=(), listener=Listener()) for each in specs]


@pytest.fixture(scope="session")
def own_runs(runtime: Runtime, own_images: Path) -> list[Path]:
    """Two seeds of one spec, trained on own images."""
    data = {"dataset": own_images.name, "num_classes": 2, "image_size": 16}
    optimizer = {"name": "adamw", "learning_rate": 0.01}
    return small_seeds(runtime, small_spec(data=data, optimizer=optimizer, train={"batch_size": 4}))


@pytest.fixture(scope="session")
def digits_run(runtime: Runtime) -> Path:
    """A run that resizes the 8 x 8 digits, and normalizes them by numbers that are not their own."""
    data = {"limit": 200, "image_size": 16, "normalization": "imagenet"}
    optimizer = {"name": "adamw", "learning_rate": 0.01}
    return small_seeds(runtime, small_spec(data=data, optimizer=optimizer))[0]
