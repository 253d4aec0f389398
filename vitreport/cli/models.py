"""`vitreport models`: the architectures and their presets."""

import inspect

from vitreport.cli import options
from vitreport.cli.console import print_json, print_table


def models(as_json: options.AsJson = False) -> None:
    """List the architectures: what they are, their fields, their presets."""
    from vitreport.spec.model import ARCHITECTURES
    from vitreport.spec.presets import presets_of

    listed = []
    for architecture in ARCHITECTURES:
        name = architecture.model_fields["name"].default
        summary = (inspect.getdoc(architecture) or "").splitlines()[0]
        fields = [field for field in architecture.model_fields if field != "name"]
        listed.append({"name": name, "summary": summary, "fields": fields, "presets": presets_of(name)})
    if as_json:
        print_json(listed)
    else:
        rows = [(str(m["name"]), str(m["summary"]), ", ".join(m["presets"])) for m in listed]
        print_table(["model", "what it is", "presets"], rows)
