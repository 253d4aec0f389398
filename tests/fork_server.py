"""A process that has imported torch and vitreport and forks one child for each command; see `tests.commands`.

Each request is a message on a socket: JSON, and the descriptors of a socket for the answers and of the child's stdin,
stdout and stderr. The answers are the child's pid and, when it has ended, its exit code.
"""

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import termios
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import vitreport
from tests import forked_workers
from vitreport.errors import VitreportError

LOADED_FIRST = ("torch", "torch._dynamo", "torch.utils.flop_counter", "sklearn.datasets", "scipy.special", "rich.live")
"""With the modules of vitreport. Imports start no threads and run no torch operation, so that a fork breaks no pool."""

MAX_MESSAGE_LENGTH = 1 << 20


@dataclass
class Command:
    """What a child is to run, once it has left the server's loop."""

    request: dict[str, Any]
    streams: list[int]

    def run(self) -> None:
        """Become a process as `python -m vitreport` would have started it, and run to its end."""
        if self.request["start_new_session"]:
            os.setsid()
        os.chdir(self.request["folder"])
        os.environ.clear()
        os.environ.update(self.request["environment"])
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            if number in self.request["closed"]:
                os.close(number)
                os.close(self.streams[number])
                setattr(sys, name, None)
                setattr(sys, f"__{name}__", None)
                continue
            os.dup2(self.streams[number], number)
            os.close(self.streams[number])
            former = getattr(sys, f"__{name}__")
            stream = open(  # noqa: SIM115
                number, "w" if number else "r", encoding=former.encoding, errors=former.errors, closefd=False
            )
            if name == "stderr":
                stream.reconfigure(line_buffering=True)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        if self.request["takes_terminal"]:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if self.request["prepare"]:
            module, _, function = self.request["prepare"].partition(":")
            getattr(importlib.import_module(module), function)(*self.request["prepare_arguments"])
        forked_workers.plant()
        sys.argv = ["vitreport", *self.request["arguments"]]
        sys.path[0] = self.request["folder"]
        runpy.run_module("vitreport", run_name="__main__", alter_sys=True)


def serve(requests: socket.socket) -> Command | None:
    """Answer requests until the tests end; a child returns with its command."""
    children: dict[int, socket.socket] = {}
    wakeup, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([requests.fileno(), wakeup], [], [])
        if wakeup in ready:
            os.read(wakeup, 4096)
            _send_ends(children)
        if requests.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(requests, MAX_MESSAGE_LENGTH, 4)
            if not message:
                for pid in children:  # of a test that was cut off
                    os.kill(pid, signal.SIGKILL)
                return None
            answers, streams = socket.socket(fileno=descriptors[0]), descriptors[1:]
            if (pid := os.fork()) == 0:
                forked_workers.end_with_parent()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for opened in (requests, answers, *children.values()):
                    opened.close()
                os.close(wakeup)
                os.close(wake)
                return Command(json.loads(message), streams)
            for stream in streams:
                os.close(stream)
            children[pid] = answers
            answers.send(json.dumps({"pid": pid}).encode())


def _send_ends(children: dict[int, socket.socket]) -> None:
    for pid in list(children):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            answers = children.pop(pid)
            with contextlib.suppress(OSError):  # the test has not waited
                answers.send(json.dumps({"exit_code": os.waitstatus_to_exitcode(status)}).encode())
            answers.close()


def end(command: Command) -> NoReturn:
    """Run a command and end as an interpreter does, without the seconds that it takes to free what torch has loaded."""
    exit_code = 0
    try:
        command.run()
    except SystemExit as error:
        exit_code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        exit_code = 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream:
                stream.flush()
        except OSError:
            exit_code = 120  # as Python does
    os._exit(exit_code & 0xFF)


def main() -> None:
    requests = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = {found.name for found in pkgutil.walk_packages(vitreport.__path__, "vitreport.")} - {"vitreport.__main__"}
    for module in (*LOADED_FIRST, *sorted(own)):
        with contextlib.suppress(VitreportError):  # an extra that is not installed
            importlib.import_module(module)
    tasks = Path("/proc/self/task")
    assert not tasks.exists() or len(list(tasks.iterdir())) == 1, "a child would lack the other threads"
    gc.collect()
    gc.freeze()
    command = serve(requests)
    if command:
        end(command)


if __name__ == "__main__":
    main()
