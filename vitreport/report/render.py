"""A page as Markdown that GitHub renders. Templates only print; every value that they print is literal text."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

import vitreport
from vitreport.errors import SpecError
from vitreport.report import markup, phrases, tables
from vitreport.report.findings import titles, where_of
from vitreport.report.limits import limits
from vitreport.report.page import Page
from vitreport.report.protocol import protocol_of
from vitreport.text import compact, duration

TEMPLATE = "report.md.j2"
OWN = "the template given"


def template_folder() -> Path:
    """In a wheel the templates lie in the package, in a clone beside it."""
    package = Path(vitreport.__file__).parent
    return next(folder for folder in (package / "templates", package.parent / "templates") if folder.is_dir())


def render_markdown(page: Page, *, assets: str | None = None, template: Path | None = None) -> str:
    """The page as Markdown; `assets` is the relative place of its figures, None leaves them out.

    A template of the user's own runs in a sandbox and may extend `report.md.j2`. Raises SpecError where it fails.
    """
    environment = _environment(_read(template)) if template else _own_environment()
    values = {**printed(page), "assets": assets}
    return _tidy(_rendered(environment, OWN if template else TEMPLATE, values, template))


def printed(page: Page) -> dict[str, Any]:
    """What every template prints from, whatever the format."""
    names = titles(page.summary)
    return {
        "page": page,
        "summary": page.summary,
        "names": names,
        "where": lambda subject: where_of(subject, names),
        "tables": tables,
        "missing": tables.missing(page.summary),
        "troubled": tables.troubled(page.summary),
        "limits": limits(page.summary),
        "protocol": protocol_of(page.summary),
    }


def render(name: str, **values: Any) -> str:
    """A template that comes with vitreport, with the values that it prints."""
    return _tidy(_own_environment().get_template(name).render(values))


@cache
def _own_environment() -> ImmutableSandboxedEnvironment:
    return _environment("")


def _environment(own: str) -> ImmutableSandboxedEnvironment:
    """With the text of a template of the user's own beside those that come with vitreport."""
    loader = ChoiceLoader([DictLoader({OWN: own}), FileSystemLoader(template_folder())])
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=True,
        finalize=markup.literal,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "literal": markup.literal,
        "code": markup.code,
        "block": markup.block,
        "attribute": markup.attribute,
        "table": markup.table,
        "methods": phrases.methods,
        "accuracy": phrases.accuracy,
        "compact": compact,
        "duration": duration,
        "quoted": markup.quoted,
    }
    return environment


def _read(template: Path) -> str:
    try:
        return template.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SpecError(f"template {template}: {getattr(error, 'strerror', None) or error}") from error


def _rendered(
    environment: ImmutableSandboxedEnvironment, name: str, values: dict[str, Any], template: Path | None
) -> str:
    if template is None:
        return environment.get_template(name).render(values)
    try:
        return environment.get_template(name).render(values)
    except TemplateSyntaxError as error:
        raise SpecError(f"template {template}, line {error.lineno}: {error.message}") from error
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise SpecError(f"template {template}: {error or type(error).__name__}") from error


def _tidy(text: str) -> str:
    """No blanks at the ends of lines, one empty line where there were several, one newline at the end."""
    lines = (line.rstrip() for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"
