"""The errors that a user can meet, with the exit code of each. Anything else that escapes is a bug and ends with 1."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

EXIT_CODES = {
    "0": "ok",
    "1": "a bug in vitreport",
    "2": "usage or spec",
    "3": "dataset missing or invalid (`study run` still trains the other runs)",
    "4": "record or checkpoint unusable",
    "5": "diverged: the loss is no longer finite",
    "6": "resources: no such device, no memory, no disk, no network",
    "7": "finished, but some records, images or trials are damaged or missing",
    "8": "another process is using the run",
    "9": "`report --check` found a file that is out of date",
    "128 + N": "stopped by signal N: 130 SIGINT, 143 SIGTERM, 129 SIGHUP",
}


class VitreportError(Exception):
    """An error with one line for the user: what is wrong, where, and how to fix it."""

    exit_code = 1

    def __init_subclass__(cls, exit_code: int | None = None) -> None:
        """Give the class its own exit code, or that of its base."""
        cls.exit_code = exit_code or cls.exit_code

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        """Return the error as the command line shows it."""
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return the error as the user reads it, one problem a line."""
        return [with_hint(self.message, self.hint)]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a spec."""

    field: str
    message: str
    hint: str = ""
    value: str = ""
    origin: str = ""

    def __str__(self) -> str:
        """Return the line that the user reads."""
        value = f" = {self.value}" if self.value else ""
        origin = f" (from {self.origin})" if self.origin else ""
        return with_hint(f"{self.field}{value}: {self.message}{origin}", self.hint)


class SpecError(VitreportError, exit_code=2):
    """A spec, an option, a name or a path that cannot be used, with all the problems that were found."""

    def __init__(self, message: str = "", hint: str = "", *, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(dict.fromkeys(problems))  # each once
        super().__init__(message or "; ".join(problem.message for problem in problems), hint)

    def lines(self) -> list[str]:
        """Return one line for each problem."""
        return list(map(str, self.problems)) or super().lines()

    def problems_at(self, field: str) -> tuple[Problem, ...]:
        """Return its problems; if it has only a message, that as a problem of `field`."""
        return self.problems or (Problem(field, self.message, self.hint),)


def raise_problems(problems: Iterable[Problem]) -> None:
    """Raise SpecError with these problems if there are any."""
    if found := list(problems):
        raise SpecError(problems=found)


@contextmanager
def collect_problems(problems: list[Problem], field: str = "", origin: str = "") -> Iterator[None]:
    """Collect a SpecError's problems, with a field and an origin if these are given, and continue after the block."""
    try:
        yield
    except SpecError as error:
        found = error.problems_at(field)
        problems += [replace(each, field=field or each.field, origin=origin or each.origin) for each in found]


class DatasetError(VitreportError, exit_code=3):
    """Images that are missing, damaged or not what they should be."""


class RecordError(VitreportError, exit_code=4):
    """A record or a checkpoint that cannot be used."""


class DivergedError(VitreportError, exit_code=5):
    """A loss that is no longer finite."""


class ResourceError(VitreportError, exit_code=6):
    """The machine lacks something that the command needs."""


class LostProcessError(ResourceError):
    """Another process of the same training has ended."""


class StorageError(ResourceError):
    """A place cannot be written."""


class FullDiskError(StorageError):
    """A disk or a quota has no room for what is to be written."""


class DamageError(VitreportError, exit_code=7):
    """The command has done what it could, but something is damaged or missing."""


class BusyError(VitreportError, exit_code=8):
    """Another process holds the run."""


class DriftError(VitreportError, exit_code=9):
    """A document no longer matches the records."""


class StoppedError(VitreportError):
    """A signal has stopped the run between two steps: code 128 + its number."""

    def __init__(self, message: str, hint: str = "", *, signal_number: int) -> None:
        super().__init__(message, hint)
        self.exit_code = 128 + signal_number


def left_out_error(errors: Mapping[str, VitreportError]) -> VitreportError:
    """Return one error, of the kind of the first, that names what is not trained, each group with its cause."""
    names: dict[str, list[str]] = {}
    for name, error in errors.items():
        names.setdefault(with_hint(error.message, error.hint), []).append(name)
    causes = "; ".join(f"{', '.join(each)} ({cause})" for cause, each in names.items())
    return type(next(iter(errors.values())))(f"left out: {causes}")


def with_hint(message: str, hint: str) -> str:
    """Return an error and what to do, as a user reads them."""
    return f"{message}; hint: {hint}" if hint else message
