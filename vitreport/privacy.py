"""Rewrite paths for committed files, so that they name neither the user nor the machine.

A path inside the current, the data or the runs folder becomes relative to that folder, any other path inside the home
folder becomes `~/...`. Of all other paths only the last component is kept.
"""

import os
import platform
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import NamedTuple, Self

SHARED = frozenset(map(os.path.normpath, ("/", "/home", "/Users")))
"""Folders that hold the folders of several users: a path relative to one of them begins with a user's name."""

LONGEST_PATH = 4096
_NAME = r"[^\s/\\'\"`,;:<>|()\[\]{}=]++"
_NAMES = (
    rf"{_NAME}(?: {_NAME}){{0,2}}"  # folder names may contain spaces, the last name of a path in a sentence may not
)
URL = r"(?P<url>[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"`<>]+)"
QUOTED = r"(?P<quote>['\"])(?P<quoted>(?:/|~|[A-Za-z]:[\\/]|\\\\)[^'\"\n]*)(?P=quote)"
WINDOWS = rf"(?<!\w)(?P<windows>(?:[A-Za-z]:|\\\\{_NAME})(?:[\\/]+{_NAMES}(?=[\\/]))*[\\/]+(?:{_NAME})?)"
POSIX = rf"(?<![\w.~/<-])(?P<posix>(?:~[A-Za-z_][\w.-]*)?(?:/+{_NAMES}(?=/))*/+{_NAME}/*)"
PATHS = re.compile("|".join((URL, QUOTED, WINDOWS, POSIX)))
OPTION = re.compile(r"(?:-{0,2}[\w.-]+=)*")  # --set=data.dataset=VALUE
ABSOLUTE = re.compile(r"[/~]|[A-Za-z]:[\\/]|\\\\")
FOREIGN = re.compile(r"(?!)" if os.name == "nt" else r"[A-Za-z]:[\\/]|\\\\")
HOMES = ("home", "Users")
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")


class _Base(NamedTuple):
    """A folder and its replacements: for the folder itself ("" keeps its name), and before the paths inside it."""

    folder: str
    alone: str
    inside: str


@dataclass(frozen=True)
class Places:
    """The folders that paths are shown relative to: the first that contains a path. `host` is hidden in messages."""

    bases: tuple[_Base, ...] = ()
    host: str = ""

    @classmethod
    def here(cls, data_dir: Path | None = None, runs_dir: Path | None = None) -> Self:
        """Return the places of this process."""
        code = (Path(__file__).parent.parent, Path(sysconfig.get_path("purelib")))
        current, home = _current(), _home()
        bases = [_Base(form, ".", f".{os.sep}") for form in _forms(current) if not _is_shared(form)]
        for folder in (data_dir, runs_dir, *code):
            bases += [_Base(form, "", "") for form in _forms(folder) if not _is_shared(form)]
        bases += [_Base(form, "~", f"~{os.sep}") for form in _forms(home) if form not in SHARED]
        return cls(tuple(bases), platform.node())

    def argument(self, text: str) -> str:
        """Rewrite a word of a command line: a path, an option with a path as its value, or anything else."""
        option = OPTION.match(text)
        head = option[0] if option else ""
        value = text[len(head) :]
        if "://" not in value and "\n" not in value:
            parts = PurePath(value).parts
            if ABSOLUTE.match(value) or ".." in parts or (len(parts) > 1 and self._names_a_user(value)):
                return head + self.path(value)
        return head + self._message(value)

    def message(self, text: str) -> str:
        """Rewrite the paths in a sentence or a traceback, and hide the name of this machine."""
        shown = self._message(text)
        if not self.host or self.host == "localhost":
            return shown
        return re.sub(rf"(?<![\w.-]){re.escape(self.host)}(?![\w-])", "HOST", shown)

    def path(self, text: str) -> str:
        """Rewrite one path."""
        for form in _forms(Path(text)) if self.bases and not FOREIGN.match(text) else ():
            for base in self.bases:
                if form == base.folder and base.alone:
                    return base.alone
                if form.startswith(base.folder + os.sep):
                    return base.inside + form[len(base.folder) + 1 :]
        return text if re.match(r"~[\\/]", text) and not self.bases else _last(text)

    def _message(self, text: str) -> str:
        for base in sorted(self.bases, key=lambda base: -len(base.folder)):
            there = rf"(?<![\w.~/\\-]){re.escape(base.folder)}(?:(?P<sep>[/\\]+)(?=\S)|(?![\w-]|\.\w))"
            alone = self.path(base.folder)
            text = re.sub(there, lambda found, base=base, alone=alone: base.inside if found["sep"] else alone, text)  # type: ignore[misc]
        return PATHS.sub(self._found, text)

    def _found(self, found: re.Match[str]) -> str:
        if url := found["url"]:
            return _last(url) if url.startswith("file:") else CREDENTIALS.sub("", url)
        if found["quoted"]:
            return f"{found['quote']}{self.path(found['quoted'])}{found['quote']}"
        return self.path(found["windows"] or found["posix"])

    def _names_a_user(self, text: str) -> bool:
        """Return whether a relative path lies in a current folder that holds the folders of several users."""
        current = _current()
        return bool(self.bases and current and _is_shared(str(current))) and Path(text).exists()


def without_paths(text: str) -> str:
    """Rewrite the paths in a word or a sentence of a record that another version or another person wrote."""
    return Places().argument(text)


def _current() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it has been removed
        return None


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _is_shared(folder: str) -> bool:
    """Return whether a path relative to this folder could begin with a user's name."""
    home = _home()
    above = {os.path.normpath(parent) for parent in PurePath(os.path.normpath(home)).parents} if home else set()
    return folder in SHARED | above


def _forms(path: Path | None) -> Iterator[str]:
    """Yield a path as given and with its links resolved; nothing if it is not a path on this system."""
    if path is None or len(str(path)) > LONGEST_PATH:
        return
    try:
        given = path.expanduser()
        yield from dict.fromkeys((os.path.abspath(given), os.path.realpath(given)))
    except (OSError, RuntimeError, ValueError):  # a loop of links, an unknown user, a null character
        return


def _last(path: str) -> str:
    """Return the last component, whichever system wrote the path; `~` for a folder that is named after its user."""
    kind: type[PurePath] = PureWindowsPath if re.match(r"[A-Za-z]:[\\/]|\\\\", path) else PurePosixPath
    pure = kind(path)
    skipped = (pure.anchor, "..")
    names = [part for part in pure.parts if part not in skipped]
    if not names:
        return path[:1]
    is_home = names[-2:-1] in ([name] for name in HOMES) or names == ["root"]
    return "~" if is_home or (len(names) == 1 and names[0].startswith("~")) else names[-1]
