"""`--compile`: the promises of a run hold for one whose network torch has compiled."""

import json
import shutil
from pathlib import Path

import pytest

from tests.store.children import Driver
from tests.store.faults import Fault
from tests.store.identity import differences, only_run, record, resumed_at
from tests.store.options import EVERY_STEP, SHORT
from tests.training.small import small_spec
from vitreport.errors import ResourceError
from vitreport.runtime import Runtime
from vitreport.store.session import Session
from vitreport.training import compilation
from vitreport.training.events import Listener

TRAIN = ("train", *SHORT, EVERY_STEP, "--threads=1")
NEEDS_COMPILER = pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([("compiled_without_cpp",)], id="traced"),
        pytest.param([], id="compiled", marks=[pytest.mark.long, NEEDS_COMPILER]),
    ],
)
def test_a_compiled_run_resumes_exactly_and_is_measured_again(
    driver: Driver, tmp_path: Path, faults: list[Fault]
) -> None:
    """Compiling C++ takes half a minute. What vitreport does is the same where torch only traces the network."""
    whole, resumed, other = (tmp_path / name for name in ("whole", "resumed", "other"))
    done = driver.run(*TRAIN, "--compile=on", folder=whole, faults=faults)
    assert done.exit_code == 0, done.stderr
    assert record(only_run(whole))["fingerprint"]["compile"] == "yes"
    driver.run(*TRAIN, "--compile=on", folder=resumed, faults=[*faults, ("killed_before_step", 3)])
    shutil.copytree(resumed, other)
    driver.run(*TRAIN, folder=resumed, faults=faults)  # a run that is resumed keeps its choice
    assert resumed_at(only_run(resumed)) == [3]
    assert differences(only_run(whole), only_run(resumed)) == []
    told = driver.run(*TRAIN, "--quiet", "--compile=off", folder=other).stderr
    assert told == "warning: compile yes -> no: the result will not be bit-identical to that of an uninterrupted run\n"
    measured = driver.run("eval", only_run(whole).name, "--json", folder=whole)
    assert json.loads(measured.stdout)["agrees"] is True, measured.stderr


def test_a_network_that_was_not_compiled_is_not_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ResourceError("torch.compile failed")

    monkeypatch.setattr(compilation, "choose", lambda *_: compilation.Choice(compiles=True, reason=""))
    monkeypatch.setattr(compilation, "compile_network", fail)
    runtime = Runtime(device="cpu", threads=1, cache_dir=tmp_path / "cache")
    session = Session(small_spec(), runtime, tmp_path, (), Listener())
    assert session.compiled
    session.compile()
    assert not session.compiled


def test_without_a_compiler_that_is_told(driver: Driver, tmp_path: Path) -> None:
    cache = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "inductor")}
    faults: list[Fault] = [("compiler_missing",)]
    done = driver.start(*TRAIN, "--compile=on", folder=tmp_path, faults=faults, environment=cache).wait()
    *_, told = done.stderr.splitlines()
    assert done.exit_code == 6, done.stderr
    assert told.startswith("error: torch.compile failed: InvalidCxxCompiler: No working C++ compiler found")
    assert "hint: use --compile off" in told
    assert record(only_run(tmp_path))["error"]["kind"] == "resources"
