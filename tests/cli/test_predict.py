"""`vitreport predict` classifies image files as the evaluation did."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Cli
from tests.cli.refusals import refused
from tests.commands import TRAIN
from tests.records import small_spec, write_run
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import open_dataset
from vitreport.records.folders import run_folders

COUNT = 20


@pytest.fixture
def digits(at_home: Path, tmp_path: Path) -> Path:
    """A folder with the first test images, the second half of them in a folder of its own."""
    images = open_dataset(ImageRequest("digits", 8, Path("data"), at_home / "cache")).splits["test"].images[:COUNT]
    for number, pixels in enumerate(images):
        file = tmp_path / "digits" / ("more" if number >= COUNT // 2 else "") / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(file)
    (tmp_path / "digits" / "notes.txt").write_text("not an image")
    return tmp_path / "digits"


def recorded() -> np.ndarray:
    """The class probabilities of these images in the record."""
    (folder,) = run_folders(Path("runs"))
    logits = np.load(folder / "predictions.npz")["logits"][:COUNT].astype(np.float64)
    shares: np.ndarray = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return shares


def test_each_image_has_the_recorded_probabilities(digits: Path, cli: Cli) -> None:
    done = cli("predict", "perceiver", str(digits), "--top", "10", "--json")
    assert done.exit_code == 0
    assert done.stderr.startswith("ignored 1 file: names of image files end with .png, .jpg")
    document = json.loads(done.stdout)
    assert (document["schema_version"], document["runs"]) == (1, [folder.name for folder in run_folders(Path("runs"))])
    names = [f"{digits}/{n:02}.png" for n in range(10)] + [f"{digits}/more/{n:02}.png" for n in range(10, COUNT)]
    assert [image["image"] for image in document["images"]] == names
    for image, expected in zip(document["images"], recorded(), strict=True):
        shares = {each["class"]: each["probability"] for each in image["classes"]}
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        np.testing.assert_allclose([shares[str(digit)] for digit in range(10)], expected, atol=2e-4)
        assert image["fault"] is None


def test_the_table_and_csv_have_the_most_probable_classes(digits: Path, cli: Cli) -> None:
    first, second = (f"{digits}/0{number}.png" for number in (1, 2))
    order = (-recorded()).argsort(1)[1:3, :2].tolist()
    rows = list(csv.DictReader(cli("predict", "perceiver", first, second, "--top=2", "--csv").stdout.splitlines()))
    assert [(row["image"], row["rank"], row["class"]) for row in rows] == [
        (image, str(rank + 1), str(of[rank]))
        for image, of in zip((first, second), order, strict=True)
        for rank in (0, 1)
    ]
    lines = cli("predict", "perceiver", first, second, "--top", "2").stdout.splitlines()
    share = f"{100 * float(rows[0]['probability']):.2f}%"
    assert [line.split() for line in lines[:3:2]] == [["image", "class", "probability"], lines[2].split()]
    assert lines[1].split() == [first, rows[0]["class"], share]
    assert len(lines[2].split()) == 2, "the name of an image is not repeated"
    assert len(cli("predict", "perceiver", first).stdout.splitlines()) == 1 + 5


def test_damaged_images_are_named_and_the_others_classified(digits: Path, cli: Cli) -> None:
    (digits / "00.png").write_bytes((digits / "00.png").read_bytes()[:60])
    (digits / "more" / "x.jpg").write_bytes(b"")
    done = cli("predict", "perceiver", str(digits), "--json")
    assert done.exit_code == 7
    _, *warnings, error = done.stderr.splitlines()
    assert [line.partition(" (")[0] for line in warnings] == [
        f"warning: {digits}/{name}" for name in ("00.png", "more/x.jpg")
    ]
    assert error == "error: 2 of 21 images cannot be decoded"
    images = json.loads(done.stdout)["images"]
    damaged = [image for image in images if image["fault"]]
    assert (len(images), [image["classes"] for image in damaged]) == (21, [[], []])
    assert damaged[1]["fault"] == f"{digits}/more/x.jpg (not an image of a known format)"
    assert cli("predict", "perceiver", f"{digits}/more/x.jpg").stdout == ""


def test_an_exported_file_is_a_model(digits: Path, cli: Cli) -> None:
    assert cli("export-model", "perceiver", "-o", "it.pt2").exit_code == 0
    run, file = (json.loads(cli("predict", name, str(digits), "--json").stdout) for name in ("perceiver", "it.pt2"))
    for expected, found in zip(run["images"], file["images"], strict=True):
        shares = [{each["class"]: each["probability"] for each in image["classes"]} for image in (expected, found)]
        assert shares[0] == pytest.approx(shares[1], abs=1e-6)
    assert file["runs"] == run["runs"]
    refused(
        cli("predict", "it.pt2", str(digits), "--device", "cuda:1"),
        2,
        "it.pt2 runs on the CPU only, not on cuda:1; hint: use the device cpu, or give the run",
    )
    assert cli("predict", "it.pt2", str(digits), "--device", "cpu").exit_code == 0


@pytest.fixture
def two_seeds(at_home: Path, digits: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of two finished runs of one group, in a folder with images."""
    monkeypatch.chdir(digits)
    shutil.copytree(at_home / "runs", "runs")
    assert cli(*TRAIN, "--seed=1", "--quiet").exit_code == 0
    return [folder.name for folder in run_folders(Path("runs"))]


def test_a_group_averages_its_seeds(two_seeds: list[str], cli: Cli) -> None:
    first, second = two_seeds
    done = {name: cli("predict", name, "00.png", "--json") for name in (first, second, first.removesuffix("-s0"))}
    *each, both = (
        {share["class"]: share["probability"] for share in json.loads(one.stdout)["images"][0]["classes"]}
        for one in done.values()
    )
    common = set(both) & set(each[0]) & set(each[1])
    assert common
    assert all(abs(both[name] - (each[0][name] + each[1][name]) / 2) < 1e-6 for name in common)
    assert done[first.removesuffix("-s0")].stderr == f"mean probabilities of 2 runs: {first} and {second}\n"
    assert json.loads(done[first.removesuffix("-s0")].stdout)["runs"] == [first, second]


def test_a_group_is_evaluated_with_the_accuracies_of_its_seeds(two_seeds: list[str], cli: Cli) -> None:
    group = two_seeds[0].removesuffix("-s0")
    accuracies = [json.loads(Path("runs", name, "result.json").read_text())["selected"] for name in two_seeds]
    seeds = [each["splits"]["test"] for each in accuracies]
    document = json.loads(cli("eval", group, "--json").stdout)
    assert (document["run"], document["runs"], document["agrees"]) == (group, two_seeds, None)
    assert [each["correct"] for each in document["recorded"]] == [each["correct"] for each in seeds]
    title, _, accuracy, of_seeds, *_ = cli("eval", group).stdout.splitlines()
    assert title == f"{group}: test split, mean probabilities of 2 runs (not recorded)"
    assert accuracy.split()[:2] == ["accuracy", f"{100 * document['measurement']['correct'] / 360:.2f}%"]
    assert "single run" not in accuracy
    assert of_seeds.split() == [
        "of",
        "each",
        "seed",
        *", ".join(f"{100 * s['correct'] / 360:.2f}%" for s in seeds).split(),
    ]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["missing.onnx", "digits"], 2, "no such file: missing.onnx; hint: "),
        (["nothing", "digits"], 2, "no run 'nothing' in runs; hint: "),
        (["perceiver", "digits", "no.png", "none"], 3, "no.png and none; hint: give a run first, then images"),
        (["perceiver", "empty"], 3, "no images in empty; hint: names of image files end with .png, .jpg"),
        (["perceiver", "digits", "--top", "0"], 2, "'--top': must be greater than or equal to 1"),
        (["perceiver", "digits", "--json", "--csv"], 2, "--json and --csv cannot be used together; hint: use one of"),
        (["perceiver", "digits", "--device", "tpu"], 4, "best.safetensors is missing; hint: weights are not committed"),
        (["perceiver", "digits", "--runs-dir", "no"], 2, "no such directory: no; hint: use --runs-dir"),
        (["perceiver"], 2, "Missing argument 'IMAGE'; hint: see `vitreport predict --help`"),
    ],
)
def test_a_wrong_request_is_an_error(
    arguments: list[str], exit_code: int, said: str, digits: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(digits.parent)
    write_run(Path("runs"), small_spec())
    Path("empty").mkdir()
    refused(cli("predict", *arguments), exit_code, said)


def test_an_unknown_device_is_an_error(digits: Path, cli: Cli) -> None:
    refused(cli("predict", "perceiver", str(digits), "--device", "tpu"), 2, "--device = 'tpu': unknown device")
