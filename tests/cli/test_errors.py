"""Each error is one plain line on stderr, with a hint and the exit code of its kind."""

import errno
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import Cli
from tests.cli.refusals import refused
from tests.commands import TINY, vitreport
from tests.data.makers import republish, write_folder
from tests.training.ranks import environments
from vitreport.spec import load
from vitreport.store.signals import StopSignal

DIGITS = ("train", "perceiver-io", "--dataset", "digits", *TINY)


@pytest.mark.parametrize(
    ("command", "batch_size", "fault"),
    [
        (["train"], 1, "is one image"),
        (["train", "--dry-run"], 1, "is one image"),
        (["train"], 19, "leaves a last batch of one of the 39 training images"),
        (["train", "--dry-run"], 19, "leaves a last batch of one of the 39 training images"),
    ],
)
def test_a_batch_that_is_too_small_to_normalise_over(command: list[str], batch_size: int, fault: str, cli: Cli) -> None:
    small = ["timm/resnet10t", "--dataset=digits", "--set=limit=43", f"--set=batch_size={batch_size}"]
    done = cli(*command, *small, "--set=data.image_size=8")
    refused(
        done, 2, f"train.batch_size = {batch_size}: {fault}, too few to normalize over; hint: choose another batch size"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "percever-io"], ["model.name = 'percever-io': unknown name", "mean perceiver-io or perceiver?"]),
        (["train", "resnet18"], ["model.name = 'resnet18': unknown name", "or timm/resnet18 if timm has it"]),
        (["train", "swin", "--dataset", "digist"], ["data.dataset = 'digist': unknown dataset", "mean digits?"]),
        (["train", "swin", "--set", "model.dept=3"], ["model.dept: unknown field", "did you mean model.depth"]),
        (["train", "perceiver-io", "--epochs", "0"], ["train.epochs = 0: must be greater than", "command line"]),
        (["train", "perceiver-io", "--lr", "nan"], ["optimizer.learning_rate = nan: must be a finite number"]),
        (["train", "perceiver-io", "--set", "name=x"], ["name: the name is not unique", "one of model.name"]),
        (["train", "perceiver-io", "--preset", "strong"], ["'strong': unknown preset", "mlp-mixer-cifar10-strong"]),
        (["train", "tnt", "--preset", "digits"], ["'digits': unknown preset", "mean tnt-digits or swin-digits?"]),
        (["train", "swin", "--preset", "perceiver-cifar10"], ["is not a preset for swin", "swin-cifar10"]),
        (["train", "--spec", "missing.toml"], ["missing.toml is missing; hint: give the path of a TOML file"]),
        (["train", "--spec", "."], [". is not a regular file"]),
        (["train"], ["model.name: is missing", "one of perceiver-io"]),
        (["train", "--bogus"], ["No such option: --bogus", "see `vitreport train --help`"]),
        (["ablate", "--limit", "1"], ["No such option: --limit", "hint: use --set limit=VALUE, or see `vitreport "]),
        (["train", "--augment", "x"], ["No such option: --augment", "hint: use --set augment=VALUE, or"]),
        (["ablate", "--bogus"], ["No such option: --bogus", "; hint: see `vitreport ablate --help`"]),
        (["runs", "list", "--epochs", "1"], ["No such option: --epochs", "; hint: see `vitreport runs list --help`"]),
        (["train", "swin", "--set", "augment=trivial_augment"], ["in brackets", 'such as [{name="trivial_augment"}]']),
        (["train", "swin", "--set", "augment=flip"], ["in brackets", 'such as [{name="horizontal_flip"}]']),
        (["train", "swin", "--set", 'augment=["equalize"]'], ["must be a table", 'hint: such as {name="equalize"}']),
        (["train", "perceiver-io", "--set", "model.dim=none"], ["model.dim = none: must be a valid integer"]),
        (["train", "--epochs", "many", "swin"], ["'--epochs'", "`vitreport train --help`"]),
        (["train", "--threads", "0", "swin"], ["'--threads'"]),
        (["train", "swin", "mixer"], ["mixer"]),
        (["trian"], ["No such command 'trian'", "'train'"]),
        (["runs", "rm", "x"], ["No such command 'rm'; hint: did you mean `vitreport runs delete`?"]),
        (["runs", "remove"], ["No such command 'remove'; hint: did you mean `vitreport runs delete`?"]),
        (["rm", "x"], ["No such command 'rm'; hint: see `vitreport --help`"]),
        (["--color", "sometimes", "models"], ["'--color'", "'auto', 'always', 'never'"]),
        (["eval"], ["Missing argument", "`vitreport eval --help`"]),
        (["eval", "x", "--split", "tst"], ["'--split'"]),
        (["runs", "show", "nothing"], ["no run 'nothing' in runs", "vitreport runs list"]),
        (["runs", "diff", "a"], ["Missing argument"]),
        (["spec", "check", "missing.toml"], ["missing.toml"]),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_in_one_line(arguments: list[str], said: list[str], cli: Cli) -> None:
    refused(cli(*arguments), 2, *said)


def test_a_wrong_request_of_a_process_is_told_in_one_line() -> None:
    done = vitreport("train", "percever-io", environment={"FORCE_COLOR": ""})
    problem, hint = done.stderr.split("; hint: ")
    assert problem == "error: model.name = 'percever-io': unknown name (from command line)"
    assert hint == "did you mean perceiver-io or perceiver?\n"
    assert (done.exit_code, done.stdout) == (2, "")


def test_every_problem_has_a_line_of_its_own(cli: Cli) -> None:
    done = cli("train", "percever-io", "--dataset", "cifr10", "--set", "foo=1", "--seed", "-1")
    assert (done.exit_code, done.stdout) == (2, "")
    fields = [re.match(r"error: (\S+?)[: ]", line)[1] for line in done.stderr.splitlines()]  # type: ignore[index]
    assert fields == ["foo", "data.dataset", "model.name", "seed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--epochs", "many"],
            "Invalid value for '--epochs': must be a valid integer; hint: see `vitreport train --help`",
        ),
        (["--threads", "0"], "'--threads' (env var: 'VITREPORT_THREADS'): must be greater than or equal to 1; hint:"),
    ],
)
def test_a_wrong_option_is_told_without_words_of_libraries(arguments: list[str], said: str, cli: Cli) -> None:
    refused(cli("train", "swin", *arguments), 2, said)
    line = refused(cli("eval", "x", "--split", "tst"), 2, "'--split': 'tst' is not one of 'test', 'val', 'train'")
    assert "Value error" not in line


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ("CIFAR10", "did you mean cifar10?"),
        ("cifar-10", "did you mean cifar10?"),
        ("Tiny-ImageNet", "did you mean tinyimagenet?"),
        ("photos", "write ./photos to use the directory"),
    ],
)
def test_a_data_set_in_other_letters_or_a_bare_folder_is_understood(dataset: str, said: str, cli: Cli) -> None:
    write_folder(Path("photos"))
    said = f"unknown dataset (from command line); hint: {said}"
    refused(cli("train", "swin", "--dataset", dataset, "--dry-run"), 2, said)


def test_a_failure_with_json_leaves_stdout_empty(cli: Cli) -> None:
    done = cli("runs", "show", "nothing", "--json")
    assert (done.exit_code, done.stdout) == (2, "")


@pytest.mark.parametrize("device", ["tpu", "cuda:x", "gpu", "meta", ""])
def test_a_device_that_cannot_be_is_a_wrong_request(device: str, cli: Cli) -> None:
    refused(
        cli(*DIGITS, "--device", device), 2, f"--device = {device!r}: unknown device", "use auto, cpu, cuda or cuda:N"
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("extra", [(), ("--dry-run",)])
def test_a_device_that_is_not_here_is_a_matter_of_resources(extra: tuple[str, ...], cli: Cli) -> None:
    refused(
        cli(*DIGITS, "--device", "cuda", *extra), 6, "--device = 'cuda': PyTorch finds no CUDA GPU", "vitreport doctor"
    )


def no_folder(root: Path) -> None:
    pass


def no_images(root: Path) -> None:
    (root / "train" / "cat").mkdir(parents=True)


def class_without_images(root: Path) -> None:
    write_folder(root)
    for image in (root / "test" / "dog").iterdir():
        image.unlink()


def undecodable_image(root: Path) -> None:
    write_folder(root)
    (root / "train" / "cat" / "0001.png").write_bytes(b"no image")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (no_folder, ["images is not a directory", "train/CLASS/*.png"]),
        (no_images, ["has no images in train/CLASS/"]),
        (class_without_images, ["has no test image of class dog"]),
        (undecodable_image, ["1 of 12 images cannot be decoded: train/cat/0001.png"]),
    ],
)
def test_images_that_cannot_be_used(make: Callable[[Path], None], said: list[str], cli: Cli) -> None:
    make(Path("images"))
    refused(cli("train", "perceiver-io", "--dataset", "./images", *TINY), 3, *said)
    assert not Path("runs").exists()


def test_without_a_network_the_other_ways_to_cifar10_are_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    republish("cifar10", monkeypatch, mirrors=("http://127.0.0.1:1/cifar-10-python.tar.gz",) * 2)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    done = cli("train", "perceiver-io", "--dataset", "cifar10", "--data-dir", "data", "--epochs", "1")
    refused(
        done,
        6,
        "could not be downloaded",
        "put cifar-10-python.tar.gz into data",
        "cifar10/{train,test}",
        "the dataset digits needs no download",
    )


@pytest.mark.parametrize("option", ["--runs-dir", "--data-dir"])
def test_a_place_that_cannot_be_written(option: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    republish("cifar10", monkeypatch, mirrors=())
    Path("file").write_text("")
    dataset = "digits" if option == "--runs-dir" else "cifar10"
    done = cli("train", "perceiver-io", "--dataset", dataset, *TINY[:5], "--epochs", "1", option, "file/inner")
    refused(done, 6, "cannot write file/inner", "choose another place")


def test_an_internal_error_says_that_it_is_a_bug(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[str]:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(load, "preset_names", broken)
    done = cli("models", "list")
    assert (done.exit_code, done.stdout) == (1, "")
    assert (
        done.stderr.splitlines()[-1]
        == "error: this is a bug in vitreport: RuntimeError: two\N{REPLACEMENT CHARACTER}lines"
    )
    assert "Traceback" in done.stderr


def test_debug_shows_where_an_error_comes_from(cli: Cli) -> None:
    done = cli("--debug", "runs", "show", "nothing")
    assert done.exit_code == 2
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")


def test_an_interrupt_outside_of_training_ends_with_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "preset_names", interrupted)
    refused(cli("models", "list"), 130, "stopped by SIGINT")


@pytest.mark.parametrize("rank", [0, 1])
def test_the_first_of_several_processes_says_that_a_signal_came_before_the_training(
    rank: int, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environments(2)[rank].items():
        monkeypatch.setenv(name, value)

    def stopped(**_: object) -> None:
        raise StopSignal(signal.SIGTERM)

    monkeypatch.setattr("vitreport.cli.options.SpecOptions.compose", lambda *_, **__: stopped())
    done = cli("train", "swin", "--dataset", "digits")
    line = "error: stopped by SIGTERM; hint: run the same command again\n"
    assert (done.exit_code, done.stderr) == (143, "" if rank else line)


def test_a_failing_disk_is_not_taken_for_stdout(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> list[str]:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "broken.toml")

    monkeypatch.setattr("vitreport.cli.commands.study.study_names", fail)
    refused(cli("study", "list"), 6, "cannot use broken.toml: input/output error")


def test_a_long_line_stays_one_line_in_a_pipe(cli: Cli) -> None:
    words = ["9" * 4400] * 3
    refused(cli("spec", "show", "swin", *words), 2, *words)


def test_a_wrong_option_is_no_fault_of_each_part_of_a_study(cli: Cli) -> None:
    done = cli("study", "status", "digits", "--set", "quiet=1")
    assert done.exit_code == 2
    hint = "`vitreport spec show MODEL` shows every field"
    assert done.stderr == f"error: quiet: unknown field (from --set); hint: {hint}\n"
