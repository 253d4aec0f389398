"""A page as Markdown that GitHub renders, by the template that comes with vitreport or by one of the user's own.

A template runs in Jinja's sandbox and only prints; every value that it prints is literal text. It has

    page             title, headline, findings, verdicts, figures, and in page.summary everything that was measured
    sections         the sections by their anchors, in their order: {{ sections.cost }}, {{ sections.cost.blocks }}
    figures          the figures by their names: {{ figures.overview }}
    tables           overview, cost, claims, data, provenance
    ablation_blocks  the blocks of an ablation without its heading
    subject, where   the words for an ablation, and for a group

A section, a block or several blocks are printed as Markdown; the filters are those of `_environment`.
"""

import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

from jinja2 import (
    ChoiceLoader,
    DictLoader,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel

from vitreport.analysis.titles import subject_of, where_of
from vitreport.errors import SpecError
from vitreport.formatting import Estimate, compact, duration, methods
from vitreport.report import markdown_text, tables
from vitreport.report.blocks import Block, Figures, Section
from vitreport.report.page import Page
from vitreport.report.sections import ablation_blocks, sections_of
from vitreport.untrusted_files import UnreadableFileError, read_bounded

TEMPLATE = "report.md.j2"
OWN = "the template given"
BLOCKS = get_args(Block)
MOST_TEMPLATE_BYTES = 1 << 20
MOST_CHARACTERS = 64 << 20
TEMPLATE_FAULTS = (
    *(TemplateError, ArithmeticError, AssertionError, AttributeError, LookupError),
    *(MemoryError, RecursionError, TypeError, ValueError),
)
"""What a template raises by what it asks of the values and functions that it is given."""


@dataclass(frozen=True)
class Template:
    """A template of the user's own."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> "Template":
        """Raise SpecError for what is no text."""
        try:
            return cls(path, read_bounded(path, MOST_TEMPLATE_BYTES, pipes=True).decode())
        except UnreadableFileError as error:
            raise SpecError(f"template {path} {error.reason}", "give the path of a Jinja template") from error
        except UnicodeDecodeError as error:
            raise SpecError(f"template {path}: {error}", "save it as UTF-8") from error


def template_folder() -> Path:
    """In a wheel the templates lie in the package, in a clone beside it."""
    package = Path(__file__).parents[1]
    return next(folder for folder in (package / "templates", package.parent / "templates") if folder.is_dir())


def render_markdown(page: Page, template: Template | None = None, *, assets: str | None = None) -> str:
    """Return the page as Markdown; `assets` is the relative place of its figures, None leaves them out.

    Raises:
        SpecError: The user's template fails, or makes more than `MOST_CHARACTERS` characters.
    """
    values = template_values(page)
    if template is None:
        return render_template(TEMPLATE, assets, **values)
    try:
        return _tidy(_bounded(template, values, assets))
    except TemplateSyntaxError as error:
        fault = f", line {error.lineno}: {error.message}"
    except TemplateNotFound as error:
        fault = f"{_line(error)}: there is no template {error}"
    except UnicodeEncodeError as error:
        fault = f"{_line(error)}: prints {error.object[error.start]!a}, which no text in UTF-8 can hold"
    except TEMPLATE_FAULTS as error:
        fault = f"{_line(error)}: {error or type(error).__name__}"
    raise SpecError(f"template {template.path}{fault}")


def render_template(name: str, assets: str | None = None, **values: Any) -> str:
    """Return what a template that comes with vitreport prints of some values."""
    return _tidy(_environment(assets).get_template(name).render(values))


def template_values(page: Page) -> dict[str, Any]:
    """Return what templates print from: functions one by one, never a module, which would lead out of the sandbox."""
    return {
        "page": page,
        "sections": {section.anchor: section for section in sections_of(page)},
        "figures": {figure.name: Figures((figure,)) for figure in page.figures},
        "tables": {
            "overview": tables.overview(page.summary),
            "cost": tables.cost(page.summary.pairs),
            "claims": tables.verdicts(page.verdicts),
            "data": tables.data(page.summary.datasets),
            "provenance": tables.provenance(page.summary),
        },
        "ablation_blocks": partial(ablation_blocks, page),
        "subject": subject_of,
        "where": where_of,
    }


def _bounded(template: Template, values: dict[str, Any], assets: str | None) -> str:
    pieces, count = [], 0
    for piece in _environment(assets, template.text).get_template(OWN).generate(values):
        pieces.append(piece)
        count += len(piece.encode())
        if count > MOST_CHARACTERS:
            raise ValueError(f"makes more than {MOST_CHARACTERS:,} characters")
    return "".join(pieces)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which a record has its fields and properties alone: pydantic's methods can load pickles."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, BaseModel) and attr not in type(obj).model_fields:
            return isinstance(getattr(type(obj), attr, None), property)
        return super().is_safe_attribute(obj, attr, value)


def environment(finalize: Callable[[Any], Any], filters: Mapping[str, Callable[..., Any]], own: str = "") -> _Sandbox:
    """Return Jinja with the templates of vitreport and the text of one of the user's own."""
    found = _Sandbox(
        loader=ChoiceLoader([DictLoader({OWN: own}), FileSystemLoader(template_folder())]),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= filters
    return found


def _environment(assets: str | None, own: str = "") -> _Sandbox:
    def printed(value: Any) -> Any:
        if isinstance(value, Section):
            return markdown_text.section(value, assets)
        if isinstance(value, BLOCKS):
            return markdown_text.render_blocks([value], assets)
        if isinstance(value, tuple | list) and all(isinstance(each, BLOCKS) for each in value):
            return markdown_text.render_blocks(value, assets)
        return markdown_text.literal(value)

    filters: dict[str, Callable[..., Any]] = {
        "accuracy": Estimate.in_percent,
        "attribute": markdown_text.attribute,
        "block": markdown_text.block,
        "code": markdown_text.code,
        "compact": compact,
        "duration": duration,
        "literal": markdown_text.literal,
        "methods": methods,
        "quoted": markdown_text.quoted,
    }
    return environment(printed, filters, own)


def _line(error: Exception) -> str:
    """Return where in the user's template it came to an error."""
    own = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return f", line {own[-1]}" if own else ""


def _tidy(text: str) -> str:
    """Return a text without blanks at the ends of lines, with one empty line where there were several."""
    lines = (line.rstrip() for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"
