"""The study `small-images` with recorded runs in the current folder."""

from functools import cache
from pathlib import Path
from typing import Any

from tests.records import write_run
from vitreport.analysis.selection import analyze_study
from vitreport.data.sources import facts_in
from vitreport.report.sections import Page, make_page
from vitreport.spec.run import RunSpec
from vitreport.spec.study import combination
from vitreport.sweep.study_plan import StudyPlan, StudyRequest, plan_study

ASKED = StudyRequest("small-images")
RUNS = Path("runs")


@cache
def planned() -> StudyPlan:
    return plan_study(ASKED, facts_in(None))


def specs_of(name: str, at: Any = None) -> list[RunSpec]:
    """A part of the study, or a combination of an ablation, with each seed."""
    labels = planned().study.parts[name].combinations()[combination(at)]
    return [cell.spec for cell in planned().plans[name].trials if cell.values == labels]


def measure(accuracies: list[float], name: str, at: Any = None) -> None:
    for spec, accuracy in zip(specs_of(name, at), accuracies, strict=False):
        write_run(RUNS, spec, accuracy)


def page_of(asked: StudyRequest) -> Page:
    found = analyze_study(plan_study(asked, facts_in(None)), RUNS)
    return make_page(found.summary, found.claims)


def page() -> Page:
    return page_of(ASKED)
