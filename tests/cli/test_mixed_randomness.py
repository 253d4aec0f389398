"""Seeds of one group that two randomness versions have drawn: whoever summarises the group warns."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.small_sweep import BASE, written
from tests.records import small_spec
from vitreport.files import write_json

GROUP = small_spec(train={"batch_size": 16}).run_id.removesuffix("-s0")
MIXED = f"{GROUP} mixes randomness versions 1 (seeds 0, 1) and 2 (seed 2)"
WARNING = f"warning: {MIXED}; to train a seed again, use `vitreport train --force`"


@pytest.fixture(autouse=True)
def runs() -> None:
    """Three seeds of a batch size with two versions, and of another one with the same."""
    written({16: [0.50, 0.51, 0.52], 128: [0.60, 0.61, 0.62]})
    for batch_size, seeds in ((16, [2]), (128, [0, 1, 2])):
        for seed in seeds:
            path = Path("runs", small_spec(seed, train={"batch_size": batch_size}).run_id, "run.json")
            content = json.loads(path.read_text())
            content["fingerprint"]["randomness"] = "2"
            write_json(path, content)


@pytest.mark.parametrize(
    "command",
    [
        ("runs", "list"),
        ("runs", "list", "--json"),
        ("runs", "show", GROUP),
        ("runs", "show", GROUP, "--json"),
        ("runs", "diff", GROUP, small_spec(train={"batch_size": 128}).run_id.removesuffix("-s0")),
        ("ablate", *BASE, "--param", "batch_size", "16,128", "--seeds", "3"),
        ("report", "--no-assets"),
        ("report", "--format", "json"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_group_of_two_versions_is_warned_of(cli: Cli, command: tuple[str, ...]) -> None:
    done = cli(*command)
    assert done.exit_code == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "randomness" in line] == [WARNING]


def test_a_report_says_so_too(cli: Cli) -> None:
    document = cli("report", "--no-assets").stdout.replace("<!-- -->", "")
    assert f"- {MIXED}: the same seed gives different random numbers in each version.\n" in document
    assert json.loads(cli("report", "--format", "json").stdout)["mixed_randomness"] == [MIXED]
