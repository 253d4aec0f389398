"""`vitreport runs export`."""

import csv
import sys
from io import StringIO
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.cli.conftest import Cli
from tests.commands import vitreport
from tests.records import small_spec, write_run


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


def test_the_same_records_give_the_same_bytes(cli: Cli) -> None:
    """In another process with another hash seed, on stdout and in a file."""
    for seed in range(2):
        write_run(Path("runs"), small_spec(seed))
    first, second = cli("runs", "export"), vitreport("runs", "export", environment={"PYTHONHASHSEED": "1"})
    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    assert cli("runs", "export", "-o", "runs.csv").exit_code == 0
    assert Path("runs.csv").read_text() == first.stdout


def test_only_named_runs_are_exported(cli: Cli) -> None:
    folders = [write_run(Path("runs"), small_spec(seed)) for seed in range(3)]
    done = cli("runs", "export", folders[2].name, f"runs/{folders[0].name}")
    assert [row["seed"] for row in rows(done.stdout)] == ["2", "0"]
    of_group = cli("runs", "export", folders[0].name, folders[0].name.removesuffix("-s0"))
    assert [row["seed"] for row in rows(of_group.stdout)] == ["0", "1", "2"]


@pytest.mark.parametrize(("table", "count"), [("runs", 2), ("epochs", 4)])
def test_parquet_holds_the_table_of_the_csv(table: str, count: int, cli: Cli) -> None:
    for seed in range(2):
        write_run(Path("runs"), small_spec(seed))
    text = rows(cli("runs", "export", "--table", table).stdout)
    assert cli("runs", "export", "--table", table, "--format", "parquet", "-o", "it.parquet").exit_code == 0
    found = pyarrow.parquet.read_table("it.parquet")
    assert found.column_names == list(text[0])
    assert found.num_rows == count
    assert found.column("id").to_pylist() == [row["id"] for row in text]
    types = {name: str(found.schema.field(name).type).removeprefix("large_") for name in ("id", "epoch", "seconds")}
    assert types == {"id": "string", "epoch": "int64", "seconds": "double"}


def test_each_run_has_a_log_directory_of_tensorboard(cli: Cli) -> None:
    folders = [write_run(Path("runs"), small_spec(seed)) for seed in range(2)]
    done = cli("runs", "export", "--format", "tensorboard", "--output", "logs")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "2 of 2 runs exported to logs\n")
    assert sorted(path.name for path in Path("logs").iterdir()) == [folder.name for folder in folders]


@pytest.mark.parametrize("options", [(), ("--table", "epochs"), ("--format", "parquet", "-o", "it.parquet")])
def test_damaged_runs_are_named_and_the_rest_exported(options: tuple[str, ...], cli: Cli) -> None:
    damaged, sound = (write_run(Path("runs"), small_spec(seed)) for seed in range(2))
    (damaged / "metrics.jsonl").write_text('{"epoch": 1')
    done = cli("runs", "export", *options)
    assert done.exit_code == 7
    assert f"warning: runs/{damaged.name}/metrics.jsonl: line 1 skipped" in done.stderr
    assert done.stderr.endswith(
        f"error: 1 of 2 records damaged: {damaged.name}; hint: restore the files, or delete the damaged runs\n"
    )
    found = pyarrow.parquet.read_table("it.parquet").to_pylist() if "-o" in options else rows(done.stdout)
    assert {row["id"] for row in found} == {sound.name}


@pytest.mark.parametrize(("format_", "package"), [("parquet", "pyarrow"), ("tensorboard", "tensorboard")])
def test_an_extra_that_is_missing_is_named(
    format_: str, package: str, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the place is found to be missing."""
    write_run(Path("runs"), small_spec())
    monkeypatch.delitem(sys.modules, f"vitreport.export.{format_}", raising=False)
    for module in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    done = cli("runs", "export", "--format", format_, "-o", "no/out")
    assert (done.exit_code, done.stdout) == (6, "")
    assert f'is missing; hint: run pip install "vitreport[{format_}]"' in done.stderr
    assert not Path("no").exists()


@pytest.mark.parametrize("format_", ["parquet", "tensorboard"])
def test_what_is_no_text_needs_a_place(format_: str, cli: Cli) -> None:
    done = cli("runs", "export", "--format", format_)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "-o PATH" in done.stderr


@pytest.mark.parametrize("options", [(), ("--format", "parquet"), ("--format", "tensorboard")])
def test_a_place_that_cannot_be_written_is_named(options: tuple[str, ...], cli: Cli) -> None:
    write_run(Path("runs"), small_spec())
    Path("file").touch()
    done = cli("runs", "export", *options, "-o", "file/it")
    assert done.exit_code == 6
    assert "cannot write file/it" in done.stderr
