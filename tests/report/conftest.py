"""The fixture study, written, analyzed and drawn once; tests of damage and of other runs write their own."""

from pathlib import Path

import pytest

from tests.report.rendering import page_of
from tests.report.study import write_study
from vitreport.report.html import render_html
from vitreport.report.sections import Page


@pytest.fixture(scope="session")
def study_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("study") / "runs"
    write_study(runs)
    return runs


@pytest.fixture(scope="session")
def page(study_runs: Path) -> Page:
    return page_of(study_runs)


@pytest.fixture(scope="session")
def html(page: Page) -> str:
    return render_html(page)
