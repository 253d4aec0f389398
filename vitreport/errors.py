"""The errors that a user can meet, each with the exit code that it ends with.

VitreportError
├── SpecError        2   a spec, an option or a name that cannot be used
├── DatasetError     3   images that are missing, damaged or not what they should be
├── RecordError      4   a record or a checkpoint that cannot be used
├── DivergedError    5   a loss that is no longer finite
├── ResourceError    6   no such device, no memory, no disk, no network
│   └── StorageError     a place that cannot be written
│       └── FullDiskError    a disk or a quota without room
├── DamageError      7   finished, but some records are damaged or trials missing
├── ImagesError      3 or 6, as the errors of data sets that it holds
├── BusyError        8   another process holds the run
├── DriftError       9   a file is out of date
└── StoppedError     128 + the number of the signal

Anything else that escapes is a bug of vitreport and ends with 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace


class VitreportError(Exception):
    """An error with one line for the user: what is wrong, where, and how to mend it."""

    exit_code = 1

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
    exit_code = 2

    def __init__(self, message: str = "", hint: str = "", *, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(message or "; ".join(problem.message for problem in problems), hint)

    def lines(self) -> list[str]:
        if not self.problems:
            return super().lines()
        return [_problem_line(problem) for problem in self.problems]

    def problems_at(self, field: str) -> tuple[Problem, ...]:
        """Its problems; where it has only a message, that as a problem of `field`."""
        return self.problems or (Problem(field, self.message, self.hint),)


@contextmanager
def gathered(problems: list[Problem], field: str) -> Iterator[None]:
    """Puts the problems of a SpecError with others, as those of `field`, and goes on after the block."""
    try:
        yield
    except SpecError as error:
        problems += [replace(problem, field=field) for problem in error.problems_at(field)]


class DatasetError(VitreportError):
    exit_code = 3


class RecordError(VitreportError):
    exit_code = 4


class DivergedError(VitreportError):
    exit_code = 5


class ResourceError(VitreportError):
    exit_code = 6


class StorageError(ResourceError):
    """A place cannot be written."""


class FullDiskError(StorageError):
    """A disk or a quota has no room for what is to be written."""


class DamageError(VitreportError):
    exit_code = 7


class BusyError(VitreportError):
    exit_code = 8


class ImagesError(VitreportError):
    """Images that cannot be had, by data set: 3, or 6 where they only could not be fetched or kept."""

    def __init__(self, causes: Mapping[str, VitreportError]) -> None:
        self.causes = causes
        super().__init__("; ".join(cause.message for cause in causes.values()))
        self.exit_code = min(cause.exit_code for cause in causes.values())

    def lines(self) -> list[str]:
        return [line for cause in self.causes.values() for line in cause.lines()]


class DriftError(VitreportError):
    exit_code = 9


class StoppedError(VitreportError):
    """A run that ended between two steps because it was asked to."""

    def __init__(self, message: str, hint: str = "", *, signal_number: int) -> None:
        super().__init__(message, hint)
        self.exit_code = 128 + signal_number


def with_hint(message: str, hint: str) -> str:
    return f"{message}; hint: {hint}" if hint else message


def _problem_line(problem: Problem) -> str:
    value = f" = {problem.value}" if problem.value else ""
    origin = f" (from {problem.origin})" if problem.origin else ""
    return with_hint(f"{problem.field}{value}: {problem.message}{origin}", problem.hint)
