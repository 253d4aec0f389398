"""Sphinx configuration; `nox -s docs` builds the site with warnings as errors."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import vitreport

SPEC_INTRODUCTION = """
These are the fields of a spec, as `vitreport spec fields` prints them. The fields of a model are shown by
`vitreport models show MODEL`. [Specs, presets and overrides](../guides/specs.md) explains how to set them.
"""

project = "vitreport"
author = "The vitreport authors"
project_copyright = "2026, The vitreport authors"
version = release = vitreport.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinxcontrib.typer",
]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "results"]
nitpicky = False
autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "pydata_sphinx_theme"
html_title = "vitreport"
html_static_path = ["_static"]
html_css_files = ["vitreport.css"]
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars: dict[str, list[str]] = {"quickstart": [], "index": []}


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


def _fields_table(fields: list[dict[str, Any]]) -> list[str]:
    lines = ["| field | type | default |", "|---|---|---|"]
    for field in fields:
        plain = f"`{json.dumps(field['default'])}`"
        default = "from the dataset" if field["derived"] else "required" if field["required"] else plain
        lines.append(f"| `{field['name']}` | {_cell(field['type'])} | {_cell(default)} |")
    return lines


def write_spec_reference(app: Sphinx) -> None:
    """Write `reference/spec.md` from the fields that the installed vitreport has."""
    command = [sys.executable, "-m", "vitreport", "spec", "fields", "--json"]
    printed = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    lines = ["# Fields of a spec", "", SPEC_INTRODUCTION]
    section = ""
    for part in printed["sections"]:
        if part["section"] != section:
            section = part["section"]
            lines += ["", f"## {section}"]
        if part["name"]:
            lines += ["", f"### {part['name']}"]
        lines += ["", part["description"], "", *_fields_table(part["fields"])]
    (Path(app.srcdir) / "reference" / "spec.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_example_reports(app: Sphinx, error: Exception | None) -> None:
    """Write the HTML reports of the records in `runs/`; `examples/index.md` links to them."""
    if error or app.builder.name != "html":
        return
    folder, runs = Path(app.outdir) / "examples", Path(app.srcdir).parent / "runs"
    for study in sorted({page.stem for page in Path(app.srcdir, "examples").glob("*.md")} - {"index"}):
        given = ("--study", study, "--seeds", "1..3", "--runs-dir", str(runs), "-o", f"{folder}/{study}-report.html")
        subprocess.run([sys.executable, "-m", "vitreport", "report", *given], check=True)


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", write_spec_reference)
    app.connect("build-finished", write_example_reports)
