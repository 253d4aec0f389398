"""`vitreport plot`: curves of several groups in one figure, as a file."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.commands import vitreport
from tests.records import spec, write_run, write_seeds
from vitreport.report.figures.canvas import shortened

RUNS = Path("runs")
TRAIN = {"epochs": 6}


@pytest.fixture(autouse=True)
def runs() -> None:
    for model, accuracy in (("perceiver-io", 0.5), ("swin", 0.6), ("tnt", 0.7)):
        write_seeds(RUNS, [accuracy, accuracy + 0.02], model=model, train=TRAIN)


def test_a_figure_of_three_groups_names_all_three_with_their_numbers() -> None:
    done = vitreport("plot", "perceiver-io", "swin", "tnt", "-o", "a.svg", "--label", "tnt=Nested")
    assert (done.exit_code, done.stdout) == (0, ""), done.stderr
    assert done.stderr.startswith("3 groups in a.svg. Means over 2 seeds with 95% bands")
    drawn = Path("a.svg").read_text()
    numbers = "Nested 69.3%, Swin Transformer 59.5% and Perceiver IO 49.8%"
    assert f"CIFAR-10. Validation accuracy at the last epoch: {numbers}." in drawn
    assert drawn.count("Nested 69.3%") > 1
    assert "var(" not in drawn


def test_single_runs_among_groups_are_said_to_have_no_bands(cli: Cli) -> None:
    write_run(RUNS, spec("mlp-mixer", train=TRAIN), 0.8)
    done = cli("plot", "swin", "mlp-mixer", "-o", "a.svg")
    assert "Means over 2 seeds with 95% bands. Single runs have no bands." in " ".join(done.stderr.split())


@pytest.mark.parametrize(("extension", "beginning"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<svg")])
def test_a_file_is_the_same_each_time(cli: Cli, extension: str, beginning: bytes) -> None:
    found = []
    for name in ("one", "other"):
        Path(name).mkdir()
        done = cli("plot", "swin", "--split", "train", "--metric", "loss", "-o", f"{name}/a.{extension}")
        assert done.exit_code == 0, done.stderr
        found.append(Path(f"{name}/a.{extension}").read_bytes())
    assert found[0].startswith(beginning)
    assert found[0] == found[1]


def test_levels_of_an_ablation_are_labelled_by_their_values(cli: Cli) -> None:
    write_seeds(RUNS, [0.4, 0.42], model="swin", train={**TRAIN, "batch_size": 32})
    assert cli("plot", "swin", "-o", "a.svg").exit_code == 0
    alt = "Swin Transformer on CIFAR-10 by batch_size. Validation accuracy at the last epoch: 32: 40.0% and 128: 59.5%."
    assert alt in Path("a.svg").read_text()


def test_labels_that_would_be_cut_alike_keep_the_values_of_their_fields() -> None:
    names = [f"batch_size {size}, learning_rate {rate} and 2 more" for size in (8, 16) for rate in (0.1, 0.01)]
    assert shortened([*names, "representative"], 20) == ["8, 0.1", "8, 0.01", "16, 0.1", "16, 0.01", "representative"]
    assert shortened(["a", "perceiver-io, patch_size 16"], 20) == ["a", "perceiver-…h_size 16"]


def test_of_many_groups_the_note_names_those_left_out(cli: Cli) -> None:
    for size in range(1, 11):
        write_run(RUNS, spec("swin", train={**TRAIN, "batch_size": size}), 0.5)
    done = cli("plot", "swin", "-o", "a.svg")
    assert done.stderr.startswith("8 groups in a.svg. ")
    assert done.stderr.endswith(" Not drawn: 3; 6; 9.\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("swin -o a.docx", "unknown file extension: a.docx; hint: use .svg, .png or .pdf"),
        ("swim -o a.svg", "no run, group or sweep 'swim' in runs; hint: use one of swin-cifar10-"),
        ("swin --split test -o a.svg", "no test curve in swin-cifar10-"),
        ("swin --label tnt=TNT -o a.svg", "unknown group tnt in --label tnt=TNT; hint: "),
        ("swin --label swin -o a.svg", "--label swin: no name for the group; hint: write it as --label swin=NAME"),
        ("swin --runs-dir typo -o a.svg", "no such directory: typo"),
        ("swin", "Missing option '--output' / '-o'"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_with_a_hint(cli: Cli, words: str, message: str) -> None:
    done = cli("plot", *words.split())
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: {message}")
    assert "; hint: " in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(Path().glob("a.*"))
