from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.store.children import Driver
from tests.store.faults import Fault
from tests.store.identity import only_run
from tests.store.options import EVERY_STEP

Undisturbed = Callable[..., Path]


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    driver = Driver(tmp_path_factory.mktemp("cache"))
    assert driver.threads == 1, "a process with several threads cannot be forked safely"
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def undisturbed(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The run of a spec that nothing has interrupted."""
    known: dict[tuple[str, ...], Path] = {}

    def run(options: Sequence[str], *faults: Fault) -> Path:
        key = (*options, *map(str, faults))
        if key not in known:
            folder = tmp_path_factory.mktemp("undisturbed")
            done = driver.run("train", *options, EVERY_STEP, folder=folder, faults=faults)
            assert done.exit_code == 0, done.stderr
            known[key] = only_run(folder)
        return known[key]

    return run
