"""A page as Markdown that GitHub renders. Templates only print; every value that they print is literal text."""

import re
import traceback
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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

import vitreport
from vitreport.analysis.limits import limits
from vitreport.analysis.protocol import protocol_of
from vitreport.analysis.titles import subject_of, titles, where_of
from vitreport.formatting import Estimate, compact, duration, methods
from vitreport.report import markdown_text as markup
from vitreport.report import tables
from vitreport.report.blocks import MOST_ROWS
from vitreport.report.page import Page

TEMPLATE = "report.md.j2"
OWN = "the template given"
TABLES = (
    tables.ablation,
    tables.classes,
    tables.confused,
    tables.cost,
    tables.damage,
    tables.data,
    tables.differing_fields,
    tables.mistakes,
    tables.missing_levels,
    tables.overview,
    tables.provenance,
    tables.results,
    tables.section,
    tables.shared_fields,
    tables.verdicts,
)


def template_folder() -> Path:
    """In a wheel the templates lie in the package, in a clone beside it."""
    package = Path(vitreport.__file__).parent
    return next(folder for folder in (package / "templates", package.parent / "templates") if folder.is_dir())


class BrokenTemplateError(Exception):
    """What is wrong with a template, to be said after its name: ", line 2: ..." or ": ..."."""


def render_markdown(page: Page, *, assets: str | None = None) -> str:
    """The page as Markdown; `assets` is the relative place of its figures, None leaves them out."""
    return render(TEMPLATE, **printed(page), assets=assets)


def render_text(template: str, page: Page, *, assets: str | None, most: int) -> str:
    """As `render_markdown`, by the text of a template in Jinja's sandbox.

    Raises BrokenTemplateError where it fails or makes more than `most` characters.
    """
    pieces, count = [], 0
    try:
        for piece in _environment(template).get_template(OWN).generate(printed(page), assets=assets):
            pieces.append(piece)
            count += len(piece)
            if count > most:
                raise BrokenTemplateError(f": makes more than {most:,} characters")
    except TemplateSyntaxError as error:
        raise BrokenTemplateError(f", line {error.lineno}: {error.message}") from error
    except TemplateNotFound as error:
        raise BrokenTemplateError(f"{_line(error)}: there is no template {error}") from error
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise BrokenTemplateError(f"{_line(error)}: {error or type(error).__name__}") from error
    return _tidy("".join(pieces))


def printed(page: Page) -> dict[str, Any]:
    """What every template prints from, whatever the format.

    Functions one by one, never a module: through what that imports a template would leave the sandbox.
    """
    names = titles(page.summary)
    return {
        "page": page,
        "summary": page.summary,
        "names": names,
        "where": lambda subject: where_of(subject, names),
        "subject": lambda ablation: subject_of(ablation, names),
        "tables": SimpleNamespace(**{each.__name__: each for each in TABLES}, MOST_ROWS=MOST_ROWS),
        "missing": tables.missing(page.summary),
        "troubled": tables.troubled(page.summary),
        "limits": limits(page.summary),
        "protocol": protocol_of(page.summary, has_claims=bool(page.verdicts)),
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
        "methods": methods,
        "accuracy": Estimate.in_percent,
        "compact": compact,
        "duration": duration,
        "quoted": markup.quoted,
    }
    return environment


def _line(error: Exception) -> str:
    """Where in the user's template it came to an error."""
    own = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return f", line {own[-1]}" if own else ""


def _tidy(text: str) -> str:
    """No blanks at the ends of lines, one empty line where there were several, one newline at the end."""
    lines = (line.rstrip() for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"
