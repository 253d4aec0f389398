"""`vitreport explain` draws images with what the model attends to."""

import io
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import vitreport
from tests.cli.conftest import Cli
from tests.cli.refusals import refused
from tests.commands import TRAIN
from tests.records import small_spec, write_run
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import open_dataset
from vitreport.records.folders import run_folders
from vitreport.records.reader import Damage, read_run
from vitreport.store.contact_sheets import place_of, read_attention
from vitreport.store.run_state import lock_run

SMALL = [*TRAIN, "--quiet", "--set=model.patch_size=4", "--set=model.num_latents=2"]
CAPTION = (
    "Cross attention, mean over latents, heads and layers. The stronger the color, the more attention. Below each image"
)


@pytest.fixture
def seeds(home: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> list[Path]:
    """Two finished runs of one group, whose network has four tokens, in the folder of the test."""
    monkeypatch.setenv("VITREPORT_CACHE_DIR", str(home / "cache"))
    kept = home.parent / f"{home.name}-patches"
    for seed in () if kept.exists() else (0, 1):
        assert cli(*SMALL, f"--seed={seed}", f"--runs-dir={kept}").exit_code == 0
    shutil.copytree(kept, "runs")
    return run_folders(Path("runs"))


def words(svg: str) -> list[str]:
    return [text for text in ElementTree.parse(svg).getroot().itertext() if text.strip()]


def test_test_images_are_right_ones_and_the_most_confident_mistakes(seeds: list[Path], cli: Cli) -> None:
    done = cli("explain", seeds[0].name, "-o", "a.svg", "--most", "4")
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    assert done.stderr == (
        f"4 images in a.svg. {CAPTION}: its class, the predicted class and its probability; mistakes are in color.\n"
    )
    result, model = read_run(seeds[0]).result, vitreport.load_model(seeds[0])
    assert result
    assert result.mistakes
    drawn = Path("a.svg").read_text()
    tips = re.findall(r"<title>test image (\d+), class (\d), as (\d), ([\d.]+)%</title>", drawn)
    assert [int(tip[0]) for tip in tips[2:]] == [each.index for each in result.mistakes.images[:2]]
    assert [(int(tip[1]), int(tip[2])) for tip in tips[2:]] == [
        (each.label, each.predicted) for each in result.mistakes.images[:2]
    ]
    assert all(tip[1] == tip[2] for tip in tips[:2])
    test = open_dataset(ImageRequest.of(model.spec.data, vitreport.Runtime())).splits["test"]
    for index, label, predicted, share in tips:
        assert label == str(test.labels[int(index)])
        found = model.predict(test.images[int(index)].transpose(1, 2, 0))[0]
        assert (str(int(found.argmax())), f"{100 * found.max():.1f}") == (predicted, share)
    assert [text for text in words("a.svg") if text.startswith("as ")] == [f"as {of}, {p}%" for _, _, of, p in tips]
    assert drawn.count("<image ") == 3 * 4
    assert drawn.count('image-rendering="pixelated"') == 3 * 4


def test_files_are_drawn_with_their_names_and_the_seeds_of_a_group_averaged(seeds: list[Path], cli: Cli) -> None:
    for number in range(3):
        Path("photos").mkdir(exist_ok=True)
        Image.new("RGB", (12, 20), (90 * number, 99, 9)).save(f"photos/{number}.png")
    done = cli("explain", seeds[0].name.removesuffix("-s0"), "photos", "-o", "a.svg", "--most", "2")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("2 images in a.svg (1 more left out). ")
    assert "heads and layers, mean over 2 seeds. " in done.stderr
    assert "its file, the predicted class and its probability.\n" in done.stderr
    assert {"0.png", "1.png", "What Perceiver IO on Digits attends to"} <= {*words("a.svg")}
    assert cli("explain", seeds[0].name, "photos/0.png", "-o", "a.svg", "-q").stderr == ""


@pytest.mark.parametrize("extension", ["png", "svg", "pdf"])
def test_a_file_is_the_same_each_time(seeds: list[Path], cli: Cli, extension: str) -> None:
    for folder in ("one", "other"):
        Path(folder).mkdir()
        assert cli("explain", seeds[0].name, "-o", f"{folder}/a.{extension}", "--most=3").exit_code == 0
    assert Path(f"one/a.{extension}").read_bytes() == Path(f"other/a.{extension}").read_bytes()


def test_damaged_images_are_named_and_the_others_drawn(seeds: list[Path], cli: Cli) -> None:
    Path("photos").mkdir()
    Image.new("RGB", (8, 8)).save("photos/a.png")
    Path("photos/b.png").write_text("no image")
    done = cli("explain", seeds[0].name, "photos", "-o", "a.svg")
    assert (done.exit_code, Path("a.svg").exists()) == (7, True)
    assert done.stderr.endswith(
        "warning: photos/b.png (not an image of a known format)\nerror: 1 of 2 images cannot be decoded\n"
    )
    assert cli("explain", seeds[0].name, "photos/b.png", "-o", "b.svg").exit_code == 7
    assert not Path("b.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["nothing", "-o", "a.png"], 2, "no run 'nothing' in runs; hint: "),
        (
            ["perceiver", "no.png", "-o", "a.png"],
            3,
            "no such file or directory: no.png; hint: give a run first, then images",
        ),
        (["perceiver", "-o", "a.docx"], 2, "unknown file extension: a.docx; hint: use .svg, .png or .pdf"),
        (["perceiver", "-o", "a.png", "--most", "0"], 2, "'--most': must be greater than or equal to 1"),
        (["perceiver", "-o", "a.png"], 4, "best.safetensors is missing; hint: weights are not committed"),
        (["perceiver"], 2, "nothing to write; hint: use --output FILE, or --record to show test images in reports"),
        (["perceiver", "a.png", "--record"], 2, "IMAGE and --record cannot be used together; hint: use one of them"),
        (["perceiver", "--record", "--most=20"], 2, "--most = 20: a record has at most 12 images; hint: use --most 12"),
        (["perceiver", "--record"], 4, "best.safetensors is missing; hint: weights are not committed"),
    ],
)
def test_a_wrong_request_is_an_error(arguments: list[str], exit_code: int, said: str, cli: Cli) -> None:
    write_run(Path("runs"), small_spec())
    refused(cli("explain", *arguments), exit_code, said)


@pytest.mark.parametrize("options", [["--record"], ["-o", "a.png"], ["--record", "-o", "a.png"]])
def test_a_single_token_is_an_error(at_home: Path, cli: Cli, tmp_path: Path, options: list[str]) -> None:
    before = sorted(at_home.rglob("*.*"))
    done = cli("explain", "perceiver", *options)
    said = "this Perceiver IO has no attention map: its only token is the whole image"
    refused(done, 2, f"{said}; hint: train it with --set model.patch_size=2")
    assert sorted(at_home.rglob("*.*")) == before


def test_each_run_of_a_group_gets_its_record_for_reports(seeds: list[Path], cli: Cli) -> None:
    results = [(run / "result.json").read_bytes() for run in seeds]
    done = cli("explain", seeds[0].name.removesuffix("-s0"), "--record", "--most", "4")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "".join(f"4 images in {run}/attention.png\n" for run in seeds)
    assert [(run / "result.json").read_bytes() for run in seeds] == results
    pixels = open_dataset(ImageRequest.of(small_spec().data, vitreport.Runtime())).splits["test"].images
    for run in seeds:
        result, model = read_run(run).result, vitreport.load_model(run)
        assert result
        assert result.mistakes
        damage: list[Damage] = []
        found = read_attention(run, result, damage)
        assert found, damage
        record, content = found
        assert record.method == "Cross attention, mean over latents, heads and layers"
        assert [each.index for each in record.images[2:]] == [each.index for each in result.mistakes.images[:2]]
        sheet = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        for number, each in enumerate(record.images):
            image = pixels[each.index].transpose(1, 2, 0)
            assert each.confidence == pytest.approx(float(model.predict(image).max()))
            assert (each.label == each.predicted) == (number < 2)
            left, upper = place_of(number, record.side, tiles=2)
            assert (sheet[upper : upper + record.side : 8, left : left + record.side : 8] == image).all()
    page = Path("report.html")
    assert cli("report", "-o", str(page)).exit_code == 0
    assert "What the models attend to" in page.read_text()
    figure = page.read_text()
    assert cli("explain", seeds[0].name, "--record", "--most", "4", "-q").stderr == ""
    assert cli("report", "-o", str(page)).exit_code == 0
    assert page.read_text() == figure


def test_a_run_in_use_is_left_alone(seeds: list[Path], cli: Cli) -> None:
    with lock_run(seeds[0]):
        refused(cli("explain", seeds[0].name, "--record"), 8, f"run {seeds[0].name} is in use by another process")
    assert not list(seeds[0].glob("attention.*"))


def test_a_record_is_not_written_through_a_link(seeds: list[Path], cli: Cli) -> None:
    Path("precious").write_text("precious")
    (seeds[0] / "attention.png").symlink_to(Path("precious").absolute())
    refused(cli("explain", seeds[0].name, "--record"), 4, "attention.png is a link, which is not followed")
    assert Path("precious").read_text() == "precious"
