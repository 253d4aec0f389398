"""A run whose seed meant other random numbers is not resumed, and nothing else is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.store.children import Driver
from tests.store.identity import only_run, resumed_at
from tests.store.options import EVERY_STEP, SHORT

TRAIN = ("train", *SHORT, EVERY_STEP)


def record(run: Path) -> dict[str, Any]:
    """The whole of run.json."""
    content: dict[str, Any] = json.loads((run / "run.json").read_text())
    return content


def with_version(run: Path, version: str | None, **changes: Any) -> None:
    """Change run.json; without a version it is the record of an older vitreport."""
    written = record(run) | changes
    written["fingerprint"].pop("randomness", None)
    written["fingerprint"] |= {"randomness": version} if version else {}
    (run / "run.json").write_text(json.dumps(written))


@pytest.mark.parametrize(("version", "told"), [(None, "1"), ("1", "1"), ("3", "3")])
def test_a_checkpoint_of_another_version_is_refused(
    driver: Driver, tmp_path: Path, version: str | None, told: str
) -> None:
    driver.run(*TRAIN, folder=tmp_path, faults=[("killed_before_step", 3)])
    run = only_run(tmp_path)
    assert record(run)["fingerprint"]["randomness"] == "2"
    with_version(run, version)
    before = (run / "run.json").read_bytes()
    refused = driver.run(*TRAIN, folder=tmp_path)
    assert refused.exit_code == 4
    line = refused.stderr.splitlines()[-1]
    assert line.startswith(
        f"error: run {run.name} cannot be resumed: it started with randomness version {told}, "
        "this vitreport has version 2"
    )
    assert "; hint: use `--force` " in line
    assert (run / "run.json").read_bytes() == before
    assert driver.run(*TRAIN, "--force", folder=tmp_path).exit_code == 0
    assert record(run.with_name(f"{run.name}-r2"))["fingerprint"]["randomness"] == "2"


def test_a_finished_run_of_another_version_stays_finished(driver: Driver, tmp_path: Path) -> None:
    """Its final evaluation draws nothing, and may be done again."""
    driver.run(*TRAIN, folder=tmp_path)
    run = only_run(tmp_path)
    with_version(run, None)
    again = driver.run(*TRAIN, folder=tmp_path)
    assert again.exit_code == 0
    assert "is already done" in again.stderr
    (run / "result.json").unlink()
    assert driver.run(*TRAIN, folder=tmp_path).exit_code == 0
    assert "randomness" not in record(run)["fingerprint"]


def test_a_run_without_a_saved_step_begins_again_with_the_version_that_trains_it(
    driver: Driver, tmp_path: Path
) -> None:
    """Its record says what is here now, and that nothing changed since: no step was done elsewhere."""
    driver.run("train", *SHORT, "--threads=1", folder=tmp_path, faults=[("killed_before_step", 1)])
    run = only_run(tmp_path)
    with_version(run, None, seconds=100.0, device="another one")
    started = record(run)["started"]
    done = driver.run(*TRAIN, "--threads=2", folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "warning" not in done.stderr
    found = record(run)
    assert (found["fingerprint"]["randomness"], found["fingerprint"]["threads"]) == ("2", "2")
    assert (found["device"], found["started"], found["seconds"] > 100) == ("CPU", started, True)
    assert resumed_at(run) == [0]
    assert found["resumed"][0]["changed"] == {}
