"""Templates of the user's own: they print what they like, and reach nothing but the page."""

import dataclasses
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from vitreport.errors import SpecError
from vitreport.report import markdown_text
from vitreport.report.markdown import read_template, render_markdown, template_values
from vitreport.report.sections import Page

OWN = Path("own.j2")
FORGED = r"""
{%- set first = "a=open('LEFT', 'w') or \"\"\"" -%}
{%- set second = "b=\"\"\",*,c" -%}
{%- set fields = {first: "InitVar", second: "InitVar"} -%}
{%- set forged = namespace(**{
    "__module__": "dataclasses", "__dict__": {"__annotations__": fields}, "__mro__": [1], "__annotations__": fields,
    "__qualname__": "x", "__name__": "x", "__doc__": "d"}) -%}
{{ tables.dataclass(forged) }}
"""

VALUE = "page.summary.ablations[0].levels[0].values[0]"
"""A pydantic object."""


def rendered(page: Page, template: str, assets: str | None = None) -> str:
    OWN.write_text(template, encoding="utf-8")
    return render_markdown(page, read_template(OWN), assets=assets)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ page.title }}", "Small vision architectures\n"),
        ("{{ page.title }} \N{SNOWMAN}", "Small vision architectures \N{SNOWMAN}\n"),
        ("{{ sections.methods }}", "## Methods\n\n- Every number"),
        (
            "{{ sections.methods.blocks }}",
            "- Every number, sentence and figure is computed ",
        ),
        ("{{ tables.cost }}", "| setting | images/s |"),
        ("{{ tables.overview }}", "| architecture | CIFAR-10 | STL-10 |"),
        ("{{ page.summary.groups[0].test | accuracy }}", "61.0% (60.0 to 62.0, single run)\n"),
    ],
)
def test_a_template_prints_what_it_names(page: Page, template: str, expected: str) -> None:
    assert rendered(page, template).startswith(expected)


def test_a_template_chooses_figures_and_their_place(page: Page) -> None:
    text = rendered(page, "{{ figures.overview }}", "a/")
    assert 'src="a/overview-light.svg"' in text
    assert text.count("<picture>") == 2, "a panel for each dataset"
    assert "<picture>" not in rendered(page, "{{ figures.overview }}")


def test_a_template_may_replace_a_section_of_the_usual_report(page: Page) -> None:
    """Every other one is as it was."""
    usual = render_markdown(page, assets="a/")
    assert rendered(page, '{% extends "report.md.j2" %}', "a/") == usual
    mine = '{% block section %}{% if section.anchor == "methods" %}mine{% else %}{{ super() }}{% endif %}{% endblock %}'
    before, after = usual.split("## Methods\n")[0], usual.split("## Runs without a result\n")[1]
    shown = rendered(page, '{% extends "report.md.j2" %}' + mine, "a/")
    assert shown == f"{before}mine\n\n## Runs without a result\n{after}"


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("one\n{% if %}", ", line 2: TemplateSyntaxError: Expected an expression"),
        ("one\n{{ page.__class__.__mro__ }}", ", line 2: .*unsafe"),
        ("one\n\n{{ page.nothing }}", ", line 3: .*no attribute 'nothing'"),
        ("{{ nothing }}", ", line 1: UndefinedError: 'nothing' is undefined"),
        ("{{ ''.__class__ }}", ", line 1: .*unsafe"),
        ("{{ page.summary.groups.append(1) }}", "append"),
        ("{{ 1 / 0 }}", "division"),
        ("{{ 5 | accuracy }}", ", line 1: .*no attribute"),
        ("{% for i in range(10**9) %}{% endfor %}", "ange"),
        ('{% include "/etc/passwd" %}', "line 1: TemplateNotFound: '/etc/passwd' not found"),
        ('one\n{% extends "none.md.j2" %}', ", line 2: TemplateNotFound: 'none.md.j2' not found"),
        ("{{ cycler() }}", "at least one item"),
        ("{% if 1 %}" * 101 + "{% endif %}" * 101, "SyntaxError|IndentationError"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
        (r'{{ "\ud800" | safe }}', r"can't encode character '\\ud800'"),
        (r'{{ {}["\ud800"] }}', r"line 1: .*\\ud800"),
        (FORGED, "has no attribute 'dataclass'"),
        (f"{{{{ {VALUE}.parse_raw('x'.encode(), proto='pickle', allow_pickle=true) }}}}", "unsafe"),
        (f"{{{{ {VALUE}.model_copy() }}}}", "unsafe"),
    ],
)
def test_a_template_that_fails_is_the_users_error(page: Page, template: str, fault: str) -> None:
    with pytest.raises(SpecError, match=rf"(?s)\Atemplate own\.j2.*{fault}") as raised:
        rendered(page, template)
    assert len(raised.value.lines()) == 1
    assert not Path("LEFT").exists()


@pytest.mark.parametrize("error", [MemoryError(), AssertionError()])
def test_an_error_that_no_template_makes_is_not_its_fault(
    page: Page, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(value: object) -> None:
        raise error

    monkeypatch.setattr(markdown_text, "literal", fail)
    with pytest.raises(type(error)):
        rendered(page, "{{ page.title }}")


def test_a_template_that_cannot_be_read(page: Page) -> None:
    with pytest.raises(SpecError, match=r"own\.j2 is missing"):
        read_template(OWN)
    OWN.write_bytes(b"\xff")
    with pytest.raises(SpecError, match=r"template own\.j2: byte 0 is not UTF-8"):
        read_template(OWN)


def reached(value: Any) -> list[Any]:
    """A value with all that a template reaches from it by names without an underscore."""
    found, seen = [value], set[int]()
    for each in found:
        if id(each) in seen or isinstance(each, int | float | None) or type(each) is str:
            continue
        seen.add(id(each))
        if isinstance(each, dict | tuple | list):
            found += each.values() if isinstance(each, dict) else each
        elif isinstance(each, BaseModel):  # the sandbox refuses all else, as tested above
            found += [getattr(each, name) for name in type(each).model_fields]
        elif not isinstance(each, FunctionType):
            found += [getattr(each, name) for name in dir(each) if not name.startswith("_")]
    return found


def test_a_template_reaches_no_module_and_no_class(page: Page) -> None:
    found = reached(template_values(page))
    assert page.summary in found
    assert [each for each in found if isinstance(each, ModuleType | type) or each is dataclasses.dataclass] == []
