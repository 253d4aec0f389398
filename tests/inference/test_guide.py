"""The examples of the guide run, and give what they say."""

import re
import shutil
from pathlib import Path

import pytest

from tests.test_contracts import ROOT


def test_the_examples_of_the_guide_run(
    own_runs: list[Path], own_images: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    guide = (ROOT / "docs/guides/predict.md").read_text(encoding="utf-8")
    shutil.copytree(own_runs[0], tmp_path / "runs" / own_runs[0].name)
    image = next((own_images / "test").rglob("*.png"))
    for place in (tmp_path / "photo.jpg", tmp_path / "photos/1.png"):
        place.parent.mkdir(exist_ok=True)
        shutil.copy(image, place)
    names: dict[str, object] = {}
    for example in re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL):
        exec(example.replace("swin-digits-ea4ce545-s0", own_runs[0].name), names)
    assert re.fullmatch(r"((cat|dog) \d+\.\d%\n){2}", capsys.readouterr().out)
    assert getattr(names["maps"], "shape", None) == (8, 4, 4)
    assert [getattr(names[name], "shape", None) for name in ("logits", "scores")] == [(8, 2)] * 2
    assert getattr(names["scores"], "requires_grad", None)
