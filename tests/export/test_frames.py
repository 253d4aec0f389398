"""`vitreport.runs_frame` and `vitreport.epochs_frame`."""

import re
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

import vitreport
from tests.records import small_spec, write_run
from tests.test_contracts import ROOT
from vitreport.errors import SpecError
from vitreport.export.table import EPOCH_COLUMNS, RESULT_COLUMNS, RUN_COLUMNS
from vitreport.records.measurement import SPLITS


def test_runs_have_numbers_where_there_are_numbers() -> None:
    for seed in range(3):
        write_run(Path("runs"), small_spec(seed))
    runs = vitreport.runs_frame()
    assert runs.groupby("group")["selected.test.accuracy"].mean().tolist() == [0.5]
    assert runs["seed"].tolist() == [0, 1, 2]
    assert runs["started"].dt.year.tolist() == [2026] * 3
    types = {name: str(runs[name].dtype) for name in ("id", "seed", "train.clip_norm", "data.canonical", "git.dirty")}
    assert types == {
        "id": "string",
        "seed": "Int64",
        "train.clip_norm": "float64",
        "data.canonical": "boolean",
        "git.dirty": "boolean",
    }


def test_types_are_those_of_a_folder_without_runs() -> None:
    Path("runs").mkdir()
    empty = {load: load().dtypes.to_dict() for load in (vitreport.runs_frame, vitreport.epochs_frame)}
    write_run(Path("runs"), small_spec())
    for load, types in empty.items():
        found = load().dtypes.to_dict()
        assert {name: found[name] for name in types} == types


def test_epochs_are_joined_to_their_runs() -> None:
    write_run(Path("elsewhere"), small_spec(7))
    both = vitreport.epochs_frame("elsewhere").merge(vitreport.runs_frame(Path("elsewhere")), on="id")
    assert both["train.accuracy"].tolist() == [606 / 1293, 644 / 1293]
    assert both["train.batch_size"].tolist() == [128, 128]


def test_damaged_runs_are_left_out_and_named_once() -> None:
    sound, torn, other = (write_run(Path("runs"), small_spec(seed)) for seed in range(3))
    (torn / "result.json").write_text("{")
    (other / "run.json").unlink()
    with pytest.warns(
        UserWarning, match=rf"^2 damaged runs left out: {torn.name} .* and {other.name} \(run.json"
    ) as told:
        runs = vitreport.runs_frame()
    assert runs["id"].tolist() == [sound.name]
    assert [warning.filename for warning in told] == [__file__]


def test_a_time_that_is_none_is_missing() -> None:
    write_run(Path("runs"), small_spec(), started="yesterday", finished="9999-12-31T23:59:59Z")
    (run,) = vitreport.runs_frame().to_dict("records")
    assert run["started"] is pandas.NaT
    assert run["finished"].year == 9999


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(SpecError, match="no such directory: nowhere; hint: "):
        vitreport.runs_frame("nowhere")


def test_the_example_of_the_guide_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(2):
        write_run(Path("runs"), small_spec(seed))
    guide = (ROOT / "docs/guides/export.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    exec(example, {})
    assert re.search(r"digits +perceiver-io-digits-\w+ +0\.5 +0\.0 +2$", capsys.readouterr().out, re.MULTILINE)


def test_every_column_is_documented() -> None:
    """`selected.*`, `last.*` and `data.counts.*` stand for several columns."""
    guide = (ROOT / "docs/guides/export.md").read_text(encoding="utf-8")
    runs, epochs = (set(re.findall(r"`([^`]+)`", part)) for part in guide.split("\n## Columns of ")[1:])
    families = tuple(name.removesuffix("*") for name in runs if name.endswith(".*"))
    assert {"selected.", "last.", "data.counts."} < set(families)
    assert [
        name for name in (*RUN_COLUMNS, *RESULT_COLUMNS) if name not in runs and not name.startswith(families)
    ] == []
    assert {"accuracy", "loss", "top5", "count", *SPLITS} < runs
    assert set(EPOCH_COLUMNS) - epochs == set()


def test_importing_vitreport_loads_nothing() -> None:
    code = "import sys, vitreport; print({'pandas', 'torch', 'numpy', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "set()\n"


def test_what_is_not_there_is_no_attribute() -> None:
    assert not hasattr(vitreport, "load_everything")
