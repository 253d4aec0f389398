"""Every command line that vitreport shows its users is one that it understands."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.cli.surface import commands
from tests.data.makers import write_folder
from tests.test_contracts import FILES, PACKAGE, ROOT
from tests.training.ranks import environments
from vitreport import api
from vitreport.cli.commands import train as train_command
from vitreport.cli.main import run
from vitreport.data.sources import facts_in
from vitreport.errors import EXIT_CODES
from vitreport.runtime import OPTIONS, VARIABLES
from vitreport.spec.compose import Request, compose_request
from vitreport.spec.run import RunSpec

PAGES = {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
    for file in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if "_build" not in file.parts and "results" not in file.parts
}
COMMANDS = commands()
PLACEHOLDER = re.compile(r"[A-Z_]{1,}\Z|<.*>\Z|\.\.\.\Z")
SHELL_SIGNS = re.compile(r"&&|\|\||[|;>]")
FENCE = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s][^)\s]*)\)|(?:src|srcset)=\"([^\"]+)\"")
MAX_README_BYTES = 9_000
INLINE = re.compile(r"`(vitreport [^`\n]+)`")


def shown_in_blocks(text: str) -> Iterator[tuple[str, ...]]:
    """The arguments of every call of vitreport in the fenced blocks of shell."""
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            for part in SHELL_SIGNS.split(line.removeprefix("$ ")):
                words = shlex.split(part, comments=True)
                if words and Path(words[0]).name == "vitreport":
                    yield tuple(words[1:])


def shown_inline(text: str) -> Iterator[tuple[str, ...]]:
    for code in INLINE.findall(text):
        yield tuple(shlex.split(SHELL_SIGNS.split(code)[0])[1:])


def resolved(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The longest name of a command that the words begin with, and the rest of them."""
    length = max(length for length in range(len(words) + 1) if " ".join(words[:length]) in COMMANDS)
    return " ".join(words[:length]), words[length:]


BLOCKS = sorted({words for text in PAGES.values() for words in shown_in_blocks(text)})
INLINES = sorted(
    {
        words
        for text in (*PAGES.values(), *(file.read_text(encoding="utf-8") for file in FILES))
        for words in shown_inline(text)
    }
)


@pytest.mark.parametrize("words", BLOCKS, ids=" ".join)
def test_a_command_in_a_block_is_understood(words: tuple[str, ...]) -> None:
    name, rest = resolved(words)
    command = COMMANDS[name]
    assert not hasattr(command, "commands") or command.invoke_without_command or {"--help", "--version"} & set(rest)
    with command.make_context(name, list(rest), resilient_parsing="--help" in rest) as context:
        assert context.params is not None


@pytest.mark.parametrize("words", INLINES, ids=" ".join)
def test_a_command_in_running_text_exists_with_its_options(words: tuple[str, ...]) -> None:
    name, rest = resolved(words)
    command = COMMANDS[name]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    assert [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known] == []
    assert name == " ".join(words) or not hasattr(command, "commands") or rest[0].startswith("-")


def is_whole(words: Sequence[str]) -> bool:
    """Whether the words train something without a placeholder in them."""
    named = len(words) > 1 and (not words[1].startswith("-") or bool({"--spec", "--preset"} & set(words)))
    return words[:1] == ("train",) and named and not any(map(PLACEHOLDER.match, words))


COMPOSED = [words for words in sorted({*BLOCKS, *INLINES}) if is_whole(words)]


@pytest.mark.parametrize("words", COMPOSED, ids=" ".join)
def test_a_training_that_is_shown_has_a_sound_spec(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[RunSpec] = []

    def train(spec: RunSpec, *_: object, **__: object) -> None:
        trained.append(spec)
        raise typer.Exit

    monkeypatch.setattr(api, "train", train)
    monkeypatch.setattr(train_command, "show_plan", lambda composed, *_, **__: trained.append(composed.spec))
    monkeypatch.setattr(train_command, "show_profile", lambda spec, *_, **__: trained.append(spec))
    with COMMANDS["train"].make_context("train", list(words[1:])) as context:
        given: dict[str, Any] = context.params
    for name, value in environments(2)[0].items():  # as if torchrun had started it already, for --gpus
        monkeypatch.setenv(name, value)
    if given["spec"]:
        Path(given["spec"]).write_text('model.name = "perceiver-io"\ndata.dataset = "digits"\n')
    if given["weights"]:
        given["weights"].write_bytes(b"")
    if given["dataset"] and given["dataset"].startswith("./"):
        write_folder(Path(given["dataset"]), count=1, size=32)
    assert run(words) == 0
    assert len(trained) == 1


def test_the_reference_is_built_without_torch() -> None:
    """`nox -s docs` does not install it."""
    targets = re.findall(r"^\.\. auto\w+:: (\S+)", PAGES["docs/reference/python-api.md"], re.MULTILINE)
    places = [target.rpartition(".") for target in targets]
    names = [f"getattr(importlib.import_module({module or 'vitreport'!r}), {name!r})" for module, _, name in places]
    code = f"import importlib, sys; {'; '.join(names)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr, len(names) > 10) == ("False\n", "", True)


def test_every_command_is_shown_in_the_documentation() -> None:
    shown = {resolved(words)[0] for text in PAGES.values() for words in (*BLOCKS, *shown_inline(text))}
    leaves = {words for words, command in COMMANDS.items() if not hasattr(command, "commands")}
    assert leaves - shown == set()


def test_the_documentation_has_examples_of_training() -> None:
    assert len(COMPOSED) >= 3


def test_the_documented_exit_codes_are_those_of_the_errors() -> None:
    table = PAGES["docs/reference/exit-codes.md"]
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    assert re.findall(r"^\| .*\d.* \|$", table, re.MULTILINE) == rows


def test_a_fresh_clone_has_not_done_the_first_line_already() -> None:
    """A record committed under `runs/` would make the README's first line say so instead of training."""
    first = compose_request(Request(model="perceiver-io", dataset="digits"), facts_in(None)).spec
    assert not list((ROOT / "runs").glob(f"{first.run_id}*"))


def test_the_guide_lists_every_runtime_option_with_its_variable() -> None:
    page = PAGES["docs/guides/specs.md"]
    given = {option for command in COMMANDS.values() for parameter in command.params for option in parameter.opts}
    rows = [(option.flag, option.variable) for option in OPTIONS if option.flag in given]
    assert sorted(re.findall(r"^\| `(--\S+)` \| `(\w+)` \|$", page, re.MULTILINE)) == sorted(rows)
    assert [variable for variable in VARIABLES if f"`{variable}" not in page] == []


def test_the_readme_is_short() -> None:
    assert len(PAGES["README.md"].encode()) < MAX_README_BYTES


def test_links_between_pages_lead_somewhere() -> None:
    dead = [
        f"{page}: {target}"
        for page, text in PAGES.items()
        for target in map("".join, LINK.findall(text))
        if "://" not in target and not (ROOT / page).parent.joinpath(target.partition("#")[0]).exists()
    ]
    assert dead == []


def test_the_contributing_guide_names_files_that_exist() -> None:
    table = PAGES["CONTRIBUTING.md"].partition("\n## Where things are\n")[2]
    named = {path for path in re.findall(r"`([\w/]+(?:\.py|\.bib|/))", table) if "NAME" not in path}
    assert len(named) > 20
    assert [path for path in named if not (PACKAGE / path).exists() and not (ROOT / path).exists()] == []


def test_the_page_of_example_reports_links_to_both_formats_of_each() -> None:
    listed = PAGES["docs/examples/index.md"]
    studies = {Path(name).stem for name in PAGES if name.startswith("docs/examples/")} - {"index"}
    assert (
        studies
        == set(re.findall(r"\[Markdown\]\((\S+)\.md\)", listed))
        == set(re.findall(r'href="(\S+)-report\.html"', listed))
    )
