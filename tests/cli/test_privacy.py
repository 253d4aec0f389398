"""What commands write where git sees it names neither a user nor a folder of the machine."""

import json
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.test_weights import MIXER
from tests.commands import Completed, vitreport
from tests.data.makers import write_folder
from vitreport.store import session

SIZES = ("--set=model.patch_size=4", "--set=model.embed_dim=8", "--set=model.num_blocks=1", "--epochs=1")
IGNORED = re.compile(r"\.lock|\.lease|.*\.safetensors|predictions\.npz|crash\.txt")
Called = Callable[..., Completed]


@pytest.fixture
def jane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a user whose project is the current folder, and who has an image folder elsewhere."""
    home = tmp_path / "homes" / "jane-doe"
    (home / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "project")
    write_folder(tmp_path / "volumes" / "jane-doe" / "pets", count=20)
    return home


@pytest.fixture
def called(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Called:
    """A command as the console script calls it, which records its own words."""

    def call(*arguments: str) -> Completed:
        monkeypatch.setattr(sys, "argv", ["vitreport", *arguments])
        return cli(*arguments)

    return call


def committed(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and not IGNORED.fullmatch(path.name)]
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode("latin-1") for path in files}


def refuse_names(folder: Path, tmp_path: Path) -> None:
    """Raise where a committed file names the user, the machine or the folder that the test runs in."""
    for name, content in committed(folder).items():
        for told in ("jane-doe", str(tmp_path), json.dumps(platform.node())):
            assert told not in content, (name, told)


def test_nothing_that_is_committed_names_a_user_or_a_machine(called: Called, jane: Path, tmp_path: Path) -> None:
    pets = tmp_path / "volumes" / "jane-doe" / "pets"
    (jane / "my spec.toml").write_text('model.name = "mlp-mixer"\ntrain.batch_size = 5\n')
    runs_dir = f"--runs-dir={jane}/project/runs"
    options = (*SIZES, "--spec", str(jane / "my spec.toml"), "--dataset", str(pets), runs_dir)
    first = called("train", *options, "--data-dir", str(jane))
    assert first.exit_code == 0, first.stderr
    weights = Path(first.stdout.strip()) / "best.safetensors"
    second = called("train", *options, f"--weights={weights}", "--seed=1")
    assert second.exit_code == 0, second.stderr
    argv = json.loads((Path(second.stdout.strip()) / "run.json").read_text())["argv"]
    own = weights.parent.name
    assert argv[5:] == [
        "--spec",
        "~/my spec.toml",
        "--dataset",
        "pets",
        "--runs-dir=./runs",
        f"--weights=./runs/{own}/best.safetensors",
        "--seed=1",
    ]
    for form, file in (("json", "a.json"), ("html", "a.html"), ("markdown", "a.md"), ("csv", "a.csv")):
        assert called("report", runs_dir, "--format", form, "-o", file).exit_code == 0
    assert called("report", own, runs_dir, "--format=model-card", "-o", "card.md").exit_code == 0
    assert called("runs", "export", runs_dir, "-o", "runs.csv").exit_code == 0
    refuse_names(Path.cwd(), tmp_path)


def test_a_sweep_over_data_sets_names_no_folder(called: Called, jane: Path, tmp_path: Path) -> None:
    write_folder(jane / "pets", count=20)
    write_folder(jane / "cars", count=20)
    options = (*SIZES[:-1], "--set=epochs=1", "--set=batch_size=5", "--seeds=1")
    done = vitreport("ablate", "mlp-mixer", *options, "--param", "dataset", f"{jane}/pets,{jane}/cars")
    assert done.exit_code == 0, done.stderr
    assert called("report", "-o", "report.md").exit_code == 0
    (sweep,) = Path("runs/sweeps").glob("*.json")
    (axis,) = json.loads(sweep.read_text())["axes"]
    assert [value["value"] for value in axis["values"]] == ["pets", "cars"]
    refuse_names(Path.cwd(), tmp_path)


def test_an_error_on_record_names_no_folder(
    called: Called, jane: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"cannot read {jane}/x y/z on {platform.node()}, nor {tmp_path}/other/jane-doe/z")

    monkeypatch.setattr(session, "fit", broken)
    assert called(*MIXER, f"--data-dir={jane}/data").exit_code == 1
    (run,) = Path("runs").glob("mlp*")
    record = json.loads((run / "run.json").read_text())
    assert record["error"]["message"] == "RuntimeError: cannot read ~/x y/z on HOST, nor z"
    refuse_names(Path.cwd(), tmp_path)
    crash = (run / "crash.txt").read_text()
    assert "session.py" in crash
    assert "jane-doe" not in crash
