"""Summaries of the runs in the current folder."""

from pathlib import Path

from tests.analysis.designs import design
from tests.records import spec
from vitreport.analysis.groups import Group
from vitreport.analysis.summarize import Outline, summarize
from vitreport.analysis.summary import Summary
from vitreport.records.folders import run_folders
from vitreport.records.run import SweepRecord

RUNS = Path("runs")


def summary(outline: Outline | None = None) -> Summary:
    return summarize(run_folders(RUNS), outline or Outline())


def only_group() -> Group:
    (group,) = summary().groups
    return group


def by_batch_size(*sizes: int) -> SweepRecord:
    cells = tuple(((str(size),), spec(train={"batch_size": size}).run_id) for size in sizes)
    return design(("batch_size",), cells, ("16",))
