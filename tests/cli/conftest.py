import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.commands import TINY, TRAIN, Completed
from tests.remembered import remember_costs, remember_drawings
from vitreport.cli.main import run
from vitreport.training import throughput

Cli = Callable[..., Completed]
STUDY = f"""
title = "A study of one run"
[runs.digits]
model = "perceiver-io"
dataset = "digits"
[runs.digits.set]
{chr(10).join(option.removeprefix("--set=") for option in TINY[:-2])}
train.batch_size = 20
train.epochs = 3
"""


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, _hurried: None) -> Cli:
    """Run a command inside this process, whose environment is then as it was, in a hurry."""
    for name in ("NO_COLOR", "FORCE_COLOR", "VITREPORT_DEBUG"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def call(*arguments: str) -> Completed:
        exit_code = run(arguments)
        written = capsys.readouterr()
        return Completed(exit_code, written.out, written.err)

    return call


@pytest.fixture(scope="session")
def _hurried() -> Iterator[None]:
    """Draw figures and measure costs once, and speeds in a moment."""
    with pytest.MonkeyPatch.context() as patch:
        remember_drawings(patch.setattr)
        remember_costs(patch.setattr)
        patch.setattr(throughput, "SECONDS", 0.0)
        yield


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, the output of its quiet training, a spec, a study, an image and decoded digits."""
    folder = tmp_path_factory.mktemp("home")
    Image.new("RGB", (9, 8), "red").save(folder / "image.png")
    (folder / "my.toml").write_text('model.name = "swin"')
    (folder / "study.toml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("VITREPORT_CACHE_DIR", str(folder / "cache"))
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            assert run([*TRAIN, "--quiet"]) == 0
    (folder / "stdout").write_text(out.getvalue())
    (folder / "stderr").write_text(err.getvalue())
    return folder


@pytest.fixture
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder is the one with a finished run, which a test must leave as it is."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("VITREPORT_CACHE_DIR", str(home / "cache"))
    return home
