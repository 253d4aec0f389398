"""`vitreport runs delete` and `vitreport runs gc`."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.cli.refusals import refused
from tests.cli.small_sweep import BASE, written
from tests.commands import TRAIN, popen, vitreport
from tests.records import DIVERGED, small_spec, write_run
from tests.store.children import wait_until
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import open_dataset
from vitreport.files import locked
from vitreport.runtime import Runtime
from vitreport.store.cleanup import Removal
from vitreport.sweep.engines.submission import write_submission

COMMITTED = ["metrics.jsonl", "result.json", "run.json", "spec.json"]
RUNS = Path("runs")


def trained(seed: int = 0, **changes: Any) -> Path:
    """A run with the files that training leaves, and some that a crash does."""
    folder = write_run(RUNS, small_spec(seed), 0.5 if changes.get("status", "done") == "done" else None, **changes)
    (folder / "checkpoints").mkdir()
    for name in ("best.safetensors", ".run.json.1.tmp", "checkpoints/step-1.safetensors", "checkpoints/.step.1.tmp"):
        (folder / name).write_bytes(bytes(100))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name not in (".lock", ".lease"))


def listed(cli: Cli, *arguments: str) -> dict[str, int]:
    done = cli("runs", *arguments, "--dry-run", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["schema_version"], found["dry_run"]) == (1, True)
    return {each["path"]: each["bytes"] for each in found["removals"]}


def test_a_process_deletes_what_it_lists_and_nothing_else() -> None:
    first, second = trained(0), trained(1)
    dry = vitreport("runs", "delete", first.name, "--dry-run")
    assert (dry.exit_code, dry.stderr.startswith("nothing removed; this would free ")) == (0, True)
    assert first.exists()
    done = vitreport("runs", "delete", first.name, "--yes")
    assert (done.exit_code, done.stdout) == (0, dry.stdout)
    assert done.stdout.splitlines()[1].split()[:2] == [str(first), "run"]
    assert list(RUNS.iterdir()) == [second]


def test_the_size_is_that_of_all_files(cli: Cli) -> None:
    folder = trained()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert listed(cli, "delete", folder.name) == {str(folder): size}


@pytest.mark.parametrize("kind", ["id", "prefix", "path", "group"])
def test_runs_are_named_as_elsewhere(kind: str, cli: Cli) -> None:
    """A group has all attempts at all of its seeds, and one run that is named twice is one run."""
    spec = small_spec()
    group = [write_run(RUNS, spec), write_run(RUNS, small_spec(1)), write_run(RUNS, spec, suffix="-r2")]
    other = write_run(RUNS, small_spec(train={"epochs": 3}))
    given = {"id": other.name, "prefix": other.name[:-1], "path": f"runs/{other.name}", "group": spec.group}[kind]
    expected = group if kind == "group" else [other]
    found = listed(cli, "delete", given, expected[0].name)
    assert sorted(map(os.path.abspath, found)) == sorted(str(folder.absolute()) for folder in expected)


def test_a_link_is_not_followed(cli: Cli) -> None:
    folder = trained()
    Path("elsewhere").mkdir()
    link = Path("elsewhere", f"{folder.name[:-1]}7")
    link.symlink_to(folder.absolute())
    refused(cli("runs", "delete", str(link), "--yes"), 4, f"{link} is a link, which is not followed")
    assert folder.exists()


def test_gc_leaves_links_alone(cli: Cli) -> None:
    """Also a linked folder of checkpoints, whose files are not in the run."""
    folder, outside = trained(), Path("outside")
    arrays = Path(os.environ["VITREPORT_CACHE_DIR"], "arrays")
    shutil.rmtree(folder / "checkpoints")
    outside.mkdir()
    (outside / ".step.1.tmp").touch()
    arrays.mkdir(parents=True)
    for link in (folder / "checkpoints", RUNS / ".run.tmp", arrays / "digits-1", arrays / ".digits-2.tmp"):
        link.symlink_to(outside.absolute())
    assert list(listed(cli, "gc")) == [str(folder / ".run.json.1.tmp")]


def test_an_abandoned_claim_of_a_lease_is_no_folder_of_images(cli: Cli) -> None:
    arrays = Path(os.environ["VITREPORT_CACHE_DIR"], "arrays")
    (arrays / ".digits-abcd.tmp").mkdir(parents=True)
    (arrays / ".digits-abcd.lease.123.tmp").touch()
    RUNS.mkdir()
    assert list(listed(cli, "gc")) == [str(arrays / ".digits-abcd.tmp")]


def test_a_run_that_was_deleted_meanwhile_is_no_error(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = trained()

    def size_while_deleted(removal: Removal) -> int:
        shutil.rmtree(removal.path, ignore_errors=True)
        return 0

    monkeypatch.setattr(Removal, "bytes", property(size_while_deleted))
    assert cli("runs", "delete", folder.name, "--yes").exit_code == 0
    assert list(RUNS.iterdir()) == []


def test_an_unknown_run_deletes_nothing(cli: Cli) -> None:
    folder = trained()
    refused(cli("runs", "delete", folder.name, "nothing", "--yes"), 2, "no run 'nothing' in runs")
    assert folder.exists()


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize("command", ["delete perceiver", "gc"])
def test_without_a_terminal_yes_is_needed(command: str, options: Sequence[str]) -> None:
    folder = trained()
    before = names(folder)
    process = popen(
        "runs", *command.split(), *options, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (2, "")
    assert stderr.startswith("error: cannot ask for confirmation; hint: use --yes")
    assert names(folder) == before


def test_what_is_removed_is_in_the_json(cli: Cli) -> None:
    folder = trained()
    expected = listed(cli, "delete", folder.name)
    found = json.loads(cli("runs", "delete", folder.name, "--yes", "--json").stdout)
    assert (found["dry_run"], {each["path"]: each["bytes"] for each in found["removals"]}) == (False, expected)


def test_a_run_that_is_being_trained_is_left_alone(home: Path) -> None:
    environment = {"VITREPORT_CACHE_DIR": str(home / "cache")}
    idle = trained()
    process = popen(*TRAIN, "--epochs=100000", stderr=subprocess.DEVNULL, environment=environment)
    wait_until(lambda: len(list(RUNS.glob("*/metrics.jsonl"))) == 2, "an epoch")
    (busy,) = [path for path in RUNS.iterdir() if path != idle]
    leftover = busy / ".run.json.1.tmp"
    leftover.touch()
    done = vitreport("runs", "delete", idle.name, busy.name, "--yes")
    assert (done.exit_code, done.stdout) == (8, "")
    assert done.stderr.startswith(f"error: in use by another process: {busy.name}; hint: wait")
    assert vitreport("runs", "gc", "--yes").exit_code == 0
    assert process.poll() is None
    assert leftover.exists()
    assert idle.exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    assert vitreport("runs", "delete", busy.name, "--yes").exit_code == 0
    assert not busy.exists()


def test_a_killed_deletion_leaves_nothing_that_is_read(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, other = trained(0), trained(1)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda path, **_: None)
        assert cli("runs", "delete", folder.name, "--yes").exit_code == 0
    (leftover,) = {*RUNS.iterdir()} - {other}
    assert leftover.name == f".{folder.name}.tmp"
    assert folder.name not in cli("runs", "list", "--each").stdout
    assert folder.name not in cli("report").stdout
    assert str(leftover) in listed(cli, "gc")
    assert cli("runs", "gc", "--yes").exit_code == 0
    assert list(RUNS.iterdir()) == [other]


def test_a_rest_of_an_earlier_deletion_is_in_nobodys_way(cli: Cli) -> None:
    folder = trained()
    leftover = folder.with_name(f".{folder.name}.tmp")
    (leftover / "run.json").mkdir(parents=True)
    assert cli("runs", "delete", folder.name, "--yes").exit_code == 0
    assert list(RUNS.iterdir()) == []


def test_the_trials_of_a_deleted_run_count_as_not_run(cli: Cli) -> None:
    written({16: [0.50, 0.63], 128: [0.4, 0.52]})
    sweep = ("ablate", "--spec", "base.json", "--param", "batch_size", "16,128", "--seeds", "2")
    assert cli(*sweep).exit_code == 0
    (record,) = RUNS.glob("sweeps/*.json")
    before = record.read_bytes()
    lost = min(path.name for path in RUNS.glob("*-s1"))
    assert "count as not run" not in cli("runs", "delete", lost, "--dry-run").stderr
    done = cli("runs", "delete", lost, "--yes")
    assert done.stderr.splitlines()[1].startswith("the trials of deleted runs count as not run in ")
    assert record.read_bytes() == before
    planned = json.loads(cli(*sweep, "--dry-run", "--json").stdout)
    assert [trial["run"] for trial in planned["trials"] if trial["state"] == "new"] == [lost]


def test_a_trial_with_a_newer_attempt_counts_as_run(cli: Cli) -> None:
    written({16: [0.50, 0.63], 128: [0.4, 0.52]})
    assert cli("ablate", *BASE, "--param", "batch_size", "16,128", "--seeds", "2").exit_code == 0
    newer = write_run(RUNS, small_spec(1, train={"batch_size": 16}), suffix="-r2").name
    assert "count as not run" not in cli("runs", "delete", f"runs/{newer.removesuffix('-r2')}", "--yes").stderr
    assert "count as not run" in cli("runs", "delete", newer, "--yes").stderr


def test_gc_keeps_what_is_committed_and_the_weights(cli: Cli) -> None:
    folder = trained()
    assert cli("runs", "gc", "--yes").exit_code == 0
    assert names(folder) == ["best.safetensors", *COMMITTED]
    assert cli("runs", "gc").stderr == "nothing to remove\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--checkpoints"], ["checkpoints"]),
        (["--weights"], ["best.safetensors"]),
        (["--checkpoints", "--weights"], ["best.safetensors", "checkpoints"]),
        (["--cache"], []),
        ([], [".run.json.1.tmp", "checkpoints", "checkpoints/.step.1.tmp"]),
    ],
)
def test_gc_can_be_restricted(options: list[str], expected: list[str], cli: Cli) -> None:
    folder = trained()
    assert sorted(listed(cli, "gc", *options)) == [str(folder / name) for name in expected]


@pytest.mark.parametrize(
    ("changes", "is_removed"),
    [
        ({"status": "failed", "error": DIVERGED}, True),
        ({"status": "interrupted", "finished": None}, False),
        ({"status": "running", "finished": None}, False),
    ],
)
def test_only_finished_runs_lose_their_checkpoints(changes: dict[str, Any], is_removed: bool, cli: Cli) -> None:
    folder = trained(**changes)
    assert (str(folder / "checkpoints") in listed(cli, "gc")) == is_removed


def test_submissions_to_slurm_are_removed_where_all_is(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    write_run(RUNS, small_spec(0))
    folder = write_submission([small_spec(0)], Runtime(), ())
    assert list(listed(cli, "gc")) == [str(folder)]
    assert listed(cli, "gc", "--checkpoints") == {}


def test_a_lost_result_can_be_made_again_from_a_checkpoint(cli: Cli) -> None:
    folder = trained()
    (folder / "result.json").unlink()
    assert listed(cli, "gc", "--checkpoints") == {}


def test_images_of_no_run_and_older_copies_leave_the_cache(cli: Cli) -> None:
    write_run(RUNS, small_spec())
    cache = Path(os.environ["VITREPORT_CACHE_DIR"])
    open_dataset(ImageRequest("digits", 8, Path("data"), cache))
    (used,) = (path for path in (cache / "arrays").iterdir() if path.is_dir())
    older = shutil.copytree(used, used.with_name("digits-0"))
    os.utime(older, (0, 0))
    former = used.with_name("digits-1")
    former.mkdir()
    unfinished = used.with_name(".digits-2.tmp")
    unfinished.mkdir()
    assert set(listed(cli, "gc", "--cache")) == {str(older), str(former)}
    assert cli("runs", "gc", "--yes").exit_code == 0
    assert [path for path in (cache / "arrays").iterdir() if path.is_dir()] == [used]
    shutil.rmtree(RUNS)
    RUNS.mkdir()
    assert list(listed(cli, "gc")) == [str(used)]


def test_damaged_downloads_leave_the_cache(cli: Cli) -> None:
    trained()
    data = Path(os.environ["VITREPORT_CACHE_DIR"]) / "data"
    data.mkdir(parents=True)
    for name in ("stl10_binary.tar.gz.bad", "cifar-10-python.tar.gz.part", "notes.bad"):
        (data / name).write_bytes(bytes(7))
    bad = str(data / "stl10_binary.tar.gz.bad")
    assert listed(cli, "gc", "--cache") == {bad: 7}
    assert bad in listed(cli, "gc")
    with locked(data / ".stl10_binary.tar.gz.lock"):
        assert listed(cli, "gc", "--cache") == {}
    assert cli("runs", "gc", "--cache", "--yes").exit_code == 0
    assert [name for name in names(data) if name[0] != "."] == ["cifar-10-python.tar.gz.part", "notes.bad"]


def test_a_missing_runs_directory_is_no_reason_to_empty_the_cache(cli: Cli) -> None:
    refused(cli("runs", "gc", "--yes"), 2, "no such directory: runs", "--runs-dir")
