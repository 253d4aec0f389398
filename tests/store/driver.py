"""A process that has imported everything once, and forks a child for each command that a test asks for.

A child begins after some milliseconds instead of some seconds, so that hundreds of them can be killed. Requests
and answers are lines of JSON; `tests.store.children` speaks to it.
"""

import contextlib
import gc
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

from tests.store import faults
from tests.store.options import RICH, SHORT
from vitreport.cli import main


def serve() -> None:
    warm_up()
    threads = len(list(Path("/proc/self/task").iterdir())) if Path("/proc/self/task").exists() else 1
    print(json.dumps({"threads": threads}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = start(request) if "arguments" in request else wait(request["wait"])
        print(json.dumps(answer), flush=True)
    os._exit(0)


def warm_up() -> None:
    """Train once, so that what a first use costs is not paid in every child."""
    with tempfile.TemporaryDirectory() as folder:
        for options in (SHORT, RICH):
            with contextlib.redirect_stdout(sys.stderr):
                assert main.run(["train", *options, "--quiet", f"--runs-dir={folder}"]) == 0
    gc.collect()
    gc.freeze()


def start(request: dict[str, Any]) -> dict[str, int]:
    pid = os.fork()
    if pid == 0:
        train(request)
    return {"pid": pid}


def wait(pid: int) -> dict[str, int]:
    _, status = os.waitpid(pid, 0)
    return {"exit_code": os.waitstatus_to_exitcode(status)}


def train(request: dict[str, Any]) -> NoReturn:
    exit_code = 70
    try:
        os.chdir(request["folder"])
        redirect("stdout", 1)
        redirect("stderr", 2)
        os.environ.update(request["environment"])
        faults.plant(request["faults"])
        sys.argv = ["vitreport", *request["arguments"]]
        exit_code = main.run(request["arguments"])
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def redirect(name: str, number: int) -> None:
    descriptor = os.open(f"{name}-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, number)
    os.close(descriptor)


if __name__ == "__main__":
    serve()
