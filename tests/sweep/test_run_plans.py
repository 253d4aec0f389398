"""Several sweeps in one queue: all are checked before the first trial, and what there is to say is said once."""

from pathlib import Path

import pytest

from tests.data.makers import write_folder
from tests.sweep.fake_engine import FakeEngine, finish
from vitreport.data.sources import facts_in
from vitreport.errors import DatasetError, VitreportError
from vitreport.records.reader import Run
from vitreport.runtime import Runtime
from vitreport.sweep.engines.engine import Ended
from vitreport.sweep.observer import Observer, Policy
from vitreport.sweep.run import run_plans
from vitreport.sweep.study_plan import StudyRequest, plan_study

SMALL = "patch_size = 4, embed_dim = 8, num_blocks = 1, epochs = 1, batch_size = 5"
LACKING = """
[runs.photographs]
model = "mlp-mixer"
dataset = "cifar10"
"""
PETS = f'model = "mlp-mixer"\ndataset = "./pets"\nset = {{ {SMALL} }}'
OURS = f"[runs.one]\n{PETS}\n[ablations.two]\n{PETS}\nparams.batch_size = [6, 9]"


class Notes(Observer):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def run(
    text: str,
    engine: FakeEngine,
    notes: Notes,
    policy: Policy = Policy(),
    unusable: dict[str, VitreportError] | None = None,
) -> dict[str, Run]:
    """Run a study with one seed over broken photographs and the pets that are there."""
    Path("data").mkdir(exist_ok=True)
    Path("data/cifar-10-python.tar.gz").write_text("<html>not found</html>")
    Path("my.toml").write_text(f'title = "Mine"\n{text}')
    asked = StudyRequest("my.toml", (), "1", ["train.selection=last"])
    plans = list(plan_study(asked, facts_in([Path("data")])).plans.values())
    return run_plans(
        plans,
        Runtime(device="cpu", threads=1, cache_dir=Path("cache")),
        lambda runtime, note: engine,
        policy=policy,
        observer=notes,
        unusable=unusable,
    )


def test_images_that_cannot_be_read_are_found_before_anything_is_trained() -> None:
    write_folder(Path("pets"), count=10)
    engine = FakeEngine(finish)
    with pytest.raises(DatasetError, match=r"^data/cifar-10"):
        run(OURS + LACKING, engine, Notes())
    assert engine.specs == []
    assert not Path("runs").exists()


def test_a_sweep_without_its_images_is_left_out_where_that_is_wanted() -> None:
    write_folder(Path("pets"), count=10)
    engine, notes, unusable = FakeEngine(finish), Notes(), dict[str, VitreportError]()
    runs = run(LACKING + OURS + LACKING.replace("photographs", "more"), engine, notes, unusable=unusable)
    assert len(engine.specs) == len(runs) == 3
    assert [*unusable] == ["my/photographs", "my/more"]
    assert {type(error) for error in unusable.values()} == {DatasetError}
    assert notes.lines[0].startswith("warning: left out: my/photographs, my/more (data/cifar-10")


def test_a_failure_ends_all_sweeps_where_that_is_wanted() -> None:
    write_folder(Path("pets"), count=10)
    engine = FakeEngine(lambda spec: Ended("a bug"), room=1)
    run(OURS, engine, Notes(), Policy(fail_fast=True))
    assert len(engine.specs) == 1


def test_sweeps_share_the_engine_and_a_trial_of_two_is_trained_once() -> None:
    """The engine is filled with trials of both, in the order of the study."""
    write_folder(Path("pets"), count=10)
    engine = FakeEngine(finish, room=9)
    run(OURS.replace("[6, 9]", "[6, 5]"), engine, Notes())
    assert [spec.train.batch_size for spec in engine.specs] == [5, 6]


def test_each_trial_finds_its_images_where_they_are() -> None:
    for folder in ("here/pets", "there/birds"):
        write_folder(Path(folder), count=10)
    engine = FakeEngine(finish)
    birds = PETS.replace("./pets", "there/birds")
    run(f"[runs.one]\n{PETS.replace('./pets', 'here/pets')}\n[runs.two]\n{birds}", engine, Notes())
    assert engine.data_dirs == [Path("here").resolve(), Path("there").resolve()]


def test_a_sweep_without_a_baseline_is_named() -> None:
    write_folder(Path("pets"), count=10)
    notes = Notes()
    run(OURS, FakeEngine(finish), notes)
    assert [line[:30] for line in notes.lines if "no baseline" in line] == ["warning: my/two: no baseline: "]


def test_test_images_that_were_trained_on_are_told_once_a_dataset() -> None:
    """Of three trials in two parts, which find them as well."""
    root = write_folder(Path("pets"), count=10)
    (root / "test" / "dog" / "0000.png").write_bytes((root / "train" / "cat" / "0000.png").read_bytes())
    line = "1 of the 20 test images are also training images: the test accuracy will be too high"
    engine, notes = FakeEngine(finish, line=f"warning: {line}"), Notes()
    run(OURS, engine, notes)
    assert len(engine.specs) == 3
    assert [each for each in notes.lines if "also training images" in each] == [f"warning: pets: {line}"]


def test_a_warning_of_every_trial_is_shown_once() -> None:
    write_folder(Path("pets"), count=10)
    notes = Notes()
    run(OURS, FakeEngine(finish, line="warning: small classes"), notes)
    assert sum("small classes" in line for line in notes.lines) == 1


def test_a_run_by_itself_is_no_sweep_on_record() -> None:
    write_folder(Path("pets"), count=10)
    run(OURS, FakeEngine(finish), Notes())
    assert [file.name.rpartition("-")[0] for file in Path("runs/sweeps").glob("*.json")] == ["my-two"]
