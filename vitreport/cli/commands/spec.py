"""`vitreport spec`: the schema of a spec, a check of one, a whole one to start from."""

from pathlib import Path
from typing import Annotated

import typer

from vitreport.cli import options
from vitreport.cli.console import note, note_lowered, print_json, print_text

app = typer.Typer(help="Show and check specs.", no_args_is_help=True)


@app.command()
def schema(
    study: Annotated[bool, typer.Option("--study", help="Print the schema of a study file instead.")] = False,
) -> None:
    """Print the JSON Schema of a spec, for editors that check and complete TOML files.

    Example: `vitreport spec schema > spec.schema.json`, then `#:schema ./spec.schema.json` as the first line of a spec.
    """
    from vitreport.spec.schema import run_schema, study_schema

    print_json(study_schema() if study else run_schema())


@app.command()
def fields(
    section: Annotated[str | None, typer.Argument(help="Of this section only, such as data.augment.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """The fields of a spec, with what is allowed; those of a model: `vitreport models show`."""
    from vitreport.cli.tables.fields import show_fields

    show_fields(section, as_json=as_json)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A TOML spec, or the spec.json of a run.")],
    data_dirs: options.DataDirs = None,
    as_json: options.AsJson = False,
) -> None:
    """Tell everything that is wrong with a spec, or the id of the run that it is."""
    from vitreport.data.sources import facts_in
    from vitreport.spec.from_command import Request, compose_request

    composed = compose_request(Request(spec_file=file), facts_in(data_dirs))
    note_lowered([composed.lowered])
    spec = composed.spec
    if as_json:
        print_json({"id": spec.run_id, "spec": spec.model_dump(mode="json")})
    else:
        note(f"{file}: a sound spec of {spec.model.name} on {spec.data.dataset}")
        print_text(spec.run_id)


@app.command()
def show(
    model: Annotated[str | None, typer.Argument(help="An architecture (see `vitreport models`), or timm/NAME.")] = None,
    dataset: options.Dataset = None,
    preset: options.Preset = None,
    spec: options.SpecFile = None,
    set_: options.Assignments = None,
    data_dirs: options.DataDirs = None,
    as_json: options.AsJson = False,
) -> None:
    """A whole spec as TOML, to be kept and changed: `vitreport spec show perceiver-io > my.toml`."""
    from vitreport.data.sources import facts_in
    from vitreport.spec.from_command import Request, compose_request

    request = Request(model=model, dataset=dataset, preset=preset, spec_file=spec, assignments=set_ or ())
    composed = compose_request(request, facts_in(data_dirs))
    note_lowered([composed.lowered])
    found = composed.spec
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        import tomli_w

        from vitreport.spec.presets import preset_facts

        if composed.preset:
            print_text("\n".join(f"# {line}" for line in [f"preset {composed.preset}", *preset_facts(composed.preset)]))
        print_text(tomli_w.dumps(found.model_dump(mode="json", exclude_none=True)).strip())
