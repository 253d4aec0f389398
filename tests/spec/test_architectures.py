"""What every architecture says about itself, beside its fields."""

import inspect

import pytest

from vitreport.analysis.references import architecture_kind, architecture_title, entries
from vitreport.spec.architectures.base import ArchitectureSpec
from vitreport.spec.model import ARCHITECTURES


@pytest.mark.parametrize("kind", ARCHITECTURES.values())
def test_an_architecture_has_a_title_a_description_and_a_paper(kind: type[ArchitectureSpec]) -> None:
    assert kind.title
    assert (inspect.getdoc(kind) or "").partition("\n")[0].endswith(".")
    assert kind.citation in entries()


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name != "timm"])
def test_reports_take_titles_and_papers_from_the_specs(name: str) -> None:
    kind = ARCHITECTURES[name]
    assert (architecture_title(name), architecture_kind(name)) == (kind.title, kind)
