"""A page as Markdown that GitHub renders, by the template that comes with vitreport or by one of the user.

A template runs in Jinja's sandbox and only prints; every value that it prints is literal text. It has

    page             title, headline, findings, verdicts, figures, and in page.summary everything that was measured
    sections         the sections by their anchors: {{ sections.methods }}, {{ sections.methods.blocks }}
    figures          the figures by their names: {{ figures.overview }}
    tables           overview, cost, claims, data, provenance

A section, a block or several blocks are printed as Markdown; the filters are those of `_environment`.
"""

import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel

from vitreport.analysis.references import where_of
from vitreport.errors import SpecError
from vitreport.formatting import Estimate, compact, describe_intervals, duration, tidy
from vitreport.report import markdown_text, tables
from vitreport.report.blocks import Block, Section
from vitreport.report.claims import verdicts
from vitreport.report.sections import Page
from vitreport.untrusted_files import read_bounded, reading_errors

TEMPLATE = "report.md.j2"
PARTS = (*get_args(Block), Section)
MAX_TEMPLATE_BYTES = 1 << 20
FAULTS = (TemplateError, ArithmeticError, AttributeError, LookupError, RuntimeError, SyntaxError, TypeError, ValueError)
UserTemplate = tuple[Path, str]  # the path and the text of a template of the user


def read_template(path: Path) -> UserTemplate:
    """Read a template of the user. Raises SpecError if it cannot be read as text."""
    with reading_errors(SpecError, f"template {path}", "give the path of a Jinja template"):
        return path, read_bounded(path, MAX_TEMPLATE_BYTES).decode()


def template_folder() -> Path:
    """Return the folder of our templates: in a wheel it is in the package, in a clone next to it."""
    package = Path(__file__).parents[1]
    return next(folder for folder in (package / "templates", package.parent / "templates") if folder.is_dir())


def render_markdown(page: Page, template: UserTemplate | None = None, *, assets: str | None = None) -> str:
    """Return the page as Markdown, see `render.render`. Raises SpecError if the user's template fails."""
    if template is None:
        return render_template(TEMPLATE, assets, **template_values(page))
    path, content = template
    try:
        text = _lines(_environment(assets).from_string(content).render(template_values(page)))
        text.encode()
    except FAULTS as error:  # by what it asks of the values and functions that it is given
        frames = reversed(traceback.extract_tb(error.__traceback__))
        lines = (frame.lineno for frame in frames if frame.filename == "<template>")
        line = getattr(error, "lineno", None) or next(lines, None)
        reason = getattr(error, "message", "") or error
        where = f"template {path}{f', line {line}' if line else ''}"
        hint = "see “Your own template” in the guide on reports"
        raise SpecError(f"{where}: {type(error).__name__}: {reason}", hint) from error
    return text


def render_template(name: str, assets: str | None = None, **values: Any) -> str:
    """Return what a template that comes with vitreport prints of some values."""
    return _lines(_environment(assets).get_template(name).render(values))


def template_values(page: Page) -> dict[str, Any]:
    """Return what templates print from: functions one by one, never a module, which would lead out of the sandbox."""
    return {
        "page": page,
        "sections": {section.anchor: section for section in page.sections},
        "figures": {figure.name: figure for figure in page.figures},
        "tables": {
            "overview": tables.overview(page.summary),
            "cost": tables.cost([(where_of(pair), pair.group) for pair in page.summary.pairs if pair.group]),
            "claims": verdicts(page.verdicts),
            "data": tables.data(page.summary.datasets),
            "provenance": tables.provenance(page.summary),
        },
    }


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which a record has its fields and properties alone: pydantic's methods can load pickles."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, BaseModel) and attr not in type(obj).model_fields:
            return isinstance(getattr(type(obj), attr, None), property)
        return super().is_safe_attribute(obj, attr, value)


def environment(finalize: Callable[[Any], Any], **filters: Callable[..., Any]) -> _Sandbox:
    """Return Jinja with the templates of vitreport."""
    found = _Sandbox(
        loader=FileSystemLoader(template_folder()),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= filters
    return found


def _environment(assets: str | None) -> _Sandbox:
    def printed(value: Any) -> Any:
        content = value if isinstance(value, tuple | list) else (value,)
        is_part = all(isinstance(each, PARTS) for each in content)
        return markdown_text.render_blocks(content, assets) if is_part else markdown_text.literal(value)

    own = {name: getattr(markdown_text, name) for name in ("attribute", "block", "code", "literal", "quoted")}
    own |= {each.__name__: each for each in (compact, describe_intervals, duration)}
    return environment(printed, accuracy=Estimate.in_percent, **own)


def _lines(text: str) -> str:
    """Return tidy lines; several empty lines become one."""
    return re.sub(r"\n{3,}", "\n\n", tidy(text)) + "\n"
