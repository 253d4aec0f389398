"""The signals that end a run: once, twice, ignored, and at moments at which nobody waits for them."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from torch import Tensor

from tests.commands import Completed, Process, popen
from tests.store.children import Driver, wait_until
from tests.store.conftest import Undisturbed
from tests.store.faults import Fault
from tests.store.identity import differences, leftovers, newest_checkpoint, only_run, resumed_at, same_tensors
from tests.store.options import EVERY_STEP, RICH
from vitreport.records.reader import read_run
from vitreport.store.checkpoint import checkpoints

SELDOM = "--checkpoint-seconds=1000"
NEEDS_PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the state of a process is read in /proc")
INT, TERM, HUP = int(signal.SIGINT), int(signal.SIGTERM), int(signal.SIGHUP)
USR1, USR2, XCPU = (int(getattr(signal, f"SIG{name}")) for name in ("USR1", "USR2", "XCPU"))


@pytest.mark.parametrize(
    "numbers",
    [
        (INT,),
        (TERM,),
        (HUP,),
        (USR1,),
        (USR2,),
        (XCPU,),
        (TERM, TERM),
        (TERM, HUP),
        (HUP, TERM),
        (USR1, USR1, USR2, TERM),
        (XCPU, XCPU),
    ],
    ids=lambda numbers: " ".join(signal.Signals(number).name for number in numbers),
)
def test_signals_stop_after_the_step_under_way(
    driver: Driver, eighth_step: dict[str, Tensor], tmp_path: Path, numbers: tuple[int, ...]
) -> None:
    stopped = train(driver, tmp_path, SELDOM, ("signalled_before_step", 7, *numbers))
    check_stopped(stopped, only_run(tmp_path), signal.Signals(numbers[0]), 128 + numbers[0])
    assert saved_steps(tmp_path) == ["step-8"]
    assert same_tensors(newest_checkpoint(only_run(tmp_path)), eighth_step)


@pytest.fixture(scope="module")
def eighth_step(
    driver: Driver, undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Tensor]:
    """What a run that was stopped in its eighth step has saved; from there it comes to the bits of a whole one."""
    folder = tmp_path_factory.mktemp("stopped")
    train(driver, folder, SELDOM, ("signalled_before_step", 7, INT))
    saved = newest_checkpoint(only_run(folder))
    assert go_on(driver, folder) == [8]
    assert differences(undisturbed(RICH), only_run(folder)) == []
    return saved


@pytest.mark.parametrize("second", [INT, TERM])
def test_second_signal_stops_at_once(driver: Driver, undisturbed: Undisturbed, tmp_path: Path, second: int) -> None:
    stopped = train(driver, tmp_path, EVERY_STEP, ("signalled_before_step", 7, INT, second))
    check_stopped(stopped, only_run(tmp_path), signal.Signals(second), 128 + second)
    assert saved_steps(tmp_path) == ["step-7", "step-6"]
    assert go_on(driver, tmp_path) == [7]
    assert differences(undisturbed(RICH), only_run(tmp_path)) == []


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        (("signalled_before_step", 0, INT), 1),
        (("signalled_in_epoch_evaluation", 1, INT), 5),
        (("signalled_in_epoch_evaluation", 4, INT), 10),
        (("signalled_in_evaluation", INT), 15),
        (("signalled_in_evaluation", INT, INT), 15),
    ],
    ids=["first step", "first epoch", "test split of the second epoch", "final evaluation", "twice"],
)
def test_signal_in_evaluation(
    driver: Driver, undisturbed: Undisturbed, tmp_path: Path, fault: Fault, step: int
) -> None:
    stopped = train(driver, tmp_path, SELDOM, fault)
    check_stopped(stopped, only_run(tmp_path), signal.SIGINT, 130)
    assert go_on(driver, tmp_path) == [step]
    assert differences(undisturbed(RICH), only_run(tmp_path)) == []
    assert leftovers(only_run(tmp_path)) == []


def test_signal_while_images_are_decoded(driver: Driver, undisturbed: Undisturbed, tmp_path: Path) -> None:
    cache = {"VITREPORT_CACHE_DIR": str(tmp_path / "empty")}
    arguments = ("train", *RICH, EVERY_STEP, "--quiet")
    fault: Fault = ("signalled_in_decoding", INT)
    stopped = driver.start(*arguments, folder=tmp_path, faults=[fault], environment=cache).wait()
    assert stopped.exit_code == 130
    assert stopped.stderr.startswith("error: stopped by SIGINT")
    assert not (tmp_path / "runs").exists()
    done = driver.start(*arguments, folder=tmp_path, environment=cache).wait()
    assert (done.exit_code, done.stderr) == (0, "")
    assert differences(undisturbed(RICH), only_run(tmp_path)) == []


@pytest.mark.parametrize("number", [INT, HUP, USR1])
def test_an_ignored_signal_stays_ignored(driver: Driver, tmp_path: Path, number: int) -> None:
    done = train(driver, tmp_path, SELDOM, ("ignored", number), ("signalled_before_step", 7, number))
    assert (done.exit_code, done.stderr) == (0, "")


@NEEDS_PROC
def test_a_burst_of_signals_is_one(driver: Driver, tmp_path: Path) -> None:
    """Up to the very end of the process, at which Python has taken its handlers down."""
    with stopping_itself() as process:
        os.kill(process.pid, signal.SIGCONT)
        while process.poll() is None:
            with suppress(ProcessLookupError):  # it has ended since
                process.send_signal(signal.SIGUSR1)
            time.sleep(0.001)
        stdout, stderr = process.communicate()
    check_stopped(Completed(process.wait(), stdout, stderr), only_run(tmp_path), signal.SIGUSR1, 128 + USR1)
    assert go_on(driver, tmp_path) == [8]


@NEEDS_PROC
def test_process_is_stopped_by_the_keyboard(driver: Driver, undisturbed: Undisturbed, tmp_path: Path) -> None:
    """The driver's children stand for processes of their own; here the first is one, with a child after it."""
    with stopping_itself() as process:
        for number in (signal.SIGINT, signal.SIGCONT):
            os.kill(process.pid, number)
        stdout, stderr = process.communicate(timeout=60)
    check_stopped(Completed(process.wait(), stdout, stderr), only_run(tmp_path), signal.SIGINT, 130)
    done = driver.run("train", *RICH, EVERY_STEP, folder=tmp_path)
    assert resumed_at(only_run(tmp_path)) == [8]
    assert f"resumed {only_run(tmp_path).name} at step 8 of 15\n" in done.stderr
    assert differences(undisturbed(RICH), only_run(tmp_path)) == []


@contextmanager
def stopping_itself() -> Iterator[Process]:
    """A training as a process of its own, which has stopped itself in its eighth step."""
    fault = ("signalled_before_step", 7, int(signal.SIGSTOP))
    process = popen(
        *("train", *RICH, EVERY_STEP),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        prepare="tests.store.faults:plant",
        prepare_arguments=[[fault]],
    )
    stat = Path(f"/proc/{process.pid}/stat")
    wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "the stop")
    try:
        yield process
    finally:
        process.kill()


def train(driver: Driver, folder: Path, interval: str, *faults: Fault) -> Completed:
    return driver.run("train", *RICH, interval, "--quiet", folder=folder, faults=faults)


def check_stopped(stopped: Completed, run: Path, by: signal.Signals, exit_code: int) -> None:
    assert stopped.exit_code == exit_code, stopped.stderr
    told = f"error: stopped by {by.name}; hint: run the same command again to resume the run"
    assert stopped.stderr.splitlines()[-1] == told
    record = read_run(run).record
    assert record is not None
    assert (record.status, record.error) == ("interrupted", None)
    assert not (run / "result.json").exists()


def saved_steps(folder: Path) -> list[str]:
    return [path.stem for path in checkpoints(only_run(folder) / "checkpoints").values()]


def go_on(driver: Driver, folder: Path) -> list[int]:
    """Train to the end; the steps at which the run was resumed."""
    done = train(driver, folder, EVERY_STEP)
    assert done.exit_code == 0, done.stderr
    return resumed_at(only_run(folder))
