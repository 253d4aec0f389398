"""Several processes that record one run: killed, stopped, diverged, on a full disk, and resumed.

`TEST_KILLS=200 pytest tests/store/test_parallel.py` kills that often; without it, 5 times, `-m long` 12 times.
"""

import json
import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.commands import Completed
from tests.store.children import Child, Driver
from tests.store.faults import Fault
from tests.store.identity import content, differences, epochs, leftovers, only_run, resumed_at
from tests.store.options import EVERY_STEP, RICH, SHORT
from tests.training.ranks import environments
from vitreport.records.reader import read_run
from vitreport.store.checkpoint import checkpoints
from vitreport.store.run_state import state_of

KILLS = [int(os.environ.get("TEST_KILLS", "5")), pytest.param(12, marks=pytest.mark.long)]
BATCH_NORM = (
    "timm/resnet10t",
    "--dataset=digits",
    "--device=cpu",
    "--set=data.image_size=32",
    "--set=data.limit=60",
    "--set=model.arguments={channels=[8, 8, 16, 16], stem_width=8}",
    "--batch-size=16",
    "--epochs=2",
)
TERM, KILL, INT = int(signal.SIGTERM), int(signal.SIGKILL), int(signal.SIGINT)


def start(
    driver: Driver, folder: Path, *options: str, world_size: int = 2, faults: Sequence[Sequence[Fault]] = ()
) -> list[Child]:
    """Begin a training in several processes; `faults` has those of each."""
    planted = [*faults, *[()] * world_size]
    return [
        driver.start("train", *options, folder=folder, environment=each, faults=planted[rank])
        for rank, each in enumerate(environments(world_size))
    ]


def train(driver: Driver, folder: Path, *options: str, **more: object) -> list[Completed]:
    return [child.wait() for child in start(driver, folder, *options, **more)]  # type: ignore[arg-type]


def check_done(done: Sequence[Completed]) -> None:
    assert [each.exit_code for each in done] == [0] * len(done), done
    assert {(each.stdout, each.stderr) for each in done[1:]} == {("", "")}


@pytest.fixture(scope="module")
def undisturbed(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    check_done(train(driver, folder, *RICH, EVERY_STEP, "--quiet"))
    return only_run(folder)


def test_first_process_alone_shows_and_writes(driver: Driver, tmp_path: Path) -> None:
    first, *others = train(driver, tmp_path, *SHORT, world_size=3)
    check_done([first, *others])
    run = only_run(tmp_path)
    assert first.stdout == f"runs/{run.name}\n"
    assert first.stderr.startswith(f"training {run.name} on CPU (3 processes); images: 36 train, 4 val, 360 test\n")
    record = read_run(run).record
    assert record
    assert (record.fingerprint["world_size"], record.fingerprint["batch_norm"]) == ("3", "local")
    assert leftovers(run) == []


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("wanted", KILLS)
@pytest.mark.parametrize("of_all", [False, True], ids=["one process", "all processes"])
def test_killed_processes_end_with_the_same_bits(
    driver: Driver, undisturbed: Path, tmp_path: Path, wanted: int, *, of_all: bool
) -> None:
    """One of them is killed, or all. Those that are left end soon."""
    chance, kills, longest = random.Random(wanted), 0, 0.1
    while True:
        children = start(driver, tmp_path, *RICH, EVERY_STEP, "--quiet", faults=[[("marked", f"ready-{kills}")]])
        if kills < wanted:
            children[0].wait_for(f"ready-{kills}")
            time.sleep(chance.uniform(0, longest))
            for child in children if of_all else [chance.choice(children)]:
                child.send(signal.SIGKILL)
        done = [child.wait() for child in children]
        codes = {each.exit_code for each in done}
        if codes == {0}:
            break
        assert codes <= {-KILL, 6, 0}, done
        kills += 1
        longest *= 1.15
    assert differences(undisturbed, only_run(tmp_path)) == []
    assert leftovers(only_run(tmp_path)) == []


@pytest.mark.parametrize("rank", [0, 1])
def test_killed_process_ends_the_others_and_the_run_resumes(
    driver: Driver, undisturbed: Path, tmp_path: Path, rank: int
) -> None:
    faults: list[list[Fault]] = [[], []]
    faults[rank] = [("killed_before_step", 7)]
    done = train(driver, tmp_path, *RICH, EVERY_STEP, "--quiet", faults=faults)
    assert (done[rank].exit_code, done[1 - rank].exit_code) == (-KILL, 6)
    lost = "error: another process of this training has ended; hint: run the same command again to resume the run\n"
    assert done[1 - rank].stderr == (lost if rank else "")
    assert state_of(read_run(only_run(tmp_path))) == "interrupted"
    check_done(train(driver, tmp_path, *RICH, EVERY_STEP, "--quiet"))
    assert resumed_at(only_run(tmp_path)) == [7]
    assert differences(undisturbed, only_run(tmp_path)) == []


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("number", [TERM, INT])
def test_signal_in_one_process_stops_all_after_the_same_step(
    driver: Driver, undisturbed: Path, tmp_path: Path, rank: int, number: int
) -> None:
    faults: list[list[Fault]] = [[], []]
    faults[rank] = [("signalled_before_step", 7, number)]
    done = train(driver, tmp_path, *RICH, "--checkpoint-seconds=1000", "--quiet", faults=faults)
    assert [each.exit_code for each in done] == [128 + number] * 2, done
    name = signal.Signals(number).name
    assert done[0].stderr == f"error: stopped by {name}; hint: run the same command again to resume the run\n"
    assert done[1].stderr == ""
    assert list(checkpoints(only_run(tmp_path) / "checkpoints")) == [8]
    record = read_run(only_run(tmp_path)).record
    assert record
    assert record.status == "interrupted"
    check_done(train(driver, tmp_path, *RICH, EVERY_STEP, "--quiet"))
    assert differences(undisturbed, only_run(tmp_path)) == []


@pytest.mark.parametrize("fault", [("signalled_in_epoch_evaluation", 4, TERM), ("signalled_in_evaluation", TERM)])
def test_signal_in_an_evaluation_stops_all_processes(
    driver: Driver, undisturbed: Path, tmp_path: Path, fault: Fault
) -> None:
    done = train(driver, tmp_path, *RICH, "--checkpoint-seconds=1000", "--quiet", faults=[[], [fault]])
    assert [each.exit_code for each in done] == [143] * 2, done
    check_done(train(driver, tmp_path, *RICH, EVERY_STEP, "--quiet"))
    assert differences(undisturbed, only_run(tmp_path)) == []


def test_divergence_in_one_process_is_that_of_all(driver: Driver, tmp_path: Path) -> None:
    done = train(driver, tmp_path, *RICH, EVERY_STEP, "--quiet", faults=[[], [("diverged_before_step", 7)]])
    assert [each.exit_code for each in done] == [5, 5], done
    assert "error: diverged at epoch 2, step 8: loss = nan" in done[0].stderr
    assert done[1].stderr == ""
    record = read_run(only_run(tmp_path)).record
    assert record
    assert record.error
    assert record.error.kind == "diverged"
    assert list(checkpoints(only_run(tmp_path) / "checkpoints")) == [7, 6]


def test_full_disk_ends_all_processes(driver: Driver, undisturbed: Path, tmp_path: Path) -> None:
    done = train(driver, tmp_path, *RICH, EVERY_STEP, "--quiet", faults=[[("full_after_step", 7)]])
    assert [each.exit_code for each in done] == [6, 6], done
    assert done[0].stderr.endswith("; hint: free some space, then run the same command to resume at step 7\n")
    assert done[1].stderr == ""
    check_done(train(driver, tmp_path, *RICH, EVERY_STEP, "--quiet"))
    assert differences(undisturbed, only_run(tmp_path)) == []


@pytest.mark.parametrize(("fault", "exit_code"), [(("bug_before_step", 7), 1), (("out_of_memory_before_step", 7), 6)])
def test_error_of_one_process_is_shown_and_ends_the_others(
    driver: Driver, undisturbed: Path, tmp_path: Path, fault: Fault, exit_code: int
) -> None:
    done = train(driver, tmp_path, *RICH, EVERY_STEP, "--quiet", faults=[[], [fault]])
    assert [each.exit_code for each in done] == [6, exit_code], done
    assert done[0].stderr.startswith("error: another process of this training has ended")
    assert "process 1: error: " in done[1].stderr
    check_done(train(driver, tmp_path, *RICH, EVERY_STEP, "--quiet"))
    assert differences(undisturbed, only_run(tmp_path)) == []


def test_another_number_of_processes_is_named_recorded_and_goes_on(driver: Driver, tmp_path: Path) -> None:
    train(driver, tmp_path, *RICH, EVERY_STEP, "--quiet", faults=[[("signalled_before_step", 7, TERM)]])
    done = driver.run("train", *RICH, EVERY_STEP, "--quiet", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    effect = "the result will not be bit-identical to that of an uninterrupted run"
    assert done.stderr == f"warning: world_size 2 -> 1: {effect}\n"
    record = read_run(only_run(tmp_path)).record
    assert record
    assert record.resumed[0].changed == {"world_size": ("2", "1")}


def test_two_processes_have_the_losses_of_one(driver: Driver, tmp_path: Path) -> None:
    options = (*RICH, "--set=model.drop_rate=0", "--set=model.drop_path_rate=0", "--quiet")
    check_done(train(driver, tmp_path / "two", *options))
    assert driver.run("train", *options, folder=tmp_path / "one").exit_code == 0
    one, two = (epochs(only_run(tmp_path / name)) for name in ("one", "two"))
    for before, after in zip(one, two, strict=True):
        for name, split in before["splits"].items():
            assert after["splits"][name]["loss"] == pytest.approx(split["loss"], rel=1e-5)


def test_batch_normalization_resumes_exactly(driver: Driver, tmp_path: Path) -> None:
    """The other processes get the statistics of the first; their own are never used."""
    check_done(train(driver, tmp_path / "whole", *BATCH_NORM, EVERY_STEP, "--quiet"))
    cut = tmp_path / "cut"
    done = train(driver, cut, *BATCH_NORM, EVERY_STEP, "--quiet", faults=[[], [("killed_before_step", 6)]])
    assert done[1].exit_code == -KILL
    check_done(train(driver, cut, *BATCH_NORM, EVERY_STEP, "--quiet"))
    assert resumed_at(only_run(cut)) == [6]
    assert differences(only_run(tmp_path / "whole"), only_run(cut)) == []


def test_finished_run_is_not_trained_again(driver: Driver, undisturbed: Path) -> None:
    before = content(undisturbed / "run.json")
    first, second = train(driver, undisturbed.parents[1], *RICH)
    check_done([first, second])
    assert f"run {undisturbed.name} is already done" in first.stderr
    assert content(undisturbed / "run.json") == before
    assert json.loads(before or b"{}")["status"] == "done"


@pytest.mark.parametrize(
    ("options", "exit_code", "said"),
    [
        (("train", "perceiver", "--batch-size=0"), 2, "train.batch_size"),
        (("train", *SHORT, "--batch-norm=synchronized"), 2, "only GPUs can synchronize batch normalization"),
        (("train", *SHORT, "--device=cuda:0"), 2, "several processes need several GPUs"),
        (("train", *BATCH_NORM, "--batch-size=3"), 2, "a single image of a batch"),
        (("runs", "list"), 2, "torchrun can start only `vitreport train`"),
    ],
)
def test_refusals_are_shown_once(
    driver: Driver, tmp_path: Path, options: tuple[str, ...], exit_code: int, said: str
) -> None:
    children = [driver.start(*options, folder=tmp_path, environment=each) for each in environments(2)]
    first, second = (child.wait() for child in children)
    assert (first.exit_code, second.exit_code, second.stderr) == (exit_code, exit_code, "")
    assert said in first.stderr


def test_all_processes_end_if_one_cannot_begin(driver: Driver, tmp_path: Path) -> None:
    """Those that end first wait for the others: torchrun stops what still runs then, and nobody would say why."""
    own: list[tuple[str, ...]] = [(), ("--batch-norm=synchronized",)]
    started = [
        driver.start("train", *SHORT, *options, folder=tmp_path, environment=each)
        for options, each in zip(own, environments(2), strict=True)
    ]
    first, second = (child.wait() for child in started)
    assert (first.exit_code, second.exit_code) == (6, 2)
    assert first.stderr.startswith("error: another process of this training could not begin; hint: ")
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").glob("*/run.json"))
