"""A pretended Slurm, and what a user is shown."""

import pytest

from tests.sweep.fake_slurm import FakeSlurm


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    fake = FakeSlurm()
    fake.install(monkeypatch)
    return fake


@pytest.fixture
def notes() -> list[str]:
    return []
