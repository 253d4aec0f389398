"""What a terminal shows, whatever its size, and what a pipe gets instead."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.small_sweep import written
from tests.commands import TRAIN, popen, vitreport
from tests.records import small_spec, write_run
from vitreport.cli import console
from vitreport.cli.live import View

EPOCHS = 3


COLOR = re.compile(r"\x1b\[[0-9;]*m")


CONTROL = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]")


HIDE_CURSOR, SHOW_CURSOR, ERASE_LINE = "\x1b[?25l", "\x1b[?25h", "\x1b[2K"


@pytest.mark.parametrize(
    ("variables", "option", "colored"),
    [
        ({}, "auto", False),
        ({"FORCE_COLOR": "1"}, "auto", True),
        ({"FORCE_COLOR": "1"}, "never", False),
        ({"NO_COLOR": "1"}, "always", True),
        ({"NO_COLOR": "1"}, "auto", False),
    ],
)
def test_colors_are_asked_for_or_left_out(
    variables: Mapping[str, str], option: str, colored: bool, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    shown = cli("--color", option, "models", "list").stdout + cli("--color", option, "runs", "show", "x").stderr
    assert bool(COLOR.search(shown)) == colored
    assert "\x1b" not in COLOR.sub("", shown)


@pytest.mark.parametrize("arguments", [("spec", "fields"), ("--help",), ("runs", "list")], ids=" ".join)
def test_a_closed_stdout_is_no_error(arguments: tuple[str, ...]) -> None:
    write_run(Path("runs"), small_spec())
    reader, writer = os.pipe()
    os.close(reader)
    process = popen(*arguments, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")


def test_a_stream_without_unicode_gets_what_it_can_show(home: Path) -> None:
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = vitreport("runs", "show", "perceiver", "--runs-dir", str(home / "runs"), environment=environment)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "train accuracy" in done.stdout
    assert "???" in done.stdout


class Terminal:
    """A process on a terminal of 30 lines of so many characters, and what it has written there."""

    def __init__(self, *arguments: str, width: int = 100, **environment: str) -> None:
        self._leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
        bare = {"COLUMNS": "", "LINES": "", "TERM": "xterm-256color"}
        self.process = popen(
            *arguments,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            environment={**bare, **environment},
            start_new_session=True,
        )
        os.close(follower)
        self.screen = ""

    def read_until(self, text: str) -> None:
        while text not in self.screen:
            self.screen += os.read(self._leader, 65536).decode()

    def type(self, text: str) -> None:
        os.write(self._leader, text.encode())

    def close(self) -> int:
        """Read to the end; the exit code."""
        try:
            while more := os.read(self._leader, 65536):
                self.screen += more.decode()
        except OSError:  # Linux says so when the process has closed its side
            pass
        os.close(self._leader)
        return self.process.wait(timeout=60)


def test_a_terminal_shows_the_training_live_and_keeps_the_summary(home: Path) -> None:
    terminal = Terminal(*TRAIN, VITREPORT_CACHE_DIR=str(home / "cache"))
    assert terminal.close() == 0
    assert terminal.screen.count(HIDE_CURSOR) == terminal.screen.count(SHOW_CURSOR) == 1
    live, _, kept = terminal.screen.partition(SHOW_CURSOR)
    for shown in ("training", f"epoch {EPOCHS}/{EPOCHS}", "loss ", "val ", "images/s"):
        assert shown in CONTROL.sub("", live)
    assert kept.count(ERASE_LINE) >= len(("bar", "text"))
    lines = [line for line in CONTROL.sub("", kept).replace("\r", "").split("\n") if line]
    assert lines[0].startswith("finished in ")
    assert lines[-2].startswith("next: vitreport eval ")
    assert lines[-1] == f"runs/{next(Path('runs').iterdir()).name}"
    assert "epoch=" not in terminal.screen


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (100, ["run", "state", "epochs", "val", "test", "time", "started"]),
        (80, ["run", "state", "epochs", "val", "test", "time"]),
        (60, ["run", "state", "val", "test"]),
        (20, ["run", "state", "test"]),
    ],
)
def test_ids_stay_whole_on_a_narrow_terminal(width: int, columns: list[str]) -> None:
    names = sorted(write_run(Path("runs"), small_spec(train={"batch_size": size})).name for size in (1, 2, 3))
    terminal = Terminal("runs", "list", width=width, NO_COLOR="1")
    assert terminal.close() == 0
    header, *lines = CONTROL.sub("", terminal.screen).replace("\r", "").splitlines()
    assert header.split() == columns
    assert [line.split()[0] for line in lines] == names


def test_what_belongs_together_stays_on_one_line_of_a_narrow_terminal(cli: Cli) -> None:
    written({16: [0.50, 0.63], 128: [0.4, 0.52]})
    sweep = ("ablate", "--spec", "base.json", "--param", "batch_size", "16,128", "--seeds", "2", "--baseline", "128")
    terminal = Terminal(*sweep, width=80, NO_COLOR="1")
    assert terminal.close() == 0
    header, *lines = CONTROL.sub("", terminal.screen.partition("batch_size\r\n")[2]).replace("\r", "").splitlines()
    assert header.startswith("batch_size ")
    assert "56.5% (0.0 to 100.0)" in lines[0]
    plain = cli(*sweep).stdout.splitlines()
    assert max(map(len, lines)) <= 80 < max(map(len, plain))
    assert " ".join(lines[2:]) == " ".join(plain[4:])


def test_an_interrupt_gives_the_cursor_back(home: Path) -> None:
    terminal = Terminal(*TRAIN, "--epochs", "100000", VITREPORT_CACHE_DIR=str(home / "cache"))
    terminal.read_until("images/s")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.close() == 130
    assert terminal.screen.rindex(SHOW_CURSOR) > terminal.screen.rindex(HIDE_CURSOR)
    assert re.search(r"error: .*stopped by SIGINT", CONTROL.sub("", terminal.screen.partition(SHOW_CURSOR)[2]))


@pytest.mark.parametrize(("answer", "is_deleted"), [("y\n", True), ("n\n", False), ("\n", False), ("\x04", False)])
def test_a_deletion_is_confirmed(answer: str, is_deleted: bool) -> None:
    run = write_run(Path("runs"), small_spec())
    terminal = Terminal("runs", "delete", run.name)
    terminal.read_until("[y/N]: ")
    assert str(run) in terminal.screen
    terminal.type(answer)
    assert terminal.close() == 0
    assert run.exists() != is_deleted
    assert ("nothing removed" in terminal.screen) != is_deleted


@pytest.mark.parametrize(("kind", "is_drawn"), [("xterm-256color", True), ("dumb", False)])
def test_only_a_terminal_that_can_redraw_gets_bars(kind: str, is_drawn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = pty.openpty()
    monkeypatch.setenv("TERM", kind)
    with os.fdopen(leader), os.fdopen(follower, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        assert View(quiet=False).bars.disable != is_drawn
        assert View(quiet=True).bars.disable


@pytest.mark.parametrize("whole", ["n = 2", "0 to 2"])
def test_numbers_that_belong_together_are_folded_as_one_word(whole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = pty.openpty()
    monkeypatch.setenv("COLUMNS", "17")
    with os.fdopen(leader, "rb", 0) as screen, os.fdopen(follower, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        console.print_sentence(f"aaaa bbbb cccc {whole}")
        assert screen.read(100).decode().splitlines() == ["aaaa bbbb cccc", whole]
