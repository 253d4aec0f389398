"""The Python API, as a user calls it."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import pytest

import vitreport
from tests.cli.conftest import Cli
from tests.data.makers import write_folder
from tests.records import spec, write_run, write_seeds
from tests.training.small import SMALL, small_spec
from vitreport.errors import RecordError, SpecError
from vitreport.files import write_json
from vitreport.report.blocks import Format
from vitreport.runtime import Runtime
from vitreport.training.events import EpochFinished, Event, Started

READER = """
import sys
import vitreport

assert not {"torch", "pydantic", "numpy", "typer"} & set(sys.modules), "import vitreport is to be fast"
runs = vitreport.load_runs("records")
summary = vitreport.analyze(runs)
print([run.id for run in runs], [group.seeds for group in summary.groups])
print(vitreport.render(summary, "json"))
assert not {"torch", "timm"} & set(sys.modules)
"""


class Tracker(vitreport.Listener):
    """What a tracker of experiments needs of a training."""

    def __init__(self) -> None:
        self.started = 0
        self.logged: list[dict[str, float]] = []
        self.lines: list[str] = []

    def event(self, event: Event) -> None:
        match event:
            case Started():
                self.started += 1
            case EpochFinished():
                self.logged.append({f"{name}/accuracy": split.accuracy for name, split in event.record.splits.items()})

    def note(self, line: str) -> None:
        self.lines.append(line)


def test_a_spec_is_trained_with_a_listener() -> None:
    tracker, runtime = Tracker(), Runtime(device="cpu", threads=1)
    run = vitreport.train(small_spec(), runtime, listener=tracker)
    assert (run.folder.parent, run.record and run.record.status) == (Path("runs"), "done")
    curve = [{f"{name}/accuracy": split.accuracy for name, split in epoch.splits.items()} for epoch in run.epochs]
    assert (tracker.started, tracker.logged) == (1, curve)
    assert tracker.lines[0].startswith(f"training {run.id} on CPU")
    again = vitreport.train(small_spec(), runtime, listener=tracker)
    assert (again, tracker.started) == (run, 1)
    assert tracker.lines[-1].startswith(f"run {run.id} is already done")
    assert vitreport.train(small_spec(), runtime, force=True).folder == Path("runs") / f"{run.id}-r2"


def test_names_are_listed_before_they_are_used() -> None:
    """A notebook completes them."""
    assert {"train", "ablate", "load_runs", "Runtime"} <= set(dir(vitreport))
    assert all(hasattr(vitreport, name) for name in dir(vitreport))


def test_a_runtime_takes_paths_as_text() -> None:
    given = vitreport.Runtime(data_dir="data", cache_dir="cache", runs_dir="out", weights="w.bin")  # type: ignore[arg-type]
    assert given == Runtime(data_dir=Path("data"), cache_dir=Path("cache"), runs_dir=Path("out"), weights=Path("w.bin"))


@pytest.mark.parametrize(
    "wrong", [{"batch_norm": "sync"}, {"threads": 0}, {"trials_per_job": 0}, {"checkpoint_seconds": -1}]
)
def test_a_runtime_refuses_wrong_values(wrong: dict[str, Any]) -> None:
    """It would be recorded as it is, and trained with another one."""
    with pytest.raises(SpecError, match=next(iter(wrong))):
        vitreport.Runtime(**wrong)


def test_a_spec_is_read_from_a_file_a_dictionary_and_a_run() -> None:
    values = {"model": {"name": "swin"}, "data": {"dataset": "digits"}, "train": {"epochs": 3}}
    Path("my.toml").write_text('model.name = "swin"\ndata.dataset = "digits"\ntrain.epochs = 3\n')
    checked = vitreport.read_spec(values)
    folder = write_run(Path("runs"), checked)
    assert (checked.train.epochs, checked.data.num_classes) == (3, 10)
    for source in ("my.toml", Path("my.toml"), folder, str(folder / "spec.json"), checked):
        assert vitreport.read_spec(source) == checked
    assert vitreport.train("my.toml").folder == folder, "a finished run is not trained again"
    with pytest.raises(SpecError) as error:
        vitreport.read_spec({**values, "train": {"epochs": 0, "x": 1}})
    assert {problem.field for problem in error.value.problems} == {"train.epochs", "train.x"}


def test_a_folder_of_images_is_trained_by_its_path() -> None:
    write_folder(Path("elsewhere/own"), size=8)
    values = {**SMALL, "data": {"dataset": "elsewhere/own"}, "train": {"epochs": 1, "batch_size": 2}}
    run = vitreport.train(values, Runtime(device="cpu", threads=1))
    assert (run.spec and run.spec.data.dataset, run.result is not None) == ("own", True)


def test_the_environment_of_the_command_line_changes_no_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("DEVICE", "cuda:7"), ("RUNS_DIR", "elsewhere"), ("THREADS", "9"), ("DATA_DIR", "data")):
        monkeypatch.setenv(f"VITREPORT_{name}", value)
    monkeypatch.setenv("VITREPORT_CACHE_DIR", "cache")
    runtime = Runtime()
    assert runtime == Runtime(device="auto", runs_dir=Path("runs"), threads=None, data_dir=Path("cache/data"))
    assert runtime.cache_dir == Path("cache")


def test_a_spec_is_trained_outside_the_main_thread() -> None:
    """As in a web server, or in a pool of threads; signals are left to the main thread."""
    former = signal.getsignal(signal.SIGTERM)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(vitreport.train, small_spec(), Runtime(device="cpu", threads=1)).result()
    assert run.record is not None
    assert run.record.status == "done"
    assert signal.getsignal(signal.SIGTERM) is former


def test_a_listener_that_fails_ends_the_run_which_can_be_resumed() -> None:
    class Failing(vitreport.Listener):
        def event(self, event: Event) -> None:
            if isinstance(event, EpochFinished):
                raise ConnectionError("no tracker")

    with pytest.raises(ConnectionError):
        vitreport.train(small_spec(), listener=Failing())
    (run,) = vitreport.load_runs()
    assert run.record is not None
    assert (run.record.status, len(run.epochs)) == ("failed", 1)
    assert len(vitreport.train(small_spec()).epochs) == 2


def test_a_finished_run_that_cannot_be_read_is_an_error() -> None:
    folder = write_run(Path("runs"), spec())
    write_json(folder / "spec.json", {})
    with pytest.raises(RecordError):
        vitreport.train(spec())


def test_a_script_reads_analyzes_and_reports_without_torch(cli: Cli) -> None:
    folders = write_seeds(Path("records"), [0.5, 0.6])
    done = subprocess.run([sys.executable, "-c", READER], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    first, document = done.stdout.split("\n", 1)
    assert first == f"{[folder.name for folder in folders]} [(0, 1)]"
    assert json.loads(document) == json.loads(cli("report", "--runs-dir=records", "--format=json").stdout)


@pytest.mark.parametrize("format_", get_args(Format))
def test_a_report_is_that_of_the_command(format_: Format, cli: Cli) -> None:
    write_seeds(Path("runs"), [0.5, 0.6])
    without_figures = ["--no-assets"] if format_ == "markdown" else []
    shown = cli("report", "--format", format_, *without_figures).stdout
    assert vitreport.render(vitreport.analyze(vitreport.load_runs()), format_) == shown


def test_a_part_of_the_runs_can_be_analyzed() -> None:
    write_seeds(Path("runs"), [0.5, 0.6])
    first, _ = vitreport.load_runs(Path("runs"))
    assert [group.seeds for group in vitreport.analyze([first]).groups] == [(0,)]


def test_a_folder_that_does_not_exist_is_an_error() -> None:
    for call in (vitreport.load_runs, vitreport.analyze, lambda folder: vitreport.analyze_study("digits", folder)):
        with pytest.raises(SpecError, match="no such directory: nowhere; hint: use --runs-dir"):
            call("nowhere")


def test_every_name_is_there_and_documented() -> None:
    names = {name for name in vitreport.__all__ if name[0] != "_"} - {"MakeEngine"}  # an alias cannot have a docstring
    assert [name for name in names if not getattr(vitreport, name).__doc__] == []
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        vitreport.nonsense  # noqa: B018


def test_the_package_is_typed() -> None:
    assert (Path(vitreport.__file__).parent / "py.typed").exists()
