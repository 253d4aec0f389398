"""How `--help` shows a command."""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command of which no flag is shown with a type, as if it took a value."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _flags_bare(super().get_params(ctx))


class Group(TyperGroup):
    """A group likewise."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _flags_bare(super().get_params(ctx))


def hide_flag_types(app: typer.Typer) -> None:
    """Make every command and group of a program one of the above, or leave it one of a kind of its own."""
    app.info.cls = Group
    for command in app.registered_commands:
        if not (command.cls and issubclass(command.cls, Command)):
            command.cls = Command
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance:
            hide_flag_types(group.typer_instance)


def _flags_bare(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters
