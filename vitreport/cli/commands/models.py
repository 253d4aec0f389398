"""`vitreport models`: list the architectures, or show one."""

import inspect
from itertools import zip_longest
from typing import Any

import typer

from vitreport.analysis.references import architecture_summary
from vitreport.cli import options
from vitreport.cli.commands.spec import field_rows
from vitreport.cli.console import print_json, print_table, print_text
from vitreport.formatting import toml_value
from vitreport.spec.load import preset_facts, presets_of
from vitreport.spec.model import ARCHITECTURES
from vitreport.sweep.forecast import check_networks

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_models(as_json: options.AsJson = False) -> None:
    """List the architectures with their presets.

    Example:
        vitreport models list
    """
    listed: list[dict[str, Any]] = []
    for name, architecture in ARCHITECTURES.items():
        fields = [field for field in architecture.model_fields if field != "name"]
        summary = architecture_summary(name)
        listed.append({"name": name, "summary": summary, "fields": fields, "presets": presets_of(name)})
    if as_json:
        print_json({"models": listed})
    else:
        rows = [(each["name"], each["summary"], ", ".join(each["presets"])) for each in listed]
        print_table(["model", "description", "presets"], rows)


@app.command()
@options.grouped
def show(wanted: options.SpecOptions, data_dirs: options.DataDirs = None, as_json: options.AsJson = False) -> None:
    """Show an architecture: its paper, its fields and its presets. `vitreport train --dry-run` shows its cost.

    Example:
        vitreport models show swin --dataset digits
        vitreport models show timm/resnet18
    """
    spec = wanted.compose(data_dirs).spec
    check_networks([spec])
    architecture, values = type(spec.model), spec.model.model_dump(mode="json")
    fields = [field for field in field_rows(architecture) if field.name in values]
    facts = {name: preset_facts(name) for name in presets_of(spec.model.name)}
    if as_json:
        described = [{**field._asdict(), "value": values[field.name]} for field in fields]
        about = {"name": spec.model.name, "description": inspect.getdoc(architecture), "fields": described}
        print_json({**about, "presets": facts, "spec": spec})
        return
    print_text(f"{spec.model.whole_label}: {inspect.getdoc(architecture)}\n")
    rows = [[field.name, field.type, field.shown_default, toml_value(values[field.name])] for field in fields]
    print_table(["field", "type", "default", "here"], rows)
    if facts:
        preset_rows = [row for name, lines in facts.items() for row in zip_longest([name], lines, fillvalue="")]
        print_table(["preset", ""], preset_rows, gap=True)
