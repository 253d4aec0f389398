"""The program: its commands, and how an error reaches the user."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

import typer

from vitreport.cli import console
from vitreport.cli.commands import ablate, datasets, doctor, evaluate, models, report, runs, spec, study, train
from vitreport.errors import SpecError, VitreportError, exit_codes, with_hint
from vitreport.runtime import DEBUG
from vitreport.store.signals import StopSignal, handle_until_exit
from vitreport.version import __version__

PATH_TROUBLE = (errno.ENAMETOOLONG, errno.ELOOP, errno.EILSEQ)
DISK_TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

app = typer.Typer(
    name="vitreport",
    help="Train small vision models from a checked spec, and keep a record of every run.",
    epilog=f"Exit codes: {'; '.join(f'{code} {meaning}' for code, meaning in exit_codes().items())}.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train.train)
app.command("eval")(evaluate.evaluate)
app.command("ablate", cls=ablate.AblateCommand)(ablate.ablate)
app.command("report")(report.report)
app.add_typer(runs.app, name="runs")
app.add_typer(study.app, name="study")
app.add_typer(spec.app, name="spec")
app.add_typer(datasets.app, name="datasets")
app.add_typer(models.app, name="models")
app.command("doctor")(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        console.print_text(f"vitreport {__version__}")
        raise typer.Exit


@app.callback()
def options(
    color: Annotated[Literal["auto", "always", "never"], typer.Option(help="When to use colour.")] = "auto",
    debug: Annotated[bool, typer.Option("--debug", help=DEBUG.help)] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    console.use_color(color)
    if debug:
        os.environ[DEBUG.variable] = "1"


def main() -> None:
    """The entry point of the console script."""
    console.prepare_streams()
    stop = handle_until_exit()
    code = run(sys.argv[1:])
    stop.ignore()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. With `--json` a failure is a document too, unless there is one already."""
    console.expect_json("--json" in arguments)
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except (BrokenPipeError, SystemExit) as error:
        if not isinstance(error.__context__ or error, BrokenPipeError):  # typer exits where it meets one
            raise
        console.close_stdout()
        return 0
    except StopSignal as stop:
        return _report([f"stopped by {stop}"], 128 + stop.signal_number)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_TROUBLE:
            console.close_stdout()
            what = f"cannot read or write {error.filename or 'a file'}: {error.strerror}"
            return _report([with_hint(what, "look after that disk")], 6)
        if isinstance(error, OSError) and error.errno in PATH_TROUBLE:
            what = f"cannot use {error.filename or 'a path'}: {(error.strerror or str(error)).lower()}"
            return _report([with_hint(what, "choose another path")], 2)
        traceback.print_exc()
        return _report([f"this is a bug of vitreport: {type(error).__name__}: {error}"], 1)


def command() -> Any:
    """Return the program as typer builds it, with flags that show no type, as if they took a value."""
    program = typer.main.get_command(app)
    commands: list[Any] = [program]
    for each in commands:
        commands += getattr(each, "commands", {}).values()
        each.get_params = partial(_params_with_bare_flags, each.get_params)
    return program


def _params_with_bare_flags(get_params: Callable[[Any], list[Any]], context: Any) -> list[Any]:
    parameters = get_params(context)
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters


def _run(arguments: Sequence[str]) -> int:
    try:
        code = command()(list(arguments), prog_name="vitreport", standalone_mode=False) or 0
        return _report(["stopped by SIGINT"], 130) if code == 130 else int(code)
    except VitreportError as error:
        return _report(error.lines(), error.exit_code, error)
    except typer.TyperException as error:
        return _report(_usage_lines(error), 2)


def _usage_lines(error: typer.TyperException) -> list[str]:
    """What is wrong with the command line; nothing where typer has shown the help instead."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "vitreport"
    message = error.format_message().removesuffix(".")
    # pydantic's words for what typer has said already
    message = message.replace(": Value error, ", ": ").replace(": Input should be", ": must be")
    message = re.sub(r", unable to parse string as .*", "", message)
    return [with_hint(message, f"{_field_meant(error)}`{command} --help`")] if message else []


def _field_meant(error: typer.TyperException) -> str:
    """How to set a field of the spec that was given as an option which only other commands have."""
    from vitreport.spec.fields import find_field
    from vitreport.spec.sweep import short_name

    context, option = getattr(error, "ctx", None), getattr(error, "option_name", "")
    if not context or all("--set" not in parameter.opts for parameter in context.command.params):
        return ""
    try:
        return f"--set {short_name(find_field(option.lstrip('-').replace('-', '_')))}=VALUE, or "
    except SpecError:
        return ""


def _report(lines: Sequence[str], exit_code: int, error: VitreportError | None = None) -> int:
    """Each line on stderr; all of them in a document on stdout where the user asked for JSON."""
    if os.environ.get(DEBUG.variable):
        traceback.print_exc()
    for line in lines:
        console.note(f"error: {line}")
    problems = [asdict(problem) for problem in error.problems] if isinstance(error, SpecError) else []
    if lines:
        console.print_json_error({"exit_code": exit_code, "messages": list(lines), "problems": problems})
    return exit_code
