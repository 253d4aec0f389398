"""`--compile`: the promises of a run hold for one whose network torch has compiled."""

import json
import shutil
from pathlib import Path

import pytest

from tests.commands import in_a_new_process as vitreport  # the compiler starts processes of its own
from tests.store.children import Driver
from tests.store.identity import differences, only_run, record
from tests.store.options import EVERY_STEP, SHORT

TRAIN = ("train", *SHORT, EVERY_STEP, "--threads=1")
COLD_SECONDS = 250


@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
def test_a_compiled_run_resumes_exactly_and_is_measured_again(driver: Driver, tmp_path: Path) -> None:
    whole, resumed, other = (tmp_path / name for name in ("whole", "resumed", "other"))
    done = vitreport(*TRAIN, "--compile", f"--runs-dir={whole / 'runs'}", timeout=COLD_SECONDS)
    assert done.exit_code == 0, done.stderr
    assert record(only_run(whole))["fingerprint"]["compile"] == "yes"
    for folder in (resumed, other):
        folder.mkdir()
        driver.run(*TRAIN, "--compile", folder=folder, faults=[("killed_before_step", 3)])
    driver.run(*TRAIN, "--compile", folder=resumed)
    assert differences(only_run(whole), only_run(resumed)) == []
    told = driver.run(*TRAIN, "--quiet", folder=other).stderr
    assert told == "warning: compile yes -> no: the bits will differ from those of an uninterrupted run\n"
    measured = vitreport("eval", str(only_run(whole)), "--json")
    assert json.loads(measured.stdout)["agrees"] is True, measured.stderr


def test_without_a_compiler_that_is_told(tmp_path: Path) -> None:
    nowhere = {"CXX": "/nonexistent", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "inductor")}
    done = vitreport(*TRAIN, "--compile", f"--runs-dir={tmp_path / 'runs'}", environment=nowhere)
    *_, told = done.stderr.splitlines()
    assert done.exit_code == 6, done.stderr
    assert told.startswith("error: torch.compile failed: InvalidCxxCompiler: No working C++ compiler found")
    assert "hint: leave --compile out" in told
    assert record(only_run(tmp_path))["error"]["kind"] == "resources"
