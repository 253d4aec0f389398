"""The command line's surface as text that does not depend on how the installed typer lays out its help."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vitreport.cli.main import command

GOLDEN = Path(__file__).parent / "golden"


def commands() -> dict[str, Any]:
    """Every command and group by its words: "", "train", "runs", "runs list", ..."""
    return dict(_walked("", command()))


def golden_file(words: str) -> Path:
    return GOLDEN / f"{'-'.join(['vitreport', *words.split()])}.txt"


def described(words: str, command: Any) -> str:
    """The help of a command, its parameters in order, and what each takes."""
    lines = [f"vitreport {words}".strip(), "", command.help.replace("\n\n\n\n", "\n\n"), ""]
    lines += [line for parameter in command.params for line in _parameter(parameter)]
    lines += [f"{name}: {inner.help.splitlines()[0]}" for name, inner in _inner(command).items()]
    lines += ["", command.epilog] if command.epilog else []
    return "\n".join(lines).strip() + "\n"


def _walked(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield words, command
    for name, inner in _inner(command).items():
        yield from _walked(f"{words} {name}".strip(), inner)


def _inner(command: Any) -> dict[str, Any]:
    return getattr(command, "commands", {})


def _parameter(parameter: Any) -> list[str]:
    facts = {
        "takes": parameter.metavar or None,
        "default": None if parameter.default is False else parameter.default,
        "variable": parameter.envvar,
    }
    marks = [name for name in ("required", "multiple") if getattr(parameter, name)]
    told = [*marks, *(f"{name} {value}" for name, value in facts.items() if value is not None)]
    names = ", ".join(parameter.opts) if parameter.param_type_name == "option" else parameter.name.upper()
    return [f"{names} ({', '.join(told)})" if told else names, f"    {parameter.help}"]
