"""Runs that are damaged, unfinished or not there."""

import json
import os
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.refusals import refused
from tests.records import small_spec, write_run
from vitreport.files import write_json
from vitreport.store.run_state import lock_run


def test_what_was_found_before_a_failure_stays_the_only_document(cli: Cli) -> None:
    damaged = write_run(Path("runs"), small_spec())
    (damaged / "run.json").write_text("{")
    done = cli("runs", "list", "--json")
    assert done.exit_code == 7
    assert [each["state"] for each in json.loads(done.stdout)["runs"]] == ["damaged"]


@pytest.mark.parametrize("file", ["result.json", "metrics.jsonl"])
def test_a_finished_run_that_cannot_be_read_is_damaged_everywhere(file: str, cli: Cli) -> None:
    damaged = write_run(Path("runs"), small_spec())
    (damaged / file).write_text("{")
    (Path("runs") / "empty").mkdir()
    (Path("runs") / "empty" / "run.json").write_text("{}")
    listed = json.loads(cli("runs", "list", "--json").stdout)["runs"]
    assert [each["state"] for each in listed] == ["damaged", "damaged"]
    assert [line.split()[:2] for line in cli("runs", "list").stdout.splitlines()[1:]] == [
        ["empty", "damaged"],
        [damaged.name, "damaged"],
    ]
    assert cli("runs", "show", damaged.name).stdout.startswith(f"{damaged.name}: damaged\n")


def test_a_prefix_of_several_runs_lists_them(cli: Cli) -> None:
    folders = [write_run(Path("runs"), small_spec(seed)) for seed in (0, 1)]
    refused(cli("runs", "show", "perceiver"), 2, "'perceiver' matches 2 runs", *(folder.name for folder in folders))


@pytest.mark.parametrize("command", ["eval", "runs show"])
def test_a_folder_that_is_no_run(command: str, cli: Cli) -> None:
    refused(cli(*command.split(), "./nothing"), 4, "./nothing is not the directory of a run")


def test_the_time_of_a_running_run_is_that_until_now(cli: Cli) -> None:
    """Its record may be as old as its newest checkpoint."""
    folder = write_run(Path("runs"), small_spec(), None, status="running", finished=None, seconds=60.0)
    hour_ago = time.time() - 3600
    os.utime(folder / "run.json", (hour_ago, hour_ago))

    def shown() -> tuple[str, float]:
        (listed,) = json.loads(cli("runs", "list", "--json").stdout)["runs"]
        return listed["state"], json.loads(cli("runs", "show", folder.name, "--json").stdout)["run"]["seconds"]

    assert shown() == ("interrupted", 60)
    with lock_run(folder):
        state, seconds = shown()
    assert state == "running"
    assert seconds >= 3660


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_run_that_is_not_finished_cannot_be_evaluated(status: str, cli: Cli) -> None:
    folder = write_run(Path("runs"), small_spec(), status=status, finished=None)
    refused(
        cli("eval", folder.name),
        4,
        f"run {folder.name} has not finished (status: {status})",
        "run the same training command again",
    )


def test_a_run_without_weights_cannot_be_evaluated(cli: Cli) -> None:
    folder = write_run(Path("runs"), small_spec())
    refused(cli("eval", folder.name), 4, "best.safetensors is missing", "vitreport train --force")


def test_a_damaged_record_is_named_and_the_others_are_listed(cli: Cli) -> None:
    whole, damaged = (write_run(Path("runs"), small_spec(seed)) for seed in (0, 1))
    (damaged / "run.json").write_text("{")
    done = cli("runs", "list", "--each")
    assert done.exit_code == 7
    assert whole.name in done.stdout
    warning, error = done.stderr.splitlines()
    assert warning.startswith(f"warning: {damaged}/run.json: Invalid JSON")
    assert (
        error == f"error: 1 of 2 records damaged: {damaged.name}; hint: restore the files, or delete the damaged runs"
    )
    together = cli("runs", "list").stdout.splitlines()[-1]
    assert "1 done, 1 damaged" in together
    assert "(2)" not in together, "a damaged record is no seed of the mean"


def test_a_result_without_test_images_is_none(cli: Cli) -> None:
    folder = write_run(Path("runs"), small_spec())
    result = json.loads((folder / "result.json").read_text())
    for which in ("selected", "last"):
        result[which]["splits"]["test"]["count"] = 0
    write_json(folder / "result.json", result)
    assert "test.count: Input should be greater than or equal to 1" in cli("runs", "show", folder.name).stderr
