"""A disk that is too small is noticed before the first step; one that fills up later says what is saved."""

from pathlib import Path

import pytest

from tests.store.children import Driver
from tests.store.faults import Fault
from tests.store.identity import only_run
from tests.store.options import EVERY_STEP, SHORTEST
from tests.training.small import small_spec
from vitreport.files import free_bytes, remove_file
from vitreport.records.reader import read_run
from vitreport.runtime import Runtime
from vitreport.store import checkpoint
from vitreport.store.checkpoint import disk_bytes, peak_bytes
from vitreport.store.session import train_run
from vitreport.training.events import Listener

TRAIN = ("train", *SHORTEST)
HEADERS = 100_000


def test_too_small_a_disk_is_refused_before_anything_is_trained(driver: Driver, tmp_path: Path) -> None:
    failed = driver.run(*TRAIN, folder=tmp_path, faults=[("room", 20_000)])
    assert (failed.exit_code, failed.stdout) == (6, "")
    assert failed.stderr.startswith("error: no space left: run mlp-mixer-digits-")
    assert failed.stderr.endswith("B, 20kB are free in runs; hint: free some space, or choose another --runs-dir\n")
    assert not (tmp_path / "runs").exists()


def test_what_a_run_has_written_already_is_not_needed_again(driver: Driver, tmp_path: Path) -> None:
    done = driver.run(*TRAIN, EVERY_STEP, folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    (only_run(tmp_path) / "result.json").unlink()
    again = driver.run(*TRAIN, folder=tmp_path, faults=[("room", 10_000)])
    assert again.exit_code == 0, again.stderr
    anew = driver.run(*TRAIN, "--force", folder=tmp_path, faults=[("room", 10_000)])
    assert anew.exit_code == 6


@pytest.mark.parametrize("selection", ["val", "last"])
def test_the_most_that_a_run_holds_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, selection: str) -> None:
    held: list[int] = []

    def measured(path: Path) -> None:
        held.append(sum(path.stat().st_size for path in path.parents[1].rglob("*.safetensors")))
        remove_file(path)

    monkeypatch.setattr(checkpoint, "remove_file", measured)
    spec = small_spec(model={"embed_dim": 64}, data={"limit": 100}, train={"selection": selection})
    runtime = Runtime("cpu", tmp_path, tmp_path / "cache", tmp_path / "runs", 1, compile=False, checkpoint_seconds=0)
    folder = train_run(spec, runtime, force=False, argv=(), listener=Listener())
    record = read_run(folder).record
    assert record is not None
    peak = peak_bytes(spec, record.cost.parameters)
    assert disk_bytes(spec, record.cost.parameters) < peak <= max(held) <= peak + HEADERS


@pytest.mark.parametrize("forced", [(), ("--force",)])
def test_a_disk_that_is_full_before_a_step_is_saved_says_that_nothing_is(
    driver: Driver, tmp_path: Path, forced: tuple[str, ...]
) -> None:
    failed = driver.run(*TRAIN, "--quiet", *forced, folder=tmp_path, faults=[("full_after_step", 1)])
    command = "the same command without --force" if forced else "the same command"
    assert failed.exit_code == 6
    assert failed.stderr.endswith(f"; hint: free some space; {command} then starts again: no step was saved\n")


@pytest.mark.parametrize(
    ("fault", "exit_code", "said"),
    [(("bug_before_step", 1), 1, "a bug"), (("signalled_before_step", 1, 2, 2), 130, "stopped by SIGINT")],
)
def test_a_full_disk_hides_neither_a_bug_nor_a_signal(
    driver: Driver, tmp_path: Path, fault: Fault, exit_code: int, said: str
) -> None:
    failed = driver.run(*TRAIN, "--quiet", folder=tmp_path, faults=[fault, ("full_after_step", 1)])
    assert (failed.exit_code, said in failed.stderr) == (exit_code, True), failed.stderr
    assert "no space left" not in failed.stderr


def test_the_room_of_a_place_that_is_not_there_yet_is_that_of_its_disk(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "absent" / "runs") == pytest.approx(free_bytes(tmp_path), rel=0.1)
