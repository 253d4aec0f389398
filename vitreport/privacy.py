"""Rewrite paths for committed files, so that they name neither the user nor the machine.

A path inside the current folder becomes `./...`, any other path inside the home folder becomes `~/...`. Of all other
paths only the last component is kept.
"""

import os
import platform
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Self

SHARED = frozenset({"/", "/home", "/Users"})
"""Folders that hold the folders of several users: a path relative to one of them begins with a user's name."""
MAX_PATH_LENGTH = 4096
_NAME = r"[^\s/\\'\"`,;:<>|()\[\]{}=]++"
_NAMES = rf"{_NAME}(?: {_NAME}){{0,2}}"  # of folders, may contain spaces; the last name of a path may not
URL = r"(?P<url>[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"`<>]+)"
QUOTED = r"(?P<quote>['\"])(?P<quoted>[/~][^'\"\n]*)(?P=quote)"
UNQUOTED = rf"(?<![\w.~/<-])(?P<path>(?:~[A-Za-z_][\w.-]*)?(?:/+{_NAMES}(?=/))*/+{_NAME}/*)"
PATHS = re.compile("|".join((URL, QUOTED, UNQUOTED)))
OPTION = re.compile(r"\A(?:-{0,2}[\w.-]+=)*")  # --set=data.dataset=VALUE
NEXT_PATH = re.compile(r",(?=[/~])")  # in a list of values
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")


@dataclass(frozen=True)
class Places:
    """The folders that paths are shown relative to, and the name of the machine, which messages do not show.

    `bases` holds folders, each with what replaces it. The first that contains a path counts.
    """

    bases: tuple[tuple[str, str], ...] = ()
    host: str = ""

    @classmethod
    def here(cls) -> Self:
        """Return the places of this process."""
        folders = ((Path(), "."), (Path("~"), "~"))
        bases = ((form, shown) for folder, shown in folders for form in _forms(folder) if not _is_shared(form))
        return cls(tuple(bases), platform.node())

    def argument(self, text: str) -> str:
        """Rewrite a word of a command line: a path, an option with a path as its value, or anything else."""
        value = OPTION.sub("", text)
        head = text.removesuffix(value)
        parts = PurePath(value).parts
        is_path = value.startswith(("/", "~")) or ".." in parts
        if len(parts) > 1 and self.bases and any(map(_is_shared, _forms(Path()))):
            is_path = is_path or os.path.exists(value)  # it begins with a user's name
        if is_path and "://" not in value and "\n" not in value:
            return head + ",".join(map(self.path, NEXT_PATH.split(value)))
        return head + self._message(value)

    def message(self, text: str) -> str:
        """Rewrite the paths in a sentence or a traceback, and hide the name of this machine."""
        shown = self._message(text)
        if not self.host or self.host == "localhost":
            return shown
        return re.sub(rf"(?<![\w.-]){re.escape(self.host)}(?![\w-])", "HOST", shown)

    def path(self, text: str) -> str:
        """Rewrite one path."""
        for form in _forms(Path(text)) if self.bases else ():
            for folder, shown in self.bases:
                if f"{form}/".startswith(f"{folder}/"):
                    return f"{shown}{form[len(folder) :]}"
        return text if text.startswith("~/") and not self.bases else _last(text)

    def _message(self, text: str) -> str:
        for folder, shown in sorted(self.bases, key=lambda base: -len(base[0])):
            text = re.sub(rf"(?<![\w.~/-]){re.escape(folder)}(?![\w-]|\.\w)", shown, text)
        return PATHS.sub(self._found, text)

    def _found(self, found: re.Match[str]) -> str:
        if url := found["url"]:
            return _last(url) if url.startswith("file:") else CREDENTIALS.sub("", url)
        quote = found["quote"] or ""
        return f"{quote}{self.path(found['quoted'] or found['path'])}{quote}"


def without_paths(text: str) -> str:
    """Rewrite the paths in a word or a sentence of a record that another version or another person wrote."""
    return Places().argument(text)


def _is_shared(folder: str) -> bool:
    """Return whether a path relative to this folder could begin with a user's name."""
    return folder in SHARED or Path(folder) in Path(os.path.normpath(os.path.expanduser("~"))).parents


def _forms(path: Path) -> Iterator[str]:
    """Yield a path as given and with its links resolved; nothing if it is not a path on this system."""
    if len(str(path)) <= MAX_PATH_LENGTH:
        with suppress(OSError, RuntimeError, ValueError):  # removed, a loop of links, an unknown user, a null character
            given = path.expanduser()
            yield from dict.fromkeys((os.path.abspath(given), os.path.realpath(given)))


def _last(path: str) -> str:
    """Return the last component; `~` for a folder that is named after its user."""
    names = [name for name in path.split("/") if name not in ("", ".", "..")]
    if not names:
        return path[:1]
    is_home = names[-2:-1] in (["home"], ["Users"]) or names == ["root"] or (len(names) == 1 and names[0][0] == "~")
    return "~" if is_home else names[-1]
