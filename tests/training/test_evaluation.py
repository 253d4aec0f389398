"""`vitreport eval` measures what training measured, to the last digit."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.commands import vitreport
from tests.data.makers import write_folder
from tests.training.small import small_spec
from vitreport.errors import DatasetError, RecordError
from vitreport.records.reader import Run, read_run
from vitreport.runtime import Runtime
from vitreport.store.evaluation import Evaluation, SplitName, evaluate_runs
from vitreport.store.train import train_run
from vitreport.training.events import Listener

SILENT = Listener()
SEEDS = range(20)


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    home = tmp_path_factory.mktemp("home")
    return Runtime(
        device="cpu",
        data_dir=home / "data",
        cache_dir=home / "cache",
        runs_dir=home / "runs",
        compile="off",
        threads=1,
        checkpoint_seconds=1000,
    )


@pytest.fixture(scope="session")
def trained(runtime: Runtime) -> Path:
    """A run of which the selected epoch is not the last."""
    for seed in SEEDS:
        spec = small_spec(
            data={"limit": 200}, train={"epochs": 4}, optimizer={"name": "adamw", "learning_rate": 0.05}, seed=seed
        )
        folder = train_run(spec, runtime, force=False, argv=(), listener=SILENT)
        result = read_run(folder).result
        if result and result.selected.epoch != result.last.epoch:
            return folder
    pytest.fail("no seed gives such a run")


def evaluate(run: Run, runtime: Runtime, **changes: Any) -> Evaluation:
    arguments: dict[str, Any] = {"split": "test", "dataset": None, **changes}
    return evaluate_runs([run], data_dirs=[runtime.data_dir], runtime=runtime, listener=SILENT, **arguments)


@pytest.mark.parametrize("split", get_args(SplitName))
def test_every_digit_is_the_recorded_one(trained: Path, runtime: Runtime, split: str) -> None:
    run = read_run(trained)
    assert run.result
    found = evaluate(run, runtime, split=split)
    recorded = run.result.selected.splits[split]
    assert found.recorded == (recorded,)
    assert found.measurement == recorded
    if split == "test":
        assert found.details == run.result.test


def test_process_agrees(trained: Path, runtime: Runtime) -> None:
    done = vitreport("eval", str(trained), "--json", environment={"VITREPORT_CACHE_DIR": str(runtime.cache_dir)})
    assert done.exit_code == 0, done.stderr
    values = json.loads(done.stdout)
    run = read_run(trained)
    assert run.result
    assert values["agrees"] is True
    assert values["measurement"] == run.result.selected.splits["test"].model_dump(mode="json")


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / trained.name))


def test_missing_weights_are_told(copied: Path, runtime: Runtime) -> None:
    (copied / "best.safetensors").unlink()
    with pytest.raises(RecordError, match=r"best\.safetensors is missing"):
        evaluate(read_run(copied), runtime)


def test_damaged_weights_are_never_measured(copied: Path, runtime: Runtime) -> None:
    content = bytearray((copied / "best.safetensors").read_bytes())
    content[-1] ^= 1
    (copied / "best.safetensors").write_bytes(content)
    with pytest.raises(RecordError, match=r"best\.safetensors is damaged \(sha256 differs\)"):
        evaluate(read_run(copied), runtime)


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_unfinished_run_is_not_measured(copied: Path, runtime: Runtime, status: str) -> None:
    run = read_run(copied)
    assert run.record
    unfinished = replace(run, record=run.record.model_copy(update={"status": status}), result=None)
    with pytest.raises(RecordError, match=f"status: {status}"):
        evaluate(unfinished, runtime)


@pytest.mark.parametrize("name", ["run.json", "spec.json", "result.json"])
def test_unreadable_record_is_told(copied: Path, runtime: Runtime, name: str) -> None:
    (copied / name).write_bytes(b"{}")
    with pytest.raises(RecordError, match=f"cannot be read: {name}: "):
        evaluate(read_run(copied), runtime)


@pytest.mark.parametrize("threads", [None, "", "many", "0", "9" * 30])
def test_record_without_usable_threads_is_told(copied: Path, runtime: Runtime, threads: str | None) -> None:
    """A record may come from somebody else."""
    values = json.loads((copied / "run.json").read_text())
    values["fingerprint"].pop("threads")
    if threads is not None:
        values["fingerprint"]["threads"] = threads
    (copied / "run.json").write_text(json.dumps(values))
    with pytest.raises(RecordError, match="threads"):
        evaluate(read_run(copied), replace(runtime, threads=None))
    assert evaluate(read_run(copied), runtime).measurement


def test_record_without_the_split_has_nothing_to_compare_with(copied: Path, runtime: Runtime) -> None:
    values = json.loads((copied / "result.json").read_text())
    del values["selected"]["splits"]["train"]
    (copied / "result.json").write_text(json.dumps(values))
    assert evaluate(read_run(copied), runtime, split="train").recorded == ()


def test_other_images_of_the_same_classes_are_measured(trained: Path, runtime: Runtime, tmp_path: Path) -> None:
    write_folder(tmp_path / "digits-too", classes=tuple(map(str, range(10))))
    run = read_run(trained)
    assert run.record
    found = evaluate(run, runtime, dataset=str(tmp_path / "digits-too"))
    assert found.measurement.count == 30
    assert found.recorded == ()
    assert found.canonical is False
    assert found.data_fingerprint != run.record.data.fingerprint
    with pytest.raises(DatasetError, match="no held-out images"):
        evaluate(run, runtime, dataset=str(tmp_path / "digits-too"), split="val")


def test_too_few_other_images_are_not_held_out_in_vain(trained: Path, runtime: Runtime, tmp_path: Path) -> None:
    """The fraction of the run does not matter: these images are of no split of its training."""
    write_folder(tmp_path / "few", classes=tuple(map(str, range(10))), count=1)
    with pytest.raises(DatasetError, match="no held-out images") as error:
        evaluate(read_run(trained), runtime, dataset=str(tmp_path / "few"), split="val")
    assert "--split test" in error.value.hint


DIGITS = tuple(map(str, range(10)))


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (("cat", "dog"), "it has classes that the run does not have: cat and dog and no images of 0, 1, 2, 3, 4 and 5"),
        (DIGITS[1:], "it has no images of 0"),
        ((*DIGITS, "x"), "it has classes that the run does not have: x"),
        (DIGITS, "it has the classes of the run in another order"),
    ],
)
def test_images_of_other_classes_are_refused(
    copied: Path, runtime: Runtime, tmp_path: Path, classes: tuple[str, ...], said: str
) -> None:
    if classes == DIGITS:
        values = json.loads((copied / "run.json").read_text())
        values["data"]["classes"].reverse()
        (copied / "run.json").write_text(json.dumps(values))
    write_folder(tmp_path / "it", classes=classes)
    with pytest.raises(DatasetError, match=said) as error:
        evaluate(read_run(copied), runtime, dataset=str(tmp_path / "it"))
    assert error.value.hint == "use images of the same classes, with the same directory names"


def test_changed_images_are_refused(copied: Path, runtime: Runtime) -> None:
    values = json.loads((copied / "run.json").read_text())
    values["data"]["fingerprint"] = "f" * 64
    (copied / "run.json").write_text(json.dumps(values))
    with pytest.raises(DatasetError, match="was trained on other images"):
        evaluate(read_run(copied), runtime)
