from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.store.children import Driver
from tests.store.faults import Fault
from tests.store.identity import only_run
from tests.store.options import EVERY_STEP
from tests.store.states import advance, make_state
from vitreport.store.checkpoint import save_checkpoint
from vitreport.training.loop import TrainingState

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


@pytest.fixture
def two_saved(tmp_path: Path) -> TrainingState:
    """The state after two steps, each of them saved in the folder of the test."""
    state = make_state()
    for _ in range(2):
        advance(state)
        save_checkpoint(tmp_path, state)
    return state
