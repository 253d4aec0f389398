"""The program: its commands, and how an error reaches the user."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Annotated, Any, Literal

import typer

from vitreport import __version__
from vitreport.cli import console
from vitreport.cli.multi_word_options import MultiWordCommand
from vitreport.errors import EXIT_CODES, LostProcessError, ResourceError, SpecError, VitreportError, with_hint
from vitreport.files import NAME_ERRORS
from vitreport.runtime import DEBUG, launched, limit_spinning
from vitreport.store.signals import StopSignal, handle_until_exit

HELP_NAMES = ["-h", "--help"]
DISK_TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

COMMANDS = {
    "train": ("train", "Train a model and record the run."),
    "eval": ("evaluate", "Evaluate a finished run."),
    "predict": ("predict", "Classify images with a trained model."),
    "explain": ("explain", "Show which parts of an image a trained model attends to."),
    "ablate": ("ablate", "Train each value with several seeds and compare the results."),
    "report": ("report", "Write a report of the recorded runs."),
    "plot": ("plot", "Draw the curves of several groups in one figure."),
    "runs": ("runs", "List, show, compare, export and delete recorded runs."),
    "study": ("study", "Run studies: runs and ablations that are reported together."),
    "spec": ("spec", "Show and check specs."),
    "datasets": ("datasets", "List and verify datasets."),
    "models": ("models", "List the architectures, or show one."),
    "export-model": ("export_model", "Export a trained model for use without vitreport."),
    "push": ("push", "Upload a trained model to the Hugging Face Hub."),
    "doctor": ("doctor", "Check this machine, and print how to fix problems."),
}
"""The commands with their modules and what the list of commands says of them."""
EXTRA = "Got unexpected extra argument(s) ("
OTHER_NAMES = {"rm": "delete", "remove": "delete", "del": "delete"}


def _print_version(wanted: bool) -> None:
    if wanted:
        console.print_text(f"vitreport {__version__}")
        raise typer.Exit


def options(
    color: Annotated[Literal["auto", "always", "never"], typer.Option(help="When to use color.")] = "auto",
    debug: Annotated[bool, typer.Option("--debug", help=DEBUG.help)] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Train small vision models, run ablations, and write reports from recorded runs.

    Example:
        vitreport train perceiver-io --dataset digits
        vitreport ablate --dataset digits --param batch_size 16,32,64
        vitreport report > README.md
    """
    console.use_color(color)
    if debug:
        os.environ[DEBUG.variable] = "1"


def main() -> None:
    """Run the command that the process was started with."""
    limit_spinning()
    console.prepare_streams()
    stop = handle_until_exit()
    code = run(sys.argv[1:])
    stop.ignore()
    if launched().world_size > 1:  # threads of torch.distributed can abort the end of the interpreter
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except (BrokenPipeError, SystemExit) as error:
        if not isinstance(error.__context__ or error, BrokenPipeError):  # typer exits when it meets one
            raise
        console.close_stdout()
        return 0
    except StopSignal as stop:
        hint = "run the same command again" if "train" in arguments else ""
        lines = [] if launched().rank else [with_hint(f"stopped by {stop}", hint)]
        return _report(lines, 128 + stop.signal_number)
    except Exception as error:
        number, reason = getattr(error, "errno", None), getattr(error, "strerror", None) or str(error)
        if number in (*DISK_TROUBLE, *NAME_ERRORS):
            what = f"cannot use {getattr(error, 'filename', None) or 'a file'}: {reason.lower()}"
            if number in NAME_ERRORS:
                return _report([with_hint(what, "choose another path")], 2)
            console.close_stdout()
            return _report([with_hint(what, "check the disk")], 6)
        traceback.print_exc()
        return _report([f"this is a bug in vitreport: {type(error).__name__}: {error}"], 1)


def command(loaded: Iterable[str] = COMMANDS) -> Any:
    """Return the program as typer builds it, with flags that show no type and help that keeps its indentation."""
    program = typer.main.get_command(make_app(loaded))
    _prepare(program)
    return program


def _prepare(command: Any) -> None:
    """Change the help of a command and of all below it."""
    # typer dedents all lines but the first of what follows the first paragraph: make that first line an empty one
    command.help = (command.help or "").replace("\n\n", "\n\n\n\n", 1)
    for parameter in command.get_params(typer.Context(command, help_option_names=HELP_NAMES)):
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    for each in getattr(command, "commands", {}).values():
        _prepare(each)


def make_app(loaded: Iterable[str] = COMMANDS) -> typer.Typer:
    """Return the program. Only the modules of the commands in `loaded` are imported: that takes time."""
    app = typer.Typer(
        name="vitreport",
        epilog=f"Exit codes: {'; '.join(f'{code} {meaning}' for code, meaning in EXIT_CODES.items())}.",
        no_args_is_help=True,
        context_settings={"help_option_names": HELP_NAMES},
    )
    app.callback()(options)
    for name, (module_name, about) in COMMANDS.items():
        module = import_module(f"vitreport.cli.commands.{module_name}") if name in loaded else None
        if module and hasattr(module, "app"):
            app.add_typer(module.app, name=name, help=about)
        else:
            app.command(name, cls=MultiWordCommand, help=None if module else about)(getattr(module, module_name, main))
    return app


def _run(arguments: Sequence[str]) -> int:
    try:
        line = os.environ.get("COMP_WORDS", os.environ.get("_TYPER_COMPLETE_ARGS", ""))
        words = line.split() if "_VITREPORT_COMPLETE" in os.environ else arguments
        named = tuple(word for word in words if word in COMMANDS)[:1]
        if launched().world_size > 1 and named != ("train",):
            raise SpecError("torchrun can start only `vitreport train`", "run other commands without torchrun")
        program = command(named)
        code = int(program(list(arguments), prog_name="vitreport", standalone_mode=False) or 0)
        return _report(["stopped by SIGINT"], 130) if code == 130 else code
    except VitreportError as error:
        return _report(error.lines() if _is_own(error) else [], error.exit_code)
    except typer.TyperException as error:
        return _report(_usage_lines(error, arguments), 2)


def _is_own(error: VitreportError) -> bool:
    """Return whether no other process of the same training reports the error: one GPU may be out of memory."""
    return not launched().rank or (isinstance(error, ResourceError) and not isinstance(error, LostProcessError))


def _usage_lines(error: typer.TyperException, arguments: Sequence[str]) -> list[str]:
    """Return what is wrong with the command line; nothing if typer has shown the help instead."""
    context = getattr(error, "ctx", None)
    # typer gives no context where an option lacks its value
    words = ["vitreport", *(word for word in arguments[:1] if word in COMMANDS)]
    command_path = context.command_path if context else " ".join(words)
    message = error.format_message().removesuffix(".")
    # what pydantic adds to the words of typer
    message = message.replace(": Value error, ", ": ").replace(": Input should be", ": must be")
    message = re.sub(r", unable to parse string as .*", "", message)
    hint = _hint(error, message, command_path, arguments)
    return [with_hint(message, hint)] if message else []


def _hint(error: typer.TyperException, message: str, command_path: str, arguments: Sequence[str]) -> str:
    """Return what to do about a wrong command line; it names no option that the command lacks."""
    context, see = getattr(error, "ctx", None), f"see `{command_path} --help`"
    if not context:
        return see
    meant = OTHER_NAMES.get(message.removeprefix("No such command '").removesuffix("'"))
    if meant in getattr(context.command, "commands", ()):
        return f"did you mean `{command_path} {meant}`?"
    known = {option for parameter in context.command.params for option in parameter.opts}
    if message.startswith(EXTRA):
        extra = message.removeprefix(EXTRA).removesuffix(")")
        use = "commas between the names of --only" if "--only" in arguments else _option_of_word(extra, known)
    else:
        use = _other_option(getattr(error, "option_name", ""), known)
    return f"use {use}, or {see}" if use else see


def _other_option(name: str, known: Collection[str]) -> str:
    """Return how a command sets what another command has this option for."""
    if name == "--seed" and "--seeds" in known:
        return "--seeds 3..3 for seed 3"
    if name == "--seeds" and "--seed" in known:
        return "--seed once for each seed"
    if "--set" in known:
        from vitreport.spec.fields import find_field
        from vitreport.spec.sweep import short_name

        with suppress(SpecError):
            return f"--set {short_name(find_field(name.lstrip('-').replace('-', '_')))}=VALUE"
    return ""


def _option_of_word(word: str, known: Collection[str]) -> str:
    """Return the option that takes a word which was given as an argument."""
    from vitreport.data.registry import DATASETS

    return f"--dataset {word}" if word in DATASETS and "--dataset" in known else ""


def _report(lines: Sequence[str], exit_code: int) -> int:
    """Print each line to stderr and return the exit code."""
    if os.environ.get(DEBUG.variable):
        traceback.print_exc()
    who = f"process {launched().rank}: " if launched().rank else ""
    for line in lines:
        console.note(f"{who}error: {line}")
    return exit_code
