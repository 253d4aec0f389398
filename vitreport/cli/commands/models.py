"""`vitreport models`: the architectures, and one of them with what it costs."""

import inspect
import textwrap
from dataclasses import asdict
from itertools import zip_longest
from typing import Annotated

import typer

from vitreport.cli import options
from vitreport.cli.console import print_json, print_table, print_text

COLUMN_WIDTH = 50

app = typer.Typer(help="List the architectures, or show one.", invoke_without_command=True)


@app.callback()
def models(context: typer.Context, as_json: options.AsJson = False) -> None:
    """List the architectures: what they are, their fields, their presets."""
    if context.invoked_subcommand is not None:
        return
    from vitreport.spec.model import ARCHITECTURES, implementations
    from vitreport.spec.presets import presets_of

    listed, rows = [], list[tuple[str, str, str]]()
    for name, architecture in ARCHITECTURES.items():
        fields = {field: None for kind in implementations(architecture) for field in kind.model_fields}
        fields.pop("name")
        summary, presets = (inspect.getdoc(architecture) or "").partition("\n")[0], presets_of(name)
        listed.append({"name": name, "summary": summary, "fields": list(fields), "presets": presets})
        folded = textwrap.wrap(", ".join(presets), COLUMN_WIDTH, break_on_hyphens=False)
        rows += zip_longest([name], textwrap.wrap(summary, COLUMN_WIDTH), folded, fillvalue="")
    if as_json:
        print_json(listed)
    else:
        print_table(["model", "what it is", "presets"], rows)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="An architecture, or timm/NAME for one of timm.", metavar="NAME")],
    dataset: options.Dataset = None,
    preset: options.Preset = None,
    set_: options.Assignments = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    data_dirs: options.DataDirs = None,
    as_json: options.AsJson = False,
) -> None:
    """Show an architecture: its paper, its fields, its presets, and what it costs on this machine."""
    from vitreport.cli.tables.cost import cost_rows, plain_cost
    from vitreport.cli.tables.fields import default_in_words, fields_in_words
    from vitreport.data.sources import facts_in
    from vitreport.formatting import toml_value
    from vitreport.spec.from_command import Request, compose_request
    from vitreport.spec.presets import preset_facts, presets_of
    from vitreport.training.throughput import measure_cost_here

    request = Request(model=model, dataset=dataset, preset=preset, assignments=set_ or ())
    spec = compose_request(request, facts_in(data_dirs)).spec
    architecture, values = type(spec.model), spec.model.model_dump(mode="json")
    fields = [field for field in fields_in_words(architecture) if field.name in values]
    facts = {name: preset_facts(name) for name in presets_of(spec.model.name)}
    measured = measure_cost_here(spec, device, threads)
    if as_json:
        described = [{**asdict(field), "value": values[field.name]} for field in fields]
        about = {"name": spec.model.name, "description": inspect.getdoc(architecture), "fields": described}
        print_json({**about, "presets": facts, "spec": spec.model_dump(mode="json"), "cost": plain_cost(measured)})
        return
    print_text(f"{model}: {inspect.getdoc(architecture)}\n")
    derived, rows = spec.model.derived({}, image_size=1, num_classes=1), []
    for field in fields:
        default = default_in_words(field, is_derived=field.name in derived)
        rows.append([field.name, field.type, field.allowed, default, toml_value(values[field.name])])
    print_table(["field", "type", "allowed", "default", "here"], rows)
    if facts:
        print_text("")
        preset_rows = [row for name, lines in facts.items() for row in zip_longest([name], lines, fillvalue="")]
        print_table(["preset", ""], preset_rows)
    data = spec.data
    print_text(f"\n{data.dataset}, {data.image_size} x {data.image_size} pixels, {spec.train.precision}:")
    print_table(["", ""], cost_rows(measured))
