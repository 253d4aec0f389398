"""The errors that a user can meet; each class has the exit code that the program ends with, and what the code means.

Anything else that escapes is a bug of vitreport and ends with 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace


class VitreportError(Exception):
    """An error with one line for the user: what is wrong, where, and how to fix it."""

    exit_code = 1
    meaning = "a bug of vitreport"

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)

    def lines(self) -> list[str]:
        """The error as the user reads it, one problem a line."""
        return [with_hint(self.message, self.hint)]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a spec."""

    field: str
    message: str
    hint: str = ""
    value: str = ""
    origin: str = ""


class SpecError(VitreportError):
    """A spec, an option, a name or a path that cannot be used, with all the problems that were found."""

    exit_code = 2
    meaning = "usage or spec"

    def __init__(self, message: str = "", hint: str = "", *, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(dict.fromkeys(problems))  # each once
        super().__init__(message or "; ".join(problem.message for problem in problems), hint)

    def lines(self) -> list[str]:
        if not self.problems:
            return super().lines()
        lines = []
        for problem in self.problems:
            value = f" = {problem.value}" if problem.value else ""
            origin = f" (from {problem.origin})" if problem.origin else ""
            lines.append(with_hint(f"{problem.field}{value}: {problem.message}{origin}", problem.hint))
        return lines

    def problems_at(self, field: str) -> tuple[Problem, ...]:
        """Its problems; where it has only a message, that as a problem of `field`."""
        return self.problems or (Problem(field, self.message, self.hint),)


@contextmanager
def gathered(problems: list[Problem], field: str = "") -> Iterator[None]:
    """Collect a SpecError's problems, under `field` if it is given, and continue after the block."""
    try:
        yield
    except SpecError as error:
        problems += [replace(problem, field=field or problem.field) for problem in error.problems_at(field)]


class DatasetError(VitreportError):
    """Images that are missing, damaged or not what they should be."""

    exit_code = 3
    meaning = "data set"


class RecordError(VitreportError):
    """A record or a checkpoint that cannot be used."""

    exit_code = 4
    meaning = "record or checkpoint unusable"


class DivergedError(VitreportError):
    """A loss that is no longer finite."""

    exit_code = 5
    meaning = "diverged: the loss is no longer finite"


class ResourceError(VitreportError):
    """The machine lacks something that the command needs."""

    exit_code = 6
    meaning = "resources: no such device, no memory, no disk, no network"


class StorageError(ResourceError):
    """A place cannot be written."""


class FullDiskError(StorageError):
    """A disk or a quota has no room for what is to be written."""


class DamageError(VitreportError):
    """The command has done what it could, but something is damaged or missing."""

    exit_code = 7
    meaning = "finished, but some records are damaged or trials of a sweep are missing"


class BusyError(VitreportError):
    """Another process holds the run."""

    exit_code = 8
    meaning = "another process holds the run"


class ImagesError(VitreportError):
    """The causes by data set where images are missing: code 3, or 6 if they could only not be fetched or kept."""

    def __init__(self, causes: Mapping[str, VitreportError]) -> None:
        self.causes = causes
        super().__init__("; ".join(cause.message for cause in causes.values()))
        self.exit_code = min(cause.exit_code for cause in causes.values())

    def lines(self) -> list[str]:
        return [line for cause in self.causes.values() for line in cause.lines()]


class DriftError(VitreportError):
    """A document is no longer what the records give."""

    exit_code = 9
    meaning = "`report --check` found a file that is out of date"


class StoppedError(VitreportError):
    """A signal has stopped the run between two steps: code 128 + its number."""

    def __init__(self, message: str, hint: str = "", *, signal_number: int) -> None:
        super().__init__(message, hint)
        self.exit_code = 128 + signal_number


def exit_codes() -> dict[str, str]:
    """Return every exit code with its meaning, in order."""
    every: list[type[VitreportError]] = [VitreportError, *VitreportError.__subclasses__()]
    kinds = [kind for kind in every if "exit_code" in vars(kind)]
    meanings = {str(kind.exit_code): kind.meaning for kind in kinds}
    return {"0": "ok", **meanings, "128 + N": "stopped by signal N: 130 SIGINT, 143 SIGTERM, 129 SIGHUP"}


def with_hint(message: str, hint: str) -> str:
    return f"{message}; hint: {hint}" if hint else message
