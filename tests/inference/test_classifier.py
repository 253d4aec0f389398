"""A loaded model gives the predictions that were recorded in training."""

import json
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import vitreport
from tests.data.makers import noise
from tests.training.small import small_spec
from vitreport.data.folder import read_folder
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import open_dataset
from vitreport.errors import DatasetError, RecordError, SpecError
from vitreport.inference import classifier
from vitreport.inference.classifier import Classifier
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.store.evaluation import evaluate_runs
from vitreport.store.train import train_run
from vitreport.training.evaluate import CPU_BATCH_SIZE, measure


def recorded(folder: Path) -> Tensor:
    """The class probabilities of the test images, from logits that were rounded to float16."""
    return torch.from_numpy(np.load(folder / "predictions.npz")["logits"]).float().softmax(1)


def assert_recorded(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-4)


def images_of(root: Path) -> list[Path]:
    return [root / file for file in read_folder(root).files["test"]]


def digits(runtime: Runtime, run: Path) -> NDArray[np.uint8]:
    spec = read_run(run).spec
    assert spec
    return open_dataset(ImageRequest.of(spec.data, runtime)).splits["test"].images


def test_own_images_are_classified_as_in_the_evaluation(own_runs: list[Path], own_images: Path) -> None:
    model = vitreport.load_model(own_runs[0])
    assert (model.classes, model.image_size, model.runs) == (("cat", "dog"), 16, (own_runs[0].name,))
    files = images_of(own_images)
    found = model.predict(files)
    assert_recorded(found, recorded(own_runs[0]))
    assert len({round(each, 3) for each in found[:, 0].tolist()}) > 6, "the images are told apart"
    assert torch.equal(model.predict([Image.open(file) for file in files]), found)
    assert torch.equal(model.predict([str(files[0]), Image.open(files[1])]), found[:2])
    assert torch.equal(model.predict(files[1])[0], model.predict(files)[1])


def test_published_images_are_classified_as_in_the_evaluation(digits_run: Path, runtime: Runtime) -> None:
    """They are resized by the network's own size, not by that of the dataset."""
    model, images = vitreport.load_model(read_run(digits_run)), digits(runtime, digits_run)
    found = model.predict(torch.from_numpy(images))
    assert len(found) == 360
    assert_recorded(found, recorded(digits_run))
    assert torch.equal(model.predict(images.transpose(0, 2, 3, 1)), found)
    assert torch.equal(model.predict(images[0].transpose(1, 2, 0))[0], model.predict([torch.from_numpy(images[0])])[0])


def test_a_call_takes_bytes_or_fractions_and_resizes_them(digits_run: Path, runtime: Runtime) -> None:
    model, images = vitreport.load_model(digits_run), torch.from_numpy(digits(runtime, digits_run)[:100])
    logits = model(images)
    assert_recorded(logits.softmax(1), recorded(digits_run)[:100])
    torch.testing.assert_close(model(images.float() / 255), logits)
    torch.testing.assert_close(model(images.long()), logits)
    assert model.double()(images).shape == (100, 10)
    for dtype in (torch.bfloat16, torch.float16):
        torch.testing.assert_close(model.to(dtype)(images).softmax(1), logits.softmax(1), rtol=0, atol=0.05)
    assert not model.training


def test_dropout_is_off_whatever_the_mode(digits_run: Path, runtime: Runtime) -> None:
    """And the mode of every module is as it was afterwards."""
    model, images = vitreport.load_model(digits_run), torch.from_numpy(digits(runtime, digits_run)[:20])
    model.network = nn.Sequential(nn.Dropout(0.9), model.network)
    expected = model.predict(images)
    model.network.train()
    modes = [module.training for module in model.modules()]
    assert set(modes) == {False, True}
    assert torch.equal(model.predict(images), expected)
    assert [module.training for module in model.modules()] == modes
    assert not torch.equal(model(images).softmax(1), expected)


def test_a_group_averages_the_probabilities_of_its_finished_seeds(
    own_runs: list[Path], own_images: Path, tmp_path: Path
) -> None:
    runs_dir, group, files = own_runs[0].parent, own_runs[0].name.removesuffix("-s0"), images_of(own_images)
    both = vitreport.load_model(group, runs_dir)
    assert both.runs == tuple(folder.name for folder in own_runs)
    each = [vitreport.load_model(folder).predict(files) for folder in own_runs]
    assert not torch.equal(each[0], each[1])
    torch.testing.assert_close(both.predict(files), (each[0] + each[1]) / 2)
    copies = [Path(shutil.copytree(folder, tmp_path / "runs" / folder.name)) for folder in own_runs]
    change_record(copies[1], status="interrupted")
    assert vitreport.load_model(group).runs == (copies[0].name,)
    change_record(copies[0], status="interrupted")
    with pytest.raises(RecordError, match="s0 has not finished"):
        vitreport.load_model(group)


def test_a_group_averages_the_attention_of_its_seeds(own_runs: list[Path], own_images: Path) -> None:
    both = vitreport.load_model(own_runs[0].name.removesuffix("-s0"), own_runs[0].parent)
    images = torch.from_numpy(np.stack([np.asarray(pixels) for pixels in both.decoded(images_of(own_images))]))
    mean = torch.stack([vitreport.load_model(folder).attention(images) for folder in own_runs]).mean(0)
    torch.testing.assert_close(both.attention(images), mean / mean.amax((1, 2), keepdim=True))
    torch.testing.assert_close(both.attention(images.float() / 255), both.attention(images))


def test_grad_cam_explains_the_class_that_is_predicted(digits_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the precision of the run, which may predict another class than float32 does."""
    model, explained = vitreport.load_model(digits_run), list[int]()
    train = model.spec.train.model_copy(update={"precision": "bfloat16"})
    model.spec = model.spec.model_copy(update={"train": train})

    class Network(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.eye(10)[[3 if torch.is_autocast_enabled("cpu") else 5] * len(images)]

    def maps(_network: object, _maps_of: object, _images: Tensor, classes: Tensor) -> Tensor:
        explained.extend(classes.tolist())
        return torch.zeros(1, 1, 1)

    model.network = Network()
    monkeypatch.setattr(classifier, "attention_maps", maps)
    images = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    model.attention(images)
    assert explained == model.predict(images).argmax(1).tolist() == [3]


def test_a_group_is_evaluated_as_it_predicts(own_runs: list[Path], own_images: Path, runtime: Runtime) -> None:
    runs = [read_run(folder) for folder in own_runs]
    listing = read_folder(own_images)
    found = evaluate_runs(runs, "test", None, [runtime.data_dir], runtime, vitreport.Listener())
    taken = vitreport.load_model(own_runs[0].name.removesuffix("-s0"), runtime.runs_dir).predict(images_of(own_images))
    assert found.measurement.correct == int((taken.argmax(1).numpy() == listing.labels["test"]).sum())
    loss = -taken.log()[range(len(taken)), listing.labels["test"]].mean().item()
    assert found.measurement.loss == pytest.approx(loss, abs=1e-5)
    assert found.recorded == tuple(run.result.selected.splits["test"] for run in runs if run.result)
    with pytest.raises(SpecError, match="its seeds hold out different images"):
        evaluate_runs(runs, "val", None, [runtime.data_dir], runtime, vitreport.Listener())


def test_a_convolutional_network_computes_the_bits_of_the_evaluation(runtime: Runtime) -> None:
    """Its numbers lie in memory as in training, which changes the last digits."""
    model = {"name": "timm", "architecture": "resnet10t", "arguments": {"channels": [8, 8, 8, 8]}}
    spec = small_spec(model=model, data={"limit": 40, "image_size": 32}, train={"epochs": 1})
    folder = train_run(spec, runtime, force=False, argv=(), listener=vitreport.Listener())
    found = evaluate_runs([read_run(folder)], "test", None, [runtime.data_dir], runtime, vitreport.Listener())
    split = open_dataset(ImageRequest.of(spec.data, runtime)).splits["test"]
    with torch.inference_mode():
        batches = torch.split(torch.from_numpy(split.images), CPU_BATCH_SIZE)
        logits = torch.cat([vitreport.load_model(folder)(batch) for batch in batches]).numpy()
    assert measure(logits, split.labels).loss == found.measurement.loss


def test_seeds_with_different_images_are_not_averaged(own_runs: list[Path], tmp_path: Path) -> None:
    copies = [Path(shutil.copytree(folder, tmp_path / "runs" / folder.name)) for folder in own_runs]
    change_record(copies[1], data=json.loads((copies[1] / "run.json").read_text())["data"] | {"fingerprint": "f" * 64})
    with pytest.raises(RecordError, match=r"-s0 and .*-s1 were trained on different images"):
        vitreport.load_model(own_runs[0].name.removesuffix("-s0"))


def change_record(folder: Path, **changes: Any) -> None:
    values = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(values | changes))


def test_what_cannot_be_loaded_is_an_error(own_runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no run 'nothing' in runs"):
        vitreport.load_model("nothing")
    copy = Path(shutil.copytree(own_runs[0], tmp_path / own_runs[0].name))
    (copy / "best.safetensors").unlink()
    with pytest.raises(RecordError, match=r"best\.safetensors is missing") as error:
        vitreport.load_model(copy)
    assert "train the run again" in error.value.hint


@pytest.fixture(scope="session")
def model(own_runs: list[Path]) -> Classifier:
    return vitreport.load_model(own_runs[0])


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((9, 9, 3), np.float32), r"the shape \(9, 9, 3\) and the type float32"),
        (np.zeros((9, 9, 4), np.uint8), r"the shape \(9, 9, 4\) and the type uint8"),
        (np.zeros((9, 0, 3), np.uint8), r"the shape \(9, 0, 3\) and the type uint8"),
        (torch.zeros(9, 9), r"the shape \(9, 9\) and the type torch.float32"),
        (b"image", "the type int"),
        ([None], "the type NoneType"),
    ],
)
def test_what_is_no_image_is_refused(model: Classifier, image: Any, said: str) -> None:
    with pytest.raises(SpecError, match=f"^an image has {said}") as error:
        model.predict(image)
    assert "uint8" in error.value.hint


def test_damaged_metadata_is_ignored_in_files_and_pillow_images(model: Classifier, tmp_path: Path) -> None:
    """The orientation can be read, and what has text in place of the width cannot be written again."""
    width, orientation = b"\x01\0\0\x02\0\0\0\x04abc\0", b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + width + orientation + bytes(4)
    Image.fromarray(noise(1, 20)).save(tmp_path / "it.jpg", exif=exif)
    with Image.open(tmp_path / "it.jpg") as image:
        assert torch.equal(model.predict(image), model.predict(tmp_path / "it.jpg"))


def test_damaged_pillow_images_are_named(model: Classifier, own_images: Path, tmp_path: Path) -> None:
    whole, cut = images_of(own_images)[0], tmp_path / "cut.png"
    cut.write_bytes(whole.read_bytes()[:-60])
    with Image.open(cut) as damaged, Image.open(whole) as sound, pytest.raises(DatasetError) as error:
        model.predict([damaged, sound, Image.new("F", (9, 9), -1)])
    faults = f"{cut} (image file is truncated) and a Pillow image (values that are not whole numbers"
    assert error.value.message.startswith(f"2 of 3 images cannot be decoded: {faults}")


def test_every_damaged_file_is_named(model: Classifier, tmp_path: Path, own_images: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DatasetError) as error:
        model.predict([*images_of(own_images), tmp_path / "text.png", "missing.png"])
    assert error.value.message.startswith("2 of 16 images cannot be decoded: ")
    assert "text.png (not an image of a known format) and missing.png (is missing)" in error.value.message
    assert error.value.hint.startswith("check the paths, and replace damaged images; known formats: PNG, JPEG")


def test_threads_can_share_a_model(model: Classifier, own_images: Path) -> None:
    """They leave the filters of warnings, which all threads share, as they were."""
    files, filters = images_of(own_images)[:2], list(warnings.filters)
    expected = model.predict(files)
    with ThreadPoolExecutor(8) as pool:
        assert all(torch.equal(found, expected) for found in pool.map(model.predict, [files] * 100))
    assert warnings.filters == filters


def test_no_images_have_no_probabilities(model: Classifier) -> None:
    assert model.predict([]).shape == (0, 2)
