"""A template of the user's own, rendered by a process of its own that has only so much time, memory and paper.

The template is held by Jinja's sandbox, and what the sandbox does not stop (a loop without end, a string of gigabytes)
ends with that process, which may write no file and, unless it is root's, start no other. The page reaches it pickled,
from this process alone; text comes back through a pipe.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from vitreport.errors import SpecError
from vitreport.reading import UnreadableFileError, open_bounded, read_bounded, reading_errors
from vitreport.report.markdown import BrokenTemplateError, render_text
from vitreport.report.page import Page

SECONDS = 20
MEMORY_BYTES = 1 << 30
MOST_CHARACTERS = 64 << 20
MOST_TEMPLATE_BYTES = 1 << 20
LIMITS = {"CPU": SECONDS, "AS": MEMORY_BYTES, "FSIZE": 0, "NPROC": 0, "NOFILE": 32}
FAULTY = 3
CHILD = f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {__name__} import serve; serve()"


def render_own(page: Page, template: Path, *, assets: str | None = None) -> str:
    """The page by a template that may extend `report.md.j2`. Raises SpecError where it fails."""
    request = pickle.dumps((_read(template), page, assets))
    command = [sys.executable, "-I", "-B", "-c", CHILD, json.dumps(sys.path)]
    try:
        done = subprocess.run(command, input=request, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise _fault(template, f": not done after {SECONDS} seconds") from error
    if done.returncode == FAULTY:
        raise _fault(template, done.stdout.decode())
    if done.returncode:
        raise _fault(template, f": its process was ended ({_why_ended(done)})")
    return done.stdout.decode()


def check_template(template: Path) -> None:
    """Raise SpecError where there is no such template, without reading it."""
    with reading_errors(SpecError, f"template {template}", "give the path of a Jinja template"):
        if not (os.access(template, os.F_OK) and template.is_fifo()):  # a pipe can be read only once
            open_bounded(template, MOST_TEMPLATE_BYTES).close()


def serve() -> None:
    """The child: read the page and the template, write the document, or what is wrong with the template."""
    _limit()
    text, page, assets = pickle.load(sys.stdin.buffer)
    try:
        answer, code = render_text(text, page, assets=assets, most=MOST_CHARACTERS), 0
        answer.encode()
    except BrokenTemplateError as fault:
        answer, code = str(fault), FAULTY
    except UnicodeEncodeError as error:
        answer, code = f": prints {error.object[error.start]!a}, which no text in UTF-8 can hold", FAULTY
    except MemoryError:
        answer, code = f": needs more than {MEMORY_BYTES >> 20:,} MiB of memory", FAULTY
    sys.stdout.buffer.write(answer.encode(errors="backslashreplace"))
    sys.stdout.buffer.flush()
    sys.exit(code)


def _limit() -> None:
    """Where the platform can, each by itself; the time is bounded here too, for where nobody waits any more."""
    with suppress(ImportError):
        import resource

        for name, most in LIMITS.items():
            with suppress(AttributeError, ValueError, OSError):
                resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def _read(template: Path) -> str:
    try:
        return read_bounded(template, MOST_TEMPLATE_BYTES, pipes=True).decode()
    except UnreadableFileError as error:
        raise _fault(template, f" {error.reason}") from error
    except UnicodeDecodeError as error:
        raise _fault(template, f": {error}") from error


def _fault(template: Path, told: str) -> SpecError:
    return SpecError(f"template {template}{told}")


def _why_ended(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return signal.Signals(-done.returncode).name
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return last[0] if last else f"exit code {done.returncode}"
