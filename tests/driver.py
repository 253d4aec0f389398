"""A process that has trained once, and forks a child for the commands that a test asks for.

A child begins after some milliseconds instead of some seconds, so that hundreds of them can be killed. Requests
and answers are lines of JSON; `tests.store.children` speaks to it.
"""

import contextlib
import functools
import gc
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

from tests.forked_workers import end_with_parent
from tests.remembered import remember_costs
from tests.store import faults
from tests.store.calls import patch
from tests.store.options import RICH, SHORT
from vitreport.cli import main


def serve() -> NoReturn:
    """Answer requests until there are no more; `tests.commands` starts a process with this."""
    for name in [name for name in os.environ if name.startswith("VITREPORT_") and name != "VITREPORT_CACHE_DIR"]:
        del os.environ[name]
    warm_up()
    tasks = Path("/proc/self/task")
    answer({"threads": len(list(tasks.iterdir())) if tasks.exists() else 1})
    for line in sys.stdin:
        request = json.loads(line)
        answer(start(request["commands"]) if "commands" in request else wait(request["wait"]))
    os._exit(0)


def answer(values: dict[str, int]) -> None:
    print(json.dumps(values), flush=True)


def warm_up() -> None:
    """Train once, so that no child pays what a first use costs, or what is the same in all of them."""
    remember_costs(setattr)
    setattr(main, "command", functools.cache(main.command))  # noqa: B010
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        for options in (SHORT, RICH):
            assert main.run(["train", *options, "--quiet", f"--runs-dir={folder}"]) == 0
    gc.collect()
    gc.freeze()


def start(commands: list[dict[str, Any]]) -> dict[str, int]:
    pid = os.fork()
    if pid == 0:
        end_with_parent()
        run_all(commands)
    return {"pid": pid}


def wait(pid: int) -> dict[str, int]:
    _, status = os.waitpid(pid, 0)
    return {"exit_code": os.waitstatus_to_exitcode(status)}


def run_all(commands: list[dict[str, Any]]) -> NoReturn:
    """One command after the other; the exit code is that of the last."""
    exit_code = 70
    try:
        for command in commands:
            exit_code = run(**command)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def run(*, arguments: list[str], folder: str, faults_planted: list[list[Any]], environment: dict[str, str]) -> int:
    os.chdir(folder)
    for number, name in ((1, "stdout"), (2, "stderr")):
        redirect(number, f"{name}-{os.getpid()}")
    os.environ.update(environment)
    sys.argv = ["vitreport", *arguments]
    faults.plant(faults_planted)
    exit_code = main.run(arguments)
    patch.undo()
    sys.stdout.flush()
    Path(f"exit-{os.getpid()}").write_text(str(exit_code))
    return exit_code


def redirect(number: int, path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, number)
    os.close(descriptor)
