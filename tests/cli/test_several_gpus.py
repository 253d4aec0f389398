"""`train --gpus` starts torchrun: its processes, its signals and its exit code."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.commands import TRAIN, Process, in_a_new_process, popen, vitreport
from tests.store.children import wait_until
from tests.store.identity import only_run
from vitreport.records.reader import read_run
from vitreport.store.checkpoint import checkpoints
from vitreport.store.run_state import state_of

ON_CPU = ("--device=cpu", "--threads=1")
TIMEOUT_SECONDS = 240  # with processes that import torch on a busy machine


def test_more_gpus_than_there_are() -> None:
    refused = vitreport(*TRAIN, "--gpus=64", "--device=auto")
    assert (refused.exit_code, refused.stdout) == (6, "")
    assert re.fullmatch(r"error: --gpus = 64: PyTorch finds .*; hint: .*\n", refused.stderr)


def test_synchronized_batch_normalization_on_a_cpu_is_refused_before_processes_are_started(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitreport.training.launch.elastic_launch", None)
    refused = cli(*TRAIN, *ON_CPU, "--gpus=2", "--batch-norm=synchronized")
    fault = "--batch-norm = 'synchronized': only GPUs can synchronize batch normalization"
    assert (refused.exit_code, refused.stderr) == (2, f"error: {fault}; hint: use --batch-norm local\n")


def test_several_gpus_are_not_profiled(cli: Cli) -> None:
    refused = cli(*TRAIN, "--gpus=2", "--profile=trace.json")
    assert refused.exit_code == 2
    assert "--profile and --gpus cannot be used together" in refused.stderr


def test_a_dry_run_with_several_gpus_is_that_of_one_process(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitreport.training.launch.elastic_launch", None)
    dry = cli(*TRAIN, *ON_CPU, "--gpus=2", "--dry-run")
    assert dry.exit_code == 0
    assert "--gpus has no effect on a dry run: the time is that of a single process\n" in dry.stderr
    assert "measured on" in dry.stdout
    faulty = cli(*TRAIN, *ON_CPU, "--gpus=2", "--dry-run", "--batch-size=0")
    assert (faulty.exit_code, "train.batch_size" in faulty.stderr) == (2, True)


@contextmanager
def begun(folder: Path, *options: str) -> Iterator[Process]:
    """A training with two processes that has saved a checkpoint, and does not end soon."""
    options = (*TRAIN, *ON_CPU, "--checkpoint-seconds=0", "--epochs=20000", "--gpus=2", *options)
    process = popen(*options, folder=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: any(folder.rglob("step-*.safetensors")), "the first checkpoint", TIMEOUT_SECONDS)
        yield process
    finally:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_signal_stops_both_processes(tmp_path: Path, number: signal.Signals) -> None:
    with begun(tmp_path) as process:
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    run = only_run(tmp_path)
    assert (process.returncode, stdout) == (128 + number, "")
    assert re.fullmatch(
        rf"training {run.name} on CPU \(2 processes\);.*\n(epoch=.*\n)*"
        rf"error: stopped by {number.name}; hint: run the same command again to resume the run\n",
        stderr,
    )
    record = read_run(run).record
    assert record
    assert record.status == "interrupted"
    assert (record.step, record.fingerprint["world_size"]) == (max(checkpoints(run / "checkpoints")), "2")


def children_of(process: Process) -> dict[int, int]:
    """The pid of each rank."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = {pid: re.search(rb"\0RANK=(\d)\0", Path(f"/proc/{pid}/environ").read_bytes()) for pid in children}
    return {int(match[1]): int(pid) for pid, match in found.items() if match}


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the ranks of processes are read in /proc")
@pytest.mark.parametrize("rank", [0, 1])
def test_killed_process_ends_the_training(tmp_path: Path, rank: int) -> None:
    with begun(tmp_path, "--quiet") as process:
        subprocess.run(["kill", "-KILL", str(children_of(process)[rank])], check=True)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 137
    assert state_of(read_run(only_run(tmp_path))) == "interrupted"
    killed = f"process {rank} of the training was killed by SIGKILL"
    assert stderr.splitlines()[-1] == f"error: {killed}; hint: run the same command again to resume the run"


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the ranks of processes are read in /proc")
def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path: Path) -> None:
    with begun(tmp_path, "--quiet") as process:
        ranks = children_of(process).values()
        process.kill()
        process.communicate(timeout=TIMEOUT_SECONDS)
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in ranks), "the end", TIMEOUT_SECONDS)
    record = read_run(only_run(tmp_path)).record
    assert record
    assert record.status == "interrupted"


@pytest.mark.long
def test_torchrun_starts_the_same_training(tmp_path: Path) -> None:
    words = (*TRAIN, *ON_CPU, f"--runs-dir={tmp_path / 'runs'}")
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    done = subprocess.run([*torchrun, "-m", "vitreport", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{only_run(tmp_path)}\n"), done.stderr
    again = in_a_new_process(*words, "--gpus=2", timeout=TIMEOUT_SECONDS)
    assert (again.exit_code, again.stdout) == (0, done.stdout)
    assert "is already done" in again.stderr


@pytest.mark.long
@pytest.mark.parametrize(("option", "exit_code"), [("--batch-size=0", 2), ("--lr=1e6", 5)])
def test_exit_code_is_that_of_the_training(tmp_path: Path, option: str, exit_code: int) -> None:
    options = (*TRAIN, *ON_CPU, option, "--gpus=2", f"--runs-dir={tmp_path / 'runs'}")
    ended = in_a_new_process(*options, timeout=TIMEOUT_SECONDS)
    assert ended.exit_code == exit_code, ended.stderr
    assert ended.stderr.count("error: ") == 1
