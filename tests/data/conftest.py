import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from vitreport.data.registry import DATASETS, ImageRequest

from .makers import republish
from .server import Mirror
from .tiny import WNIDS


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cifar10", "stl10", "tinyimagenet"):
        republish(name, monkeypatch, mirrors=("http://127.0.0.1:9/none",))


@pytest.fixture
def told() -> list[str]:
    """What was told to the user."""
    return []


@pytest.fixture
def image_request(tmp_path: Path, told: list[str]) -> ImageRequest:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    return ImageRequest("noise", 8, data_dir, tmp_path / "cache", told.append)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with Mirror() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def three_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a miniature with three classes pass for the whole of Tiny ImageNet."""
    monkeypatch.setitem(DATASETS, "tinyimagenet", replace(DATASETS["tinyimagenet"], num_classes=len(WNIDS)))
