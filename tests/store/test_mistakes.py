"""The most confident mistakes of a run, drawn from the images of the test split."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitreport.store.evaluation import write_mistakes
from vitreport.training.evaluate import Predictions


def test_images_are_chosen_where_they_are(tmp_path: Path) -> None:
    """A GPU refuses an index on the CPU; "meta" takes its place."""
    home, asked = torch.device("meta"), list[Tensor]()

    def pixels(chosen: Tensor) -> Tensor:
        asked.append(chosen)
        return torch.zeros(len(chosen), 3, 8, 8, dtype=torch.uint8)

    images: Any = SimpleNamespace(home=home, pixels=pixels)
    logits = np.array([[3, 0], [0, 2], [0, 1]], np.float32)
    sheet = write_mistakes(tmp_path, Predictions(logits, np.array([0, 0, 1]), 1.0), images)
    assert sheet
    assert [each.index for each in sheet.images] == [1]
    assert [chosen.device for chosen in asked] == [home]
