"""The errors that a user can meet, each with the exit code that it ends with.

VitreportError
├── SpecError        2   a spec, an option or a name that cannot be used
├── DatasetError     3   images that are missing, damaged or not what they should be
├── RecordError      4   a record or a checkpoint that cannot be used
├── DivergedError    5   a loss that is no longer finite
├── ResourceError    6   no such device, no memory, no disk, no network
├── DamageError      7   finished, but some records are damaged or cells missing
├── BusyError        8   another process holds the run
├── DriftError       9   a file is not what the records give
└── StoppedError     130 or 143, after SIGINT or SIGTERM

Anything else that escapes is a bug of vitreport and ends with 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass


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


class DatasetError(VitreportError):
    exit_code = 3


class RecordError(VitreportError):
    exit_code = 4


class DivergedError(VitreportError):
    exit_code = 5


class ResourceError(VitreportError):
    exit_code = 6


class DamageError(VitreportError):
    exit_code = 7


class BusyError(VitreportError):
    exit_code = 8


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
