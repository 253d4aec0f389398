"""A cluster for all tests of a process, and commands that use it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.one_node import OneNode, missing_parts


@pytest.fixture(scope="session")
def running_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneNode]:
    if reason := missing_parts():
        pytest.skip(reason)
    with OneNode(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def cluster(running_cluster: OneNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[OneNode]:
    """The cluster that commands of this test find; no jobs are left after it."""
    for name, value in running_cluster.environment.items():
        monkeypatch.setenv(name, value)
    yield running_cluster
    running_cluster.cancel_all()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "work"
