"""Streams that are closed, full or gone: progress is dropped, and the exit code is that of the work."""

import io
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.commands import CLOSED, TRAIN, command, popen
from tests.records import small_spec, write_run
from tests.store.children import wait_until
from tests.store.identity import only_run
from vitreport.cli.console import prepare_streams
from vitreport.records.reader import read_run

LONG = (*TRAIN[:-1], "--epochs=40", "--checkpoint-seconds=1000")
STREAMS = ("stdin", "stdout", "stderr")


def without(streams: Sequence[str], *arguments: str) -> int:
    """Run a command that starts without some of its streams; its exit code."""
    stdin, stdout, stderr = (CLOSED if name in streams else None for name in STREAMS)
    return popen(*arguments, stdin=stdin, stdout=stdout, stderr=stderr).wait(timeout=60)


def with_full_stderr(*arguments: str) -> int:
    """Run a command whose progress goes to a full disk; its exit code."""
    with Path("/dev/full").open("w") as full:
        return popen(*arguments, stderr=full).wait(timeout=60)


@pytest.mark.parametrize("closed", [STREAMS[1:2], STREAMS[1:]])
def test_training_ends_well_without_its_log(closed: Sequence[str]) -> None:
    assert without(closed, *TRAIN) == 0
    check_the_run()


def test_training_ends_well_with_a_full_log() -> None:
    assert with_full_stderr(*TRAIN) == 0
    check_the_run()


def check_the_run() -> None:
    run = read_run(only_run(Path()))
    assert (run.record and run.record.status, run.damage) == ("done", ())


def test_training_ends_well_when_nobody_reads_its_progress() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = popen(*TRAIN, stderr=writer, stdout=subprocess.PIPE)
    os.close(writer)
    stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (0, f"runs/{only_run(Path()).name}\n")


@pytest.mark.parametrize("arguments", [("runs", "list"), ("runs", "list", "--json"), ("report", "--no-assets"), ()])
def test_closed_streams_are_no_bug(arguments: tuple[str, ...]) -> None:
    write_run(Path("runs"), small_spec())
    codes = [without(closed, *arguments) for closed in (STREAMS[2:], STREAMS[1:2], STREAMS[1:], STREAMS)]
    assert codes == [0 if arguments else 2] * 4


def test_streams_that_a_shell_has_closed_are_no_bug() -> None:
    write_run(Path("runs"), small_spec())
    closing = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *command("runs", "list")]
    assert subprocess.run(closing, check=False).returncode == 0


def test_a_signal_cuts_nothing_off_from_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one comes while a pipe is full, the system has written a part only."""
    reader, writer = os.pipe()
    content, found = "x" * 300_000, list[str]()
    with os.fdopen(reader) as source, os.fdopen(writer, "w") as stderr:
        for name, stream in (("stdin", io.StringIO()), ("stdout", io.StringIO()), ("stderr", stderr)):
            monkeypatch.setattr(sys, name, stream)
        prepare_streams()
        reading = threading.Thread(target=lambda: found.append(source.read()))
        former = signal.signal(signal.SIGALRM, lambda *_: reading.start())
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        sys.stderr.write(content)
        sys.stderr.flush()
        stderr.close()
        reading.join()
        signal.signal(signal.SIGALRM, former)
    assert found == [content]


def test_an_error_keeps_its_exit_code_without_a_stream() -> None:
    assert without(["stderr"], "report", "--runs-dir", "nosuch") == 2
    assert with_full_stderr("report", "--runs-dir", "nosuch") == 2


def test_a_file_never_gets_the_number_of_a_closed_stream() -> None:
    """What a library writes to its standard error would land in the report."""
    write_run(Path("runs"), small_spec())
    assert without(["stdout", "stderr"], "report", "-o", "closed.md", "--no-assets") == 0
    assert without([], "report", "-o", "open.md", "--no-assets") == 0
    assert Path("closed.md").read_bytes() == Path("open.md").read_bytes()


def ignore_hangups() -> None:
    """Do what nohup does."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.mark.parametrize(
    ("prepare", "exit_code", "status"),
    [("", 129, "interrupted"), (f"{__name__}:ignore_hangups", 0, "done")],
    ids=["closed terminal", "closed terminal under nohup"],
)
def test_a_closed_terminal(prepare: str, exit_code: int, status: str) -> None:
    leader, follower = pty.openpty()
    process = popen(*LONG, stdin=follower, stdout=follower, stderr=follower, takes_terminal=True, prepare=prepare)
    os.close(follower)
    wait_until(lambda: any(Path().glob("runs/*/metrics.jsonl")), "an epoch")
    os.close(leader)
    assert process.wait(timeout=60) == exit_code
    run = read_run(only_run(Path()))
    assert run.record is not None
    assert run.record.status == status
    assert run.record.step > 0
