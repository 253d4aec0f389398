"""Streams that are closed, full or gone: progress is dropped, and the exit code is that of the work."""

import io
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_output import TRAIN
from tests.commands import command
from tests.records import small_spec, write_run
from tests.store.children import wait_until
from tests.store.identity import only_run
from vitreport.cli.console import _LossyFile
from vitreport.records.reader import read_run

LONG = (*TRAIN[:-1], "--epochs=40", "--checkpoint-seconds=1000")
CLOSED = ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"]


def in_shell(redirection: str, *arguments: str) -> int:
    """Run a command of vitreport with a shell's redirection; its exit code."""
    return subprocess.run(["sh", "-c", f'"$@" {redirection}', "sh", *command(*arguments)], check=False).returncode


@pytest.mark.parametrize("redirection", [*CLOSED[1:3], "2>/dev/full"])
def test_training_ends_well_without_its_log(redirection: str) -> None:
    assert in_shell(redirection, *TRAIN) == 0
    run = read_run(only_run(Path()))
    assert (run.record and run.record.status, run.damage) == ("done", ())


def test_training_ends_well_when_nobody_reads_its_progress() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command(*TRAIN), stderr=writer, stdout=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stdout.decode()) == (0, f"runs/{only_run(Path()).name}\n")


@pytest.mark.parametrize("redirection", CLOSED)
@pytest.mark.parametrize("arguments", [("runs", "list"), ("runs", "list", "--json"), ("report", "--no-assets"), ()])
def test_closed_streams_are_no_bug(redirection: str, arguments: tuple[str, ...]) -> None:
    write_run(Path("runs"), small_spec())
    code = 2 if arguments == () else 0
    assert in_shell(redirection, *arguments) == code


def test_a_signal_cuts_nothing_off_from_what_is_told() -> None:
    """Where one comes while a pipe is full, the system has written a part only."""
    reader, writer = os.pipe()
    content, found = b"x" * 300_000, list[bytes]()
    with os.fdopen(reader, "rb") as source:
        reading = threading.Thread(target=lambda: found.append(source.read()))
        former = signal.signal(signal.SIGALRM, lambda *_: reading.start())
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with io.BufferedWriter(_LossyFile(writer, "wb")) as stream:
            stream.write(content)
        reading.join()
        signal.signal(signal.SIGALRM, former)
    assert found == [content]


def test_an_error_keeps_its_exit_code_without_a_stream() -> None:
    assert in_shell("2>&-", "report", "--runs-dir", "nosuch") == 2
    assert in_shell("2>/dev/full", "report", "--runs-dir", "nosuch") == 2


def test_a_file_never_gets_the_number_of_a_closed_stream() -> None:
    """What a library writes to its standard error would land in the report."""
    write_run(Path("runs"), small_spec())
    assert in_shell(">&- 2>&-", "report", "-o", "closed.md", "--no-assets") == 0
    assert in_shell("", "report", "-o", "open.md", "--no-assets") == 0
    assert Path("closed.md").read_bytes() == Path("open.md").read_bytes()


@pytest.mark.parametrize(
    ("prepare", "exit_code", "status"),
    [(lambda: None, 129, "interrupted"), (lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN), 0, "done")],
    ids=["closed terminal", "closed terminal under nohup"],
)
def test_a_closed_terminal(prepare: Callable[[], object], exit_code: int, status: str) -> None:
    pid, leader = pty.fork()
    if pid == 0:  # the child has a terminal of its own
        prepare()
        os.execvp(command()[0], command(*LONG))
    wait_until(lambda: any(Path().glob("runs/*/metrics.jsonl")), "an epoch")
    os.close(leader)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == exit_code
    run = read_run(only_run(Path()))
    assert run.record is not None
    assert run.record.status == status
    assert run.record.step > 0
