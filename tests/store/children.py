"""Commands run in children of one warm process; see `tests.driver`."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.commands import Completed, popen
from tests.store.faults import Fault

TIMEOUT_SECONDS = 60


class Driver:
    def __init__(self, cache: Path) -> None:
        self.cache = cache
        stdin, requests = os.pipe()
        self._requests = os.fdopen(requests, "w")
        self._process = popen(
            environment={"VITREPORT_CACHE_DIR": str(cache)},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            prepare="tests.driver:serve",
        )
        os.close(stdin)
        self.threads = int(self._answer()["threads"])

    def start(
        self,
        *arguments: str,
        folder: Path,
        faults: Sequence[Fault] = (),
        environment: Mapping[str, str] | None = None,
    ) -> "Child":
        """Begin a command in `folder`, with faults planted."""
        command = prepared(arguments, folder, faults, environment)
        return Child(self, self.ask(commands=[command])["pid"], folder)

    def run(self, *arguments: str, folder: Path, faults: Sequence[Fault] = ()) -> Completed:
        """Run a command to its end, however it ends."""
        return self.start(*arguments, folder=folder, faults=faults).wait()

    def run_in_each(self, *arguments: str, folders: Mapping[Path, Sequence[Fault]]) -> dict[Path, Completed]:
        """Run a command in one folder after the other, each with faults of its own, in one child.

        Every command must come to an end by itself.
        """
        commands = [prepared(arguments, folder, faults) for folder, faults in folders.items()]
        child = Child(self, self.ask(commands=commands)["pid"], next(iter(folders)))
        self.ask(wait=child.pid)
        return {folder: replace(child, folder=folder).completed() for folder in folders}

    def ask(self, **request: Any) -> dict[str, int]:
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        return self._answer()

    def close(self) -> None:
        self._requests.close()
        self._process.communicate(timeout=60)

    def _answer(self) -> dict[str, int]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the driver has died"
        answer: dict[str, int] = json.loads(line)
        return answer


@dataclass(frozen=True)
class Child:
    driver: Driver
    pid: int
    folder: Path

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait_for(self, marker: str) -> None:
        """Until a file is there, or the command has ended without it."""
        wait_until(lambda: (self.folder / marker).exists() or (self.folder / f"exit-{self.pid}").exists(), marker)

    def wait(self) -> Completed:
        """Wait for its end; the exit code is negative after a signal."""
        exit_code = self.driver.ask(wait=self.pid)["exit_code"]
        return Completed(exit_code, self.text("stdout"), self.text("stderr"))

    def completed(self) -> Completed:
        """One of several commands that have ended."""
        return Completed(int(self.text("exit")), self.text("stdout"), self.text("stderr"))

    def text(self, name: str) -> str:
        """What the command has written; nothing where it was killed before it could."""
        path = self.folder / f"{name}-{self.pid}"
        return path.read_text(errors="replace") if path.exists() else ""


def prepared(
    arguments: Sequence[str],
    folder: Path,
    faults: Sequence[Fault],
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A command as the driver takes it."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "arguments": list(arguments),
        "folder": str(folder),
        "faults_planted": list(faults),
        "environment": dict(environment or {}),
    }


def wait_until(condition: Callable[[], bool], what: str, seconds: float = TIMEOUT_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} has not come"
        time.sleep(0.0005)
