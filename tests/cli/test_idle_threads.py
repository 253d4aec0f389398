"""Commands and workers make idle threads sleep soon, before torch is loaded, and keep what the user has set."""

import json
import os
import subprocess
import sys

import pytest

from vitreport.runtime import SHORT_SPIN, SPIN_VARIABLES

CHILD = """
import atexit, json, os, sys
sys.argv, before = ["vitreport", "--version"], dict(os.environ)
from vitreport.cli.main import main
atexit.register(lambda: print(json.dumps({name: os.environ[name] for name in set(os.environ) - set(before)})))
main()
"""
WORKER = """
import json, os, sys
from vitreport.runtime import Runtime
from vitreport.sweep.engines import local

class Torch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(json.dumps({name: os.environ[name] for name in set(os.environ) - set(before)}), flush=True)
            os._exit(0)

before = dict(os.environ)
local._end_with = lambda parent: None
sys.meta_path.insert(0, Torch())
local.train_each(None, Runtime(), ())
"""
TORCH_FIRST = 'import sys, types; sys.modules["torch"] = types.ModuleType("torch")'


def added(given: dict[str, str], before: str = "", child: str = CHILD) -> dict[str, str]:
    """The variables that a process adds to those of its environment, by default `vitreport --version`."""
    environment = {name: value for name, value in os.environ.items() if name not in SPIN_VARIABLES}
    command = [sys.executable, "-c", before + child]
    done = subprocess.run(command, env=environment | given, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_idle_threads_sleep_soon() -> None:
    assert added({}) == SHORT_SPIN


def test_idle_threads_of_a_worker_sleep_soon() -> None:
    assert added({}, child=WORKER) == SHORT_SPIN


@pytest.mark.parametrize("name", SPIN_VARIABLES)
def test_what_the_user_has_set_is_kept(name: str) -> None:
    assert added({name: "passive" if name == "OMP_WAIT_POLICY" else "7"}) == {}


def test_nothing_changes_where_torch_is_loaded() -> None:
    assert added({}, TORCH_FIRST) == {}
