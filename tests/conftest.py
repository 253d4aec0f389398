"""Every test has its own folders and a bare environment; one thread, so that workers share the cores."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("tests", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("tests")
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in a fresh folder, without variables of the developer's own; decoded digits are kept between tests."""
    for name in list(os.environ):
        if name.startswith("VITREPORT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VITREPORT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path
