"""Templates of the user's own: they show what they like, and nothing that they do reaches beyond their process."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from tests.report.rendering import page_of
from tests.report.study import write_study
from vitreport.errors import SpecError
from vitreport.report import sandbox
from vitreport.report.markdown import (
    BrokenTemplateError,
    printed,
    render_markdown,
    render_text,
    template_folder,
)
from vitreport.report.page import Page
from vitreport.report.sandbox import render_own

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
UNBOUNDED = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    runs = tmp_path_factory.mktemp("runs")
    write_study(runs)
    return page_of(runs)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ page.title }}", "Small vision architectures\n"),
        ('{% extends "report.md.j2" %}{% block screen %}mine{% endblock %}', "# Small vision architectures\n\nmine\n"),
        ("{{ page.title }} \N{SNOWMAN}", "Small vision architectures \N{SNOWMAN}\n"),
    ],
)
def test_a_template_of_the_users_own(page: Page, template: str, expected: str) -> None:
    OWN.write_text(template, encoding="utf-8")
    assert render_own(page, OWN).startswith(expected)


def test_the_child_says_what_this_process_would(page: Page) -> None:
    OWN.write_text('{% extends "report.md.j2" %}')
    assert render_own(page, OWN, assets="a/") == render_markdown(page, assets="a/")


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("one\n{% if %}", ", line 2: Expected an expression"),
        ("one\n{{ page.__class__.__mro__ }}", ", line 2: .*unsafe"),
        ("one\n\n{{ page.nothing }}", ", line 3: .*no attribute 'nothing'"),
        ("{{ nothing }}", ", line 1: 'nothing' is undefined"),
        ("{{ ''.__class__ }}", ", line 1: .*unsafe"),
        ("{{ summary.groups.append(1) }}", "append"),
        ("{{ 1 / 0 }}", "division"),
        ("{% for i in range(10**9) %}{% endfor %}", "ange"),
        ('{% include "/etc/passwd" %}', "there is no template /etc/passwd"),
        ('one\n{% extends "none.md.j2" %}', ", line 2: there is no template none.md.j2"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
        (r'{{ "\ud800" | safe }}', r": prints '\\ud800', which no text in UTF-8 can hold"),
        (r'{{ {}["\ud800"] }}', r"line 1: .*\\ud800"),
        ("{{ 'x' * 10**11 }}", "needs more than 1,024 MiB of memory"),
    ],
)
def test_a_template_that_fails_is_the_users_error(page: Page, template: str, fault: str) -> None:
    OWN.write_text(template)
    with pytest.raises(SpecError, match=rf"\Atemplate own\.j2.*{fault}") as raised:
        render_own(page, OWN)
    assert len(raised.value.lines()) == 1


def test_a_template_without_end_is_stopped(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 2)
    OWN.write_text(UNBOUNDED)
    with pytest.raises(SpecError, match="not done after 2 seconds"):
        render_own(page, OWN)


def test_a_template_writes_only_so_much(page: Page) -> None:
    template = "{% for i in range(1000) %}{{ 'x' * 1000 }}{% endfor %}"
    assert len(render_text(template, page, assets=None, most=1_000_000)) == 1_000_001
    with pytest.raises(BrokenTemplateError, match=": makes more than 999,999 characters"):
        render_text(template, page, assets=None, most=999_999)


def test_a_process_that_is_killed_is_told(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "CHILD", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    OWN.write_text("{{ page.title }}")
    with pytest.raises(SpecError, match=r"template own\.j2: its process was ended \(SIGKILL\)"):
        render_own(page, OWN)


def test_the_folder_of_the_user_gives_no_code(page: Page) -> None:
    """Whatever lies beside the template under the name of a module is not imported."""
    for name in ("json", "pickle", "jinja2", "vitreport"):
        Path(f"{name}.py").write_text("raise SystemExit('imported')")
    OWN.write_text("{{ page.title }}")
    assert render_own(page, OWN) == "Small vision architectures\n"


def test_a_template_that_cannot_be_read(page: Page) -> None:
    with pytest.raises(SpecError, match=r"template own\.j2 is missing"):
        render_own(page, OWN)
    OWN.write_bytes(b"\xff")
    with pytest.raises(SpecError, match=r"template own\.j2: .*utf-8"):
        render_own(page, OWN)


def test_a_class_forged_by_a_template_is_made_by_nobody(page: Page) -> None:
    """`dataclasses.dataclass` executes the names of fields; no template reaches it."""
    OWN.write_text(FORGED)
    with pytest.raises(SpecError, match="has no attribute 'dataclass'"):
        render_own(page, OWN)
    with pytest.raises(BrokenTemplateError):
        render_text(FORGED, page, assets=None, most=1000)
    assert not Path("LEFT").exists()


def reached(value: Any) -> list[Any]:
    """A value with all that a template reaches from it by names without an underscore."""
    found, seen = [value], set[int]()
    for each in found:
        if id(each) in seen or isinstance(each, str | int | float | None):
            continue
        seen.add(id(each))
        if isinstance(each, dict | tuple | list):
            found += each.values() if isinstance(each, dict) else each
        elif not isinstance(each, FunctionType):
            found += [getattr(each, name) for name in dir(each) if not name.startswith("_")]
    return found


def test_a_template_reaches_no_module_and_no_class(page: Page) -> None:
    found = reached(printed(page))
    assert page.summary in found
    assert [each for each in found if isinstance(each, ModuleType | type) or each is dataclasses.dataclass] == []


def test_the_tables_are_those_that_templates_name(page: Page) -> None:
    texts = [file.read_text() for file in template_folder().glob("*.j2")]
    named = {name for text in texts for name in re.findall(r"\btables\.(\w+)", text)}
    assert set(vars(printed(page)["tables"])) == named


def test_the_child_can_write_no_file() -> None:
    code = "from vitreport.report.sandbox import _limit; _limit(); open('left', 'w', 1).write('x\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "File too large" in done.stderr
    assert Path("left").read_text() == ""
