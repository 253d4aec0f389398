"""What is wrong with records, as the reader of a report meets it: it is named, and everything else is there."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.commands import Completed
from tests.records import epoch_record, spec, write_run
from vitreport.records.reader import MAX_BYTES
from vitreport.records.run import ErrorRecord

RUNS = Path("runs")
SWIN = spec("swin", train={"epochs": 2})
DAMAGE = {
    "empty": b"",
    "half": b'{"schema_version": 1, "id": "sw',
    "not UTF-8": b'{"id": "\xff\xfe"}',
    "NaN": b'{"schema_version": NaN}',
    "too large a number": b'{"schema_version": 1e999}',
    "lone surrogate": rb'{"id": "\ud800"}',
    "long number": b"9" * 5000,
    "deep nesting": b"[" * 100_000,
    "wrong types": b'{"schema_version": "1", "id": 7}',
}


@pytest.fixture
def swin() -> Path:
    """A sound run, beside one of another architecture that no fault may touch."""
    write_run(RUNS, spec(train={"epochs": 2}), 0.5)
    return write_run(RUNS, SWIN, 0.6)


def reported(cli: Cli, exit_code: int) -> Completed:
    done = cli("report", "--no-assets")
    assert done.exit_code == exit_code, done.stderr
    assert "Perceiver IO" in done.stdout
    assert "50.0% (49.0 to 51.0)" in done.stdout
    return done


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["run.json", "result.json"])
def test_a_damaged_file_is_named(cli: Cli, swin: Path, name: str, damage: str) -> None:
    (swin / name).write_bytes(DAMAGE[damage])
    done = reported(cli, 7)
    assert f"| `{swin.name}/{name}` |" in done.stdout.split("## Damaged records")[1]
    assert f"warning: runs/{swin.name}/{name}: " in done.stderr
    assert "59.0% to 61.0%" not in done.stdout


def test_torn_repeated_and_backward_epochs_are_skipped_and_named(cli: Cli, swin: Path) -> None:
    first, second = (swin / "metrics.jsonl").read_text().splitlines()
    (swin / "metrics.jsonl").write_text("\n".join([first, second[:50], second, second, first]))
    done = reported(cli, 7)
    damaged = done.stdout.split("## Damaged records")[1]
    assert [f"line {number} skipped" in damaged for number in range(1, 6)] == [False, True, False, True, True]
    assert "60.0% (59.0 to 61.0, single run)" in done.stdout


def test_runs_without_a_result_are_told_apart(cli: Cli, swin: Path) -> None:
    """One at work or dead, which a record cannot tell, is no damage; a folder without any record is."""
    write_run(RUNS, spec("tnt", train={"epochs": 4}), None, status="running")
    done = reported(cli, 0)
    assert "| unfinished | epoch 2 of 4 |" in done.stdout
    (RUNS / spec("mlp-mixer").run_id).mkdir()
    assert f"| `{spec('mlp-mixer').run_id}` | incomplete (no record) |" in reported(cli, 7).stdout


def test_a_link_is_not_followed(cli: Cli, swin: Path) -> None:
    swin.rename("outside")
    swin.symlink_to(Path("outside").resolve())
    done = reported(cli, 7)
    assert f"| `{swin.name}` | is a link, which is not followed |" in done.stdout
    assert "Swin" not in done.stdout


def test_what_a_terminal_would_obey_reaches_none(cli: Cli, swin: Path) -> None:
    hostile = "\x1b[2J\x1b]0;x\x07 \N{RIGHT-TO-LEFT OVERRIDE}gpj.exe <img src=x> | =cmd()"
    error = ErrorRecord(kind="internal", message=hostile)
    write_run(RUNS, spec("tnt", train={"epochs": 2}), None, error=error, changes={"device": hostile})
    done = reported(cli, 0)
    for stream in (done.stdout, done.stderr):
        assert not {"\x1b", "\x07", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(stream)
    assert "<img" not in done.stdout
    assert "gpj.exe &lt;img src=x&gt; \\| =cmd()" in done.stdout


def test_a_very_long_run_is_drawn_in_part_and_that_is_said(cli: Cli, swin: Path) -> None:
    long = spec("tnt", train={"epochs": 1001})
    run = write_run(RUNS, long, 0.4)
    lines = [epoch_record(epoch, long, 0.4).model_dump_json(round_trip=True) + "\n" for epoch in range(1, 1002)]
    (run / "metrics.jsonl").write_text("".join(lines))
    done = cli("report", run.name)
    assert done.exit_code == 0
    assert "One epoch in 3 is drawn." in done.stdout
    assert sum(path.stat().st_size for path in Path("vitreport-assets").iterdir()) < 1_000_000


def test_a_file_that_is_larger_than_any_record_is_not_read(cli: Cli, swin: Path) -> None:
    with (swin / "metrics.jsonl").open("ab") as file:
        file.truncate(MAX_BYTES["metrics.jsonl"] + 1)
    assert f"warning: runs/{swin.name}/metrics.jsonl: is larger than 64 MiB" in reported(cli, 7).stderr
