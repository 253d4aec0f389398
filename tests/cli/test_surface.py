import re
import signal
import string

import pytest

from tests.cli.conftest import Cli
from tests.cli.surface import GOLDEN, commands, described, golden_file
from vitreport import errors

WIDE = "400"
"""A terminal on which no help text is folded."""

COMMANDS = commands()
BY_WORDS = pytest.mark.parametrize("words", COMMANDS)


@BY_WORDS
def test_the_surface_is_the_frozen_one(words: str) -> None:
    """An intended change is frozen by `python -m tests.cli.refresh`."""
    assert described(words, COMMANDS[words]) == golden_file(words).read_text(encoding="utf-8")


def test_every_golden_file_has_its_command() -> None:
    assert set(GOLDEN.iterdir()) == {golden_file(words) for words in COMMANDS}


@BY_WORDS
def test_every_command_and_parameter_has_help(words: str) -> None:
    command = COMMANDS[words]
    assert command.help
    assert "Example:\n" in command.help or getattr(command, "no_args_is_help", False)
    assert [parameter.name for parameter in command.params if not parameter.help] == []


@BY_WORDS
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_shows_all_of_it(words: str, flag: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", WIDE)
    done = cli(*words.split(), flag)
    assert (done.exit_code, done.stderr) == (0, "")
    command, shown = COMMANDS[words], squeezed(done.stdout)
    assert squeezed(f"Usage: vitreport {words}") in shown
    for parameter in command.params:
        names = parameter.opts if parameter.param_type_name == "option" else []
        assert [text for text in (*names, parameter.help) if squeezed(text) not in shown] == []
    for text in (command.help, command.epilog or "", *getattr(command, "commands", {})):
        assert squeezed(text) in shown
    example = command.help.partition("Example:\n")[2].splitlines()
    assert [line for line in example if not line.startswith("    ") or f"\n {line}" not in done.stdout] == []


@BY_WORDS
def test_flags_take_nothing(words: str, cli: Cli) -> None:
    assert "<bool>" not in cli(*words.split(), "--help").stdout


def squeezed(text: str) -> str:
    """Letters, digits and signs without blanks, frames and colours."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return "".join(character for character in text if character in string.printable and not character.isspace())


def test_the_help_names_the_exit_codes_of_the_errors(cli: Cli) -> None:
    kinds = {
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.VitreportError)
    }
    assert set(errors.EXIT_CODES) == {"0", *(str(kind.exit_code) for kind in kinds), "128 + N"}
    assert errors.StoppedError("", signal_number=signal.SIGTERM).exit_code == 128 + signal.SIGTERM
    shown = cli("--help").stdout
    assert [meaning for meaning in errors.EXIT_CODES.values() if squeezed(meaning) not in squeezed(shown)] == []


def test_the_version_is_told(cli: Cli) -> None:
    done = cli("--version")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.fullmatch(r"vitreport \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("words", [words for words in COMMANDS if getattr(COMMANDS[words], "no_args_is_help", False)])
def test_a_group_alone_shows_its_help(words: str, cli: Cli) -> None:
    done = cli(*words.split())
    assert (done.exit_code, done.stderr) == (2, "")
    assert done.stdout.strip() == cli(*words.split(), "--help").stdout.strip()
