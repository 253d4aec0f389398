"""Let a process be on another machine than others: it sees their files, not their locks."""

import os
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

MACHINE, STALE, JOURNAL = "TEST_MACHINE", "TEST_STALE_SECONDS", "TEST_JOURNAL"
"""Variables by which the workers of a command are on its machine."""


def plant(machine: str, stale_seconds: float = 60, journal: str = "") -> None:
    """Be on this machine; note in the journal, if there is one, who changes which run."""
    os.environ |= {MACHINE: machine, STALE: str(stale_seconds), JOURNAL: journal}
    from vitreport import lease
    from vitreport.files import checked_writes, locked

    acquire: Callable[..., tuple[bytes, int]] = getattr(lease, "_acquire")  # noqa: B009
    held: list[Path] = []

    def locked_here(path: Path, **how: Any) -> AbstractContextManager[bool]:
        path.touch()  # the file is there on all machines
        return locked(path.with_name(f"{path.name}-{machine}"), **how)

    def acquire_noted(path: Path, *arguments: Any) -> tuple[bytes, int]:
        held[:] = [path]
        return acquire(path, *arguments)

    def noted_writes(check: Callable[[], None]) -> AbstractContextManager[None]:
        run, owner = held[0].parent.name, secrets.token_hex(8)

        def check_and_note() -> None:
            check()
            if journal:
                with Path(journal).open("a") as file:
                    file.write(f"{run} {owner}\n")

        return checked_writes(check_and_note)

    hasten(stale_seconds)
    exchange(locked=locked_here, _boot=machine.encode, _acquire=acquire_noted, checked_writes=noted_writes)


def follow() -> None:
    """Be on the machine of the command that has started this process."""
    if machine := os.environ.get(MACHINE):
        plant(machine, float(os.environ[STALE]), os.environ[JOURNAL])


def hasten(stale_seconds: float = 60) -> None:
    """Renew leases, and look at those of others, more often than usual."""
    exchange(RENEWAL_SECONDS=0.05, POLL_SECONDS=0.1, STALE_SECONDS=stale_seconds)


def exchange(**values: Any) -> None:
    from vitreport import lease

    for name, value in values.items():
        setattr(lease, name, value)


def let_pass(folder: Path, seconds: float) -> None:
    """Make the lease in a folder older."""
    path = folder / ".lease"
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def owners(journal: Path) -> dict[str, list[str]]:
    """Who has changed each run, in this order; each is named once for changes that follow each other."""
    found: dict[str, list[str]] = {}
    for line in journal.read_text().splitlines():
        run, owner = line.split()
        if found.setdefault(run, [""])[-1] != owner:
            found[run].append(owner)
    return found
