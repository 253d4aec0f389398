"""Tables hold what the records hold, and CSV carries it without loss and without formulas."""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import TIME, run_record, small_spec, write_run
from tests.spec.composing import MIXER, composed
from vitreport.export.table import Kind, RecordTable, epochs_table, moment, runs_table
from vitreport.privacy import without_paths
from vitreport.records.reader import Damage, Run, read_run
from vitreport.records.run import ErrorRecord

HOSTILE = ["=cmd|'/c calc'!A0", "+1", "-2+3", "@SUM(A1)", " =1", "\t=1", "\r\n=1", "\u202e=1", "\x1b=1", "\uff1d1"]


def runs(*seeds: int) -> list[Run]:
    return [read_run(write_run(Path("runs"), small_spec(seed))) for seed in seeds]


def parsed(table: RecordTable) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(table.as_csv(), newline="")))


def cell(value: str | float | bool | None, kind: Kind) -> str:
    (row,) = parsed(RecordTable({"before": "integer", "it": kind}, [{"before": 1, "it": value}]))
    return row["it"]


def test_a_run_is_one_row_with_its_spec_results_cost_and_provenance() -> None:
    first, second = parsed(runs_table(runs(0, 1)))
    assert first.pop("id") == first["group"] + "-s0"
    assert second.pop("id") == second["group"] + "-s1"
    assert (first.pop("seed"), second.pop("seed")) == ("0", "1")
    assert (first.pop("seconds"), second.pop("seconds")) == ("600.0", "601.0")
    assert first == second
    expected = {
        "status": "done",
        "epoch": "2",
        "model.latent_dim": "8",
        "optimizer.learning_rate": "0.0003",
        "optimizer.betas": "[0.9, 0.999]",
        "train.clip_norm": "",
        "train.monitor_test": "false",
        "selected.epoch": "2",
        "selected.test.accuracy": "0.5",
        "selected.train.accuracy": str(711 / 1293),
        "throughput.training_images_per_second": "",
        "cost.parameters": "1504662",
        "peak_memory_bytes": "1000000000",
        "started": TIME,
        "data.canonical": "true",
        "data.counts.test": "360",
        "git.commit": "0123456789abcdef0123456789abcdef",
        "command": "vitreport train perceiver-io",
    }
    assert {name: first[name] for name in expected} == expected


def test_an_epoch_is_one_row() -> None:
    rows = parsed(epochs_table(runs(0, 3)))
    assert [(row["seed"], row["epoch"], row["train.accuracy"]) for row in rows] == [
        ("0", "1", str(606 / 1293)),
        ("0", "2", str(644 / 1293)),
        ("3", "1", str(606 / 1293)),
        ("3", "2", str(644 / 1293)),
    ]
    assert {row["test.accuracy"] for row in rows} == {""}


def test_architectures_share_a_table_section_by_section() -> None:
    folders = [write_run(Path("runs"), each) for each in (small_spec(), composed(MIXER).spec)]
    table = runs_table(map(read_run, folders))
    assert table.column("model.name") == ["perceiver-io", "mlp-mixer"]
    assert table.column("model.latent_dim") == [8, None]
    sections = list(dict.fromkeys(name.partition(".")[0] for name in table.kinds))
    assert sections[4:10] == ["model", "data", "optimizer", "schedule", "train", "seed"]


def test_a_field_of_several_types_is_text() -> None:
    arguments: list[dict[str, object]] = [{"a": 1, "b": 1, "c": True}, {"a": "x", "b": 0.5, "c": "x"}]
    models = [{"name": "timm", "architecture": "resnet18", "arguments": each} for each in arguments]
    folders = [write_run(Path("runs"), composed({"model": model}).spec) for model in models]
    table = runs_table(map(read_run, folders))
    names = [f"model.arguments.{letter}" for letter in "abc"]
    assert [table.kinds[name] for name in names] == ["text", "number", "text"]
    assert [table.column(name) for name in names] == [["1", "x"], [1.0, 0.5], ["true", "x"]]


def test_without_runs_the_columns_are_still_there() -> None:
    assert epochs_table([]).as_csv().startswith("id,group,seed,epoch,")
    assert runs_table([]).as_csv().count("\n") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula_or_holds_control_characters(text: str) -> None:
    error = ErrorRecord(kind="internal", message=text)
    (row,) = parsed(runs_table([read_run(write_run(Path("runs"), small_spec(), error=error))]))
    assert row["error.message"] == "'" + "".join(filter(str.isprintable, without_paths(text)))


@given(st.text())
def test_text_is_kept_but_for_what_is_dangerous(text: str) -> None:
    shown = cell(text, "text")
    assert shown.isprintable()
    assert not shown.lstrip().startswith(("=", "+", "-", "@"))
    assert shown.removeprefix("'") == "".join(filter(str.isprintable, text)).removeprefix("'")


@given(st.floats(allow_nan=False))
def test_numbers_keep_all_their_digits_and_their_sign(number: float) -> None:
    assert float(cell(number, "number")) == number


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_whole_numbers_are_whole(number: int) -> None:
    assert int(cell(number, "integer")) == number


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1970-01-01T00:01:00Z", 60), ("1970-01-01T01:01:00+01:00", 60), ("1970-01-01", 0), ("now", None), (None, None)],
)
def test_a_time_is_that_of_utc(text: str | None, seconds: float | None) -> None:
    found = moment(text)
    assert (found and found.timestamp()) == seconds


def test_a_count_that_no_table_can_hold_is_damage() -> None:
    folder = write_run(Path("runs"), small_spec())
    content = run_record(folder.name, small_spec()).model_copy(update={"step": 2**63}).model_dump_json()
    (folder / "run.json").write_text(content)
    assert places(read_run(folder).damage) == ["run.json: step"]


def places(damage: Sequence[Damage]) -> list[str]:
    return [": ".join(line.split(": ")[:2]) for line in map(str, damage)]
