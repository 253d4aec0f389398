"""Several sweeps one after another: what lacks its images is left out, and what there is to say is said once."""

from pathlib import Path

import pytest

from tests.data.makers import write_folder
from tests.sweep.fake_engine import FakeEngine, finish
from vitreport.data.sources import facts_in
from vitreport.errors import ImagesError
from vitreport.runtime import Runtime
from vitreport.sweep.engines.engine import Ended
from vitreport.sweep.run import PATIENT, Observer, Policy
from vitreport.sweep.run_plans import Outcome, run_plans
from vitreport.sweep.study_plan import StudyRequest, plan_study

SMALL = "patch_size = 4, embed_dim = 8, num_blocks = 1, epochs = 1, batch_size = 5"
LACKING = """
[runs.photographs]
model = "mlp-mixer"
dataset = "cifar10"
[runs.more]
model = "swin"
dataset = "cifar10"
[runs.missing]
model = "mlp-mixer"
dataset = "./nowhere"
"""
PETS = f'model = "mlp-mixer"\ndataset = "./pets"\nset = {{ {SMALL} }}'
OURS = f"[runs.one]\n{PETS}\n[ablations.two]\n{PETS}\nparams.batch_size = [6, 9]"


class Notes(Observer):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def run(text: str, engine: FakeEngine, notes: Notes, policy: Policy = PATIENT, only: tuple[str, ...] = ()) -> Outcome:
    """Run a study with one seed over broken photographs and the pets that are there."""
    Path("data").mkdir(exist_ok=True)
    Path("data/cifar-10-python.tar.gz").write_text("<html>not found</html>")
    Path("my.toml").write_text(f'title = "Mine"\n{text}')
    asked = StudyRequest("my.toml", only, "1", ["train.selection=last"])
    planned = plan_study(asked, facts_in([Path("data")]))
    return run_plans(
        list(planned.available.values()),
        Runtime(device="cpu", threads=1, cache_dir=Path("cache")),
        lambda runtime, note: engine,
        unavailable=planned.unavailable,
        policy=policy,
        observer=notes,
    )


def test_what_lacks_its_images_costs_the_rest_nothing() -> None:
    write_folder(Path("pets"), count=10)
    engine, notes = FakeEngine(finish), Notes()
    outcome = run(LACKING + OURS, engine, notes)
    assert [spec.train.batch_size for spec in engine.specs] == [5, 6, 9], "also what stands behind them is trained"
    assert set(outcome.left_out) == {"my/photographs", "my/more", "my/missing"}
    with pytest.raises(ImagesError) as caught:
        outcome.refuse_left_out()
    folder, archive = caught.value.lines()
    assert "nowhere is not a folder; left out: my/missing; hint: give a folder of images" in folder
    assert archive.startswith("data/cifar-10-python.tar.gz")
    assert "left out: my/photographs, my/more; hint: " in archive
    assert caught.value.exit_code == 3


def test_a_sweep_by_itself_and_one_that_fails_fast_raise_at_once() -> None:
    engine, notes = FakeEngine(finish), Notes()
    with pytest.raises(ImagesError, match="cifar-10"):
        run(LACKING, engine, notes, only=("photographs",))
    with pytest.raises(ImagesError, match="nowhere is not a folder"):
        run(LACKING + OURS, engine, notes, Policy(fail_fast=True))
    assert engine.specs == []


def test_a_failure_ends_all_sweeps_where_that_is_wanted() -> None:
    write_folder(Path("pets"), count=10)
    engine, notes = FakeEngine(lambda spec: Ended("a bug"), room=1), Notes()
    outcome = run(OURS, engine, notes, Policy(fail_fast=True))
    assert ([plan.name for plan in outcome.plans], len(engine.specs)) == (["my/one"], 1)


def test_test_images_that_were_trained_on_are_told_once_a_dataset() -> None:
    """Of three trials in two parts, which find them as well."""
    root = write_folder(Path("pets"), count=10)
    (root / "test" / "dog" / "0000.png").write_bytes((root / "train" / "cat" / "0000.png").read_bytes())
    line = "1 of the 20 test images are also training images: the test accuracy will be too high"
    engine, notes = FakeEngine(finish, line=f"warning: {line}"), Notes()
    run(OURS, engine, notes)
    assert len(engine.specs) == 3
    assert [each for each in notes.lines if "also training images" in each] == [f"warning: pets: {line}"]


def test_a_run_by_itself_is_no_sweep_on_record() -> None:
    write_folder(Path("pets"), count=10)
    run(OURS, FakeEngine(finish), Notes())
    assert [file.name.rpartition("-")[0] for file in Path("runs/sweeps").glob("*.json")] == ["my-two"]
