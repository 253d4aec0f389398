"""A command that the fork server starts is the process that `python -m vitreport` would be."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.commands import TRAIN, in_a_new_process, popen, vitreport
from tests.store.children import wait_until


@pytest.mark.parametrize(
    "arguments", [("--version",), ("models", "list"), ("train", "percever-io", "--json"), ("runs", "show", "x")]
)
def test_a_forked_command_does_what_a_new_process_does(arguments: tuple[str, ...]) -> None:
    assert vitreport(*arguments) == in_a_new_process(*arguments)


def test_a_child_has_its_own_environment_and_folder(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    process = popen(*TRAIN, "--dry-run", folder=tmp_path / "inner", environment={"VITREPORT_DEVICE": "x"})
    assert process.wait(timeout=60) == 2
    process = popen(*TRAIN, folder=tmp_path / "inner", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    stdout, stderr = process.communicate(timeout=60)
    assert (tmp_path / "inner" / stdout.strip() / "result.json").exists()
    assert (process.poll(), stderr) == (0, "")


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_child_can_be_stopped(number: int, exit_code: int) -> None:
    process = popen(*TRAIN, "--epochs=100000", stderr=subprocess.DEVNULL)
    wait_until(lambda: any(Path().glob("runs/*/metrics.jsonl")), "an epoch")
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(timeout=60) == exit_code


def test_a_command_that_takes_too_long_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        vitreport(*TRAIN, "--epochs=100000", timeout=3)
