"""Run vitreport as its users do: as a process.

A process that imports torch takes seconds to start. `vitreport` and `popen` fork it from one that has imported torch
already (`tests.fork_server`, one for each pytest process, started on first use and ended with it). For the command, and
for a test, that is the process that `python -m vitreport` would be: its pid, streams, environment, folder, signal
handlers, exit code. Only these differ, and a test of them starts `command()` with subprocess: what the interpreter and
OpenMP read at their start (variables in `READ_AT_START` start a real process by themselves), which modules are
loaded, the command line that /proc shows, and that workers of a sweep are forks too (`tests.forked_workers`).
"""

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from tests.forked_workers import end_with_parent

ROOT = Path(__file__).parents[1]
TINY = (
    "--set=model.num_latents=4",
    "--set=model.latent_dim=8",
    "--set=model.latent_heads=2",
    "--set=model.cross_dim_head=8",
    "--set=model.latent_dim_head=8",
    "--set=data.image_size=8",
    "--set=data.limit=100",
    "--batch-size=20",
    "--epochs=3",
)
"""Options that make a run of perceiver-io on digits take a fraction of a second."""

TRAIN = ("train", "perceiver-io", "--dataset", "digits", *TINY)

CLOSED = -1000
"""As a stream of `popen`: the command starts without it."""

READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "OMP_", "MKL_", "KMP_", "TORCH", "CUDA_", "HF_", "MPL")
"""Beginnings of the names of variables that are read when a process starts or imports a module."""


@dataclass(frozen=True)
class Completed:
    exit_code: int
    stdout: str
    stderr: str


def vitreport(*arguments: str, environment: Mapping[str, str] | None = None, timeout: float = 120) -> Completed:
    """Run one command to its end."""
    if any(name.startswith(READ_AT_START) for name in environment or ()):
        return in_a_new_process(*arguments, environment=environment, timeout=timeout)
    process = popen(*arguments, environment=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    stdout, stderr = process.communicate(timeout=timeout)
    return Completed(process.wait(), stdout, stderr)


def in_a_new_process(*arguments: str, environment: Mapping[str, str] | None = None, timeout: float = 120) -> Completed:
    """Run one command to its end in a process that begins with the interpreter's start."""
    whole = {**os.environ, **(environment or {})}
    done = subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=whole,
        preexec_fn=end_with_parent,
    )
    return Completed(done.returncode, done.stdout, done.stderr)


def command(*arguments: str) -> list[str]:
    """Return the words with which subprocess starts a real process."""
    return [sys.executable, "-m", "vitreport", *arguments]


def popen(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: int | IO[Any] | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
    start_new_session: bool = False,
    takes_terminal: bool = False,
    prepare: str = "",
    prepare_arguments: Sequence[Any] = (),
) -> "Process":
    """Begin one command and return while it runs.

    Args:
        environment: variables in addition to those of this process.
        folder: the working directory; that of this process if None.
        stdin, stdout, stderr: a descriptor, a file, subprocess.PIPE (stdout and stderr), subprocess.DEVNULL or CLOSED;
            the stream of this process if None.
        start_new_session: give the child a process group and a session of its own.
        takes_terminal: make the terminal that is its stdin the one that controls its new session.
        prepare: a function, as in "tests.store.faults:plant", which the child calls before the command.
        prepare_arguments: its arguments, which are sent as JSON.
    """
    with contextlib.ExitStack() as opened:
        pipes: list[int | None] = []
        streams: list[int] = []
        for number, stream in enumerate((stdin, stdout, stderr)):
            pipe, write = None, number if stream is None else stream if isinstance(stream, int) else stream.fileno()
            if write in (subprocess.DEVNULL, CLOSED):
                write = os.open(os.devnull, os.O_RDWR)
                opened.callback(os.close, write)
            elif write == subprocess.PIPE:
                pipe, write = os.pipe()
                opened.callback(os.close, write)
            pipes.append(pipe)
            streams.append(write)
        answers, answering = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        opened.callback(answering.close)
        request = {
            "arguments": arguments,
            "folder": str(folder or Path.cwd()),
            "environment": {**os.environ, **(environment or {})},
            "start_new_session": start_new_session or takes_terminal,
            "takes_terminal": takes_terminal,
            "closed": [number for number, stream in enumerate((stdin, stdout, stderr)) if stream == CLOSED],
            "prepare": prepare,
            "prepare_arguments": prepare_arguments,
        }
        socket.send_fds(_server(), [json.dumps(request).encode()], [answering.fileno(), *streams])
    pid = int(json.loads(answers.recv(4096))["pid"])
    return Process(pid, answers, *(None if pipe is None else os.fdopen(pipe) for pipe in pipes[1:]))


class Process:
    """A command under way, to be used as a subprocess.Popen."""

    def __init__(
        self, pid: int, answers: socket.socket, stdout: IO[str] | None = None, stderr: IO[str] | None = None
    ) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._answers = answers

    def poll(self) -> int | None:
        """Return the exit code, or None while the command runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(timeout=0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code, which is negative after a signal."""
        if self.returncode is None:
            self._answers.settimeout(timeout)
            try:
                answer = self._answers.recv(4096)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("vitreport", timeout or 0) from None
            assert answer, "the fork server has died"
            self.returncode = int(json.loads(answer)["exit_code"])
            self._answers.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return what the command writes to the pipes until its end; kill it when it takes too long."""
        written = ["", ""]

        def read(number: int, stream: IO[str]) -> None:
            with stream:
                written[number] = stream.read()

        pipes = [(number, stream) for number, stream in enumerate((self.stdout, self.stderr)) if stream]
        readers = [threading.Thread(target=read, args=each, daemon=True) for each in pipes]
        for reader in readers:
            reader.start()
        try:
            self.wait(timeout)
        finally:
            self.kill()
            self.wait()
            for reader in readers:
                reader.join()
        return written[0], written[1]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the command has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _server() -> socket.socket:
    """Start the fork server; it ends when this process closes the socket."""
    requests, served = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    bare = {name: value for name, value in os.environ.items() if not name.startswith("VITREPORT_")}
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = bare | {
        "PYTHONPATH": paths,
        "OMP_NUM_THREADS": "1",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a thread of Arrow, which pandas loads where it is there
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fork_server", str(served.fileno())],
        pass_fds=[served.fileno()],
        stdin=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    served.close()

    def end() -> None:
        requests.close()
        process.wait(timeout=60)

    atexit.register(end)
    return requests
