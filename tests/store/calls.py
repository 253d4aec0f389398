"""The calls by which vitreport changes a run folder, numbered."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitreport import files

patch = pytest.MonkeyPatch()


class StandIn:
    """A module with some of its functions exchanged."""

    def __init__(self, module: Any, **exchanged: Any) -> None:
        self._module = module
        self.__dict__.update(exchanged)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class Calls:
    """Numbers the calls that change a run folder from 1, and tells each to `before` when it has not happened yet.

    The first write to a file is cut in two, so that the call after it finds a torn file. Flushing to the disk is
    counted and left out: a killed process loses nothing of what the system has been given.
    """

    def __init__(self, before: Callable[[int, str], None]) -> None:
        self._before = before
        self._number = 0
        self._torn: set[int] = set()
        system = {
            "open": self._told("open", self._open),
            "write": self._told("write", self._write),
            "fsync": self._told("fsync", lambda descriptor: None),
            "replace": self._told("replace", os.replace),
        }
        patch.setattr(files, "os", StandIn(os, **system))
        patch.setattr(Path, "unlink", self._told("unlink", Path.unlink))

    def _told(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def told(*arguments: Any, **keywords: Any) -> Any:
            self._number += 1
            self._before(self._number, name)
            return function(*arguments, **keywords)

        return told

    def _open(self, *arguments: Any) -> int:
        descriptor = os.open(*arguments)
        self._torn.discard(descriptor)
        return descriptor

    def _write(self, descriptor: int, content: memoryview) -> int:
        part = content if descriptor in self._torn else content[: len(content) // 2]
        self._torn.add(descriptor)
        return os.write(descriptor, part)
