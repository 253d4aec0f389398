"""What need not load torch does not: it takes seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.records import small_spec, write_run
from vitreport.data.registry import ImageRequest
from vitreport.data.sources import open_dataset

HEAVY = {
    "torch",
    "torchvision",
    "timm",
    "perceiver_pytorch",
    "transformer_in_transformer",
    "scipy",
    "sklearn",
    "matplotlib",
    "pandas",
    "pyarrow",
    "tensorboard",
}
HEAVY_AND_NUMPY = HEAVY | {"numpy", "PIL"}
CHILD = f"""
import json, sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from vitreport.cli.main import run

found = {{}}
for arguments in json.loads(sys.argv[1]):
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        exit_code = run(arguments)
    found[" ".join(arguments)] = [exit_code, *sorted({HEAVY_AND_NUMPY} & set(sys.modules))]
print(json.dumps(found))
"""
RUNS = 200


def test_reading_and_checking_load_nothing_heavy() -> None:
    """One process runs the commands one after the other; the first that loads too much is the first that says so."""
    specs = [small_spec(train={"batch_size": number}) for number in range(1, RUNS + 1)]
    first, second = [write_run(Path("runs"), each).name for each in specs][:2]
    expected = {
        "--help": 0,
        "--version": 0,
        "train --help": 0,
        "eval --help": 0,
        "predict --help": 0,
        "explain --help": 0,
        "export-model --help": 0,
        "push --help": 0,
        "ablate --help": 0,
        "models list": 0,
        "datasets list": 0,
        "spec show perceiver-io --dataset digits": 0,
        "spec show timm/resnet18 --dataset digits": 0,
        f"spec check runs/{first}/spec.json": 0,
        "runs list": 0,
        "runs list --json": 0,
        "runs export": 0,
        "runs export --table epochs": 0,
        f"runs show {first}": 0,
        f"runs diff {first} {second}": 0,
        f"runs delete {first} --dry-run": 0,
        "runs gc --checkpoints --dry-run": 0,
        "study list": 0,
        "study show small-images": 0,
        "study status small-images": 0,
        "report --help": 0,
        "runs show nothing": 2,
        "train --bogus": 2,
        "train percever-io --dataset cifr10 --set foo=1": 2,
        "eval nothing": 2,
        "predict nothing nothing.png": 3,
        "explain nothing nothing.png -o a.png": 3,
        "explain nothing -o a.png": 2,
        "export-model nothing": 2,
        "push nothing me/digits": 2,
        f"predict nothing runs/{first}/spec.json": 2,
    }
    assert loaded(list(expected)) == {command: [exit_code] for command, exit_code in expected.items()}


def test_a_finished_run_is_known_without_torch() -> None:
    run_id = write_run(Path("runs"), small_spec()).name
    decode_digits()
    command = f"train --spec runs/{run_id}/spec.json"
    exit_code, *modules = loaded([command])[command]
    assert exit_code == 0
    assert HEAVY & set(modules) == set()


def test_means_over_seeds_are_told_without_torch() -> None:
    group = write_run(Path("runs"), small_spec(0)).name.removesuffix("-s0")
    write_run(Path("runs"), small_spec(1), 0.6)
    commands = ["runs list", f"runs diff {group} {group}"]
    assert loaded(commands) == {command: [0, "numpy", "scipy"] for command in commands}


def test_a_study_is_reported_without_torch() -> None:
    command = "report --study small-images -o report.md"
    exit_code, *modules = loaded([command])[command]
    assert exit_code == 0
    assert {"torch", "torchvision", "timm", "matplotlib"} & set(modules) == set()


def test_a_finished_sweep_is_known_without_torch() -> None:
    run_id = write_run(Path("runs"), small_spec()).name
    batch_size = small_spec().train.batch_size
    command = f"ablate --spec runs/{run_id}/spec.json --seeds 1 --param batch_size {batch_size}"
    assert loaded([command, f"{command},0"]) == {command: [0], f"{command},0": [2]}


def loaded(commands: list[str]) -> dict[str, list[int | str]]:
    """The exit code of each command, and the heavy modules that are loaded after it."""
    words = json.dumps([command.split() for command in commands])
    child = subprocess.run(
        [sys.executable, "-c", CHILD, words], capture_output=True, text=True, timeout=120, check=True
    )
    found: dict[str, list[int | str]] = json.loads(child.stdout)
    return found


def decode_digits() -> None:
    open_dataset(ImageRequest("digits", 8, Path("data"), Path(os.environ["VITREPORT_CACHE_DIR"])))


def test_the_list_of_commands_loads_no_pydantic() -> None:
    """The commands are then shown in half the time."""
    program = "import sys; from vitreport.cli.main import run; run(['--help']); sys.exit('pydantic' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
