"""What a record says of single images, added to runs that were written without training."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vitreport.files import write_json
from vitreport.records.measurement import ClassifiedImage, packed
from vitreport.store.contact_sheets import draw_sheet, write_attention

SHOWN = 7
COLORS = np.random.default_rng(0).integers(0, 256, (SHOWN, 3, 4, 4), dtype=np.uint8)


def add_mistakes(run: Path) -> Path:
    """Seven images of sixteen colours: class 0 taken for 1 with 99%, 1 for 2 with 98%, ..."""
    side, sheet = draw_sheet(COLORS)
    (run / "mistakes.png").write_bytes(sheet)
    images = [
        {"index": 10 * place, "label": place, "predicted": place + 1, "confidence": 0.99 - 0.01 * place}
        for place in range(SHOWN)
    ]
    return change_result(run, mistakes={"images": images, "side": side, "sha256": hashlib.sha256(sheet).hexdigest()})


def add_attention(run: Path) -> Path:
    """Seven images under their maps: the first four are correct, the others are taken for the next class."""
    images = [
        ClassifiedImage(index=10 * i + (i < 4), label=i, predicted=i + (i > 3), confidence=0.9 - 0.1 * i)
        for i in range(SHOWN)
    ]
    maps = np.random.default_rng(1).random((SHOWN, 2, 2), np.float32)
    weights_sha256 = json.loads((run / "result.json").read_text())["weights_sha256"]
    write_attention(run, weights_sha256, "Grad-CAM of the predicted class", images, COLORS, maps)
    return run


def add_correct(run: Path, correct: Sequence[bool]) -> Path:
    return change_result(run, correct=packed(correct))


def change_result(run: Path, **changes: object) -> Path:
    result = json.loads((run / "result.json").read_text())
    write_json(run / "result.json", {**result, **changes})
    return run
