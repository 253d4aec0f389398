"""Packages that only some exports need."""

from collections.abc import Iterator
from contextlib import contextmanager

from vitreport.errors import ResourceError


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Import here what comes with an extra. Raises ResourceError, with the line that installs it."""
    try:
        yield
    except ImportError as error:
        message = f'{error.name or extra} is missing: pip install "vitreport[{extra}]"'
        raise ResourceError(message) from error
