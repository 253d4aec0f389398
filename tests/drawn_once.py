"""Draw each figure once in a process: a figure is a function of its data, which tests of `draw` itself check."""

import pickle
import sys

import pytest

from vitreport.report.blocks import Figure
from vitreport.report.figures import assets
from vitreport.report.figures import draw as drawing


def remember_drawings(patch: pytest.MonkeyPatch) -> None:
    """Let all who draw figures share the drawings of those that are the same."""
    drawn: dict[bytes, list[str]] = {}
    draw = drawing.draw

    def remembered(figure: Figure) -> list[str]:
        key = pickle.dumps(figure)
        if key not in drawn:
            drawn[key] = draw(figure)
        return list(drawn[key])

    assert vars(assets)["draw"] is draw
    for module in [module for module in sys.modules.values() if vars(module).get("draw") is draw]:
        patch.setattr(module, "draw", remembered)
