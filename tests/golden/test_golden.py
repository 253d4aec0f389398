"""Numbers that must not change unless it is meant; `python -m tests.golden.refresh` writes them anew.

Losses agree to 1e-4 between processors; parameters and FLOPs are exact.
"""

import json
from typing import Any

import pytest

from tests.golden.measure import COST_CASES, COSTS, LOSSES, STEPS, cost, losses
from vitreport.spec.model import ARCHITECTURES

RELATIVE = 1e-4
LARGE = ("preset tnt-stl10", "-strong", "-large", "-xlarge")
"""Ends of the names of presets that differ from a smaller one in numbers only."""
GOLDEN_LOSSES: dict[str, Any] = json.loads(LOSSES.read_text())
GOLDEN_COSTS: dict[str, Any] = json.loads(COSTS.read_text())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_first_losses(name: str) -> None:
    assert name in GOLDEN_LOSSES, "no golden losses: python -m tests.golden.refresh"
    assert len(GOLDEN_LOSSES[name]) == STEPS
    assert losses(name) == pytest.approx(GOLDEN_LOSSES[name], rel=RELATIVE)


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.long) if case.endswith(LARGE) else case for case in COST_CASES]
)
def test_parameters_and_operations(case: str) -> None:
    assert case in GOLDEN_COSTS, "no golden costs: python -m tests.golden.refresh"
    assert cost(case) == GOLDEN_COSTS[case]


def test_nothing_is_golden_that_is_no_more() -> None:
    assert set(GOLDEN_LOSSES) <= set(ARCHITECTURES)
    assert set(GOLDEN_COSTS) <= set(COST_CASES)
