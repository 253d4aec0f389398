"""Several seeds as one result in `runs list` and `runs diff`."""

import json
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.cli.conftest import Cli
from tests.cli.small_sweep import BASE, write_result, written
from tests.records import small_spec, write_run
from vitreport.analysis import groups
from vitreport.cli.commands import runs as commands
from vitreport.files import write_json

SMALL, LARGE = (small_spec(train={"batch_size": size}).run_id.removesuffix("-s0") for size in (16, 128))


def listed(cli: Cli, *options: str) -> list[str]:
    done = cli("runs", "list", *options)
    assert done.exit_code == 0, done.stderr
    return done.stdout.splitlines()


def test_seeds_are_one_line_with_mean_and_half_width(cli: Cli) -> None:
    written({16: [0.50, 0.51, 0.52], 128: [0.6]})
    _, *lines = (line.split() for line in listed(cli))
    assert next(line[:17] for line in lines if line[0] == SMALL) == [
        SMALL,
        "3",
        "done",
        "2/2",
        *["50.69%", "(n", "=", "3,", "equal", "values)"],
        *["51.00%", "(48.52", "to", "53.48,", "n", "=", "3)"],
    ]
    assert [f"{LARGE}-s0", "done", "2/2", "50.69%", "60.00%"] == next(line[:5] for line in lines if line[0] != SMALL)
    assert len(listed(cli, "--each")) == 1 + 4
    assert len(json.loads(cli("runs", "list", "--json").stdout)["runs"]) == 4


@pytest.mark.parametrize("options", [[], ["--each"], ["--json"]])
def test_a_list_groups_once_and_writes_no_commands(options: list[str], cli: Cli) -> None:
    written({16: [0.50, 0.51], 128: [0.6]})
    with (
        patch.object(commands, "group_runs", wraps=groups.group_runs) as grouping,
        patch.object(groups, "spec_command") as command,
    ):
        listed(cli, *options)
    assert (grouping.call_count, command.call_count) == (1, 0)


def test_what_diverged_and_what_was_trained_anew_is_told(cli: Cli) -> None:
    written({16: [0.50, None, 0.52]})
    anew = Path("runs", f"{SMALL}-s0-r2")
    Path("runs", f"{SMALL}-s0").rename(anew)
    write_json(anew / "run.json", json.loads((anew / "run.json").read_text()) | {"id": anew.name})
    write_result(small_spec(0, train={"batch_size": 16}), 0.1)
    (line,) = listed(cli)[1:]
    assert line.split()[:5] == [SMALL, "2", "done,", "1", "diverged"]
    assert "51.00% (38.29 to 63.71, n = 2)" in line


def test_the_groups_of_a_sweep_show_their_levels(cli: Cli) -> None:
    written({16: [0.50, 0.51], 128: [0.60, 0.61]})
    write_run(Path("runs"), small_spec(train={"batch_size": 7}))
    assert cli("ablate", *BASE, "--param", "batch_size", "16,128", "--seeds", "2").exit_code == 0
    _, *lines = listed(cli)
    assert {line.split()[0]: " ".join(line.split()[1:3]) for line in lines} == {
        SMALL: "(batch_size 16)",
        LARGE: "(batch_size 128)",
        small_spec(train={"batch_size": 7}).run_id: "done 2/2",
    }


def test_only_seeds_that_are_done_are_averaged(cli: Cli) -> None:
    written({16: [0.50, 0.51, 0.52]})
    folder = Path("runs", f"{SMALL}-s2")
    record = json.loads((folder / "run.json").read_text()) | {"status": "running", "finished": None}
    write_json(folder / "run.json", record)
    (folder / "result.json").unlink()
    first, *_ = (folder / "metrics.jsonl").read_text().splitlines()
    (folder / "metrics.jsonl").write_text(first + "\n")
    done = cli("runs", "list")
    line = done.stdout.splitlines()[1]
    assert (
        "2 done, 1 interrupted  2/2, 1/2  50.69% (n = 2, equal values); so far 45.83%  "
        "50.50% (44.15 to 56.85, n = 2)" in line
    )
    assert "very wide for n = 2" in " ".join(done.stderr.split())
    assert "very wide" not in cli("runs", "list", "--each").stderr


def test_a_damaged_sweep_is_named_and_its_runs_are_listed(cli: Cli) -> None:
    written({16: [0.50, 0.51]})
    Path("runs/sweeps").mkdir()
    Path("runs/sweeps/x.json").write_text("{")
    done = cli("runs", "list")
    assert done.exit_code == 7
    assert "x.json" in done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_groups_are_told_apart_with_an_interval(cli: Cli) -> None:
    written({16: [0.50, 0.51, 0.52], 128: [0.60, 0.61, 0.62]})
    done = cli("runs", "diff", SMALL, LARGE)
    told, _, header, batch_size, *seeds = done.stdout.splitlines()
    assert header.split() == [SMALL, LARGE, "difference"]
    assert batch_size.split() == ["train.batch_size", "16", "128"]
    assert [line.split()[1:] for line in seeds] == [
        ["50.00%", "60.00%", "+10.00", "pp"],
        ["51.00%", "61.00%", "+10.00", "pp"],
        ["52.00%", "62.00%", "+10.00", "pp"],
    ]
    assert told == (
        "test accuracy 51.00% (48.52 to 53.48, n = 3) and 61.00% (58.52 to 63.48, n = 3); difference with its 95% CI "
        "in pp: +10.0 (+7.7 to +12.3)"
    )
    found = json.loads(cli("runs", "diff", SMALL, LARGE, "--json").stdout)
    assert (found["differences"]["train.batch_size"], found["sentence"]) == ([16, 128], told)


def test_a_group_and_a_run_are_told_apart_without_a_claim(cli: Cli) -> None:
    written({16: [0.50, 104 / 360, 0.52], 128: [0.60]})
    told, *_, second, _ = cli("runs", "diff", SMALL, f"{LARGE}-s0").stdout.splitlines()
    assert second.split() == ["test_accuracy.s1", "28.89%", "-"]
    assert told.endswith(
        "no difference is claimed: one seed gives no estimate of the variation between seeds; at least two seeds per "
        "group are needed to show a difference"
    )


def test_a_group_is_not_compared_with_itself(cli: Cli) -> None:
    written({16: [0.50, 0.51, 0.52]})
    assert cli("runs", "diff", SMALL, SMALL).stdout.splitlines() == ["both are the same group"]


def test_accuracies_on_other_images_do_not_compare(cli: Cli) -> None:
    written({16: [0.50, 0.51]})
    for seed in range(2):
        write_run(Path("runs"), other := small_spec(seed, data={"dataset": "cifar10", "image_size": 8}))
    told = "accuracies cannot be compared: digits and cifar10 are different images"
    assert cli("runs", "diff", SMALL, other.group).stdout.splitlines()[0] == told
    assert cli("runs", "diff", f"{SMALL}-s0", other.run_id).stdout.splitlines()[0] == told


def test_accuracies_on_other_images_of_one_name_do_not_compare(cli: Cli) -> None:
    for seed in range(2):
        write_run(Path("runs"), small_spec(seed))
        write_run(Path("runs"), other := small_spec(seed, train={"batch_size": 64}), images="7a" * 32)
    told = "accuracies cannot be compared: the runs saw different images of digits"
    assert cli("runs", "diff", small_spec().group, other.group).stdout.splitlines()[0] == told


@pytest.mark.parametrize(
    ("accuracies", "told"),
    [
        ([0.60, 0.61, None], "no difference is claimed: 1 of 3 seeds diverged"),
        (
            [0.60, 0.60],
            "no difference is claimed: seeds with equal values give no estimate of the variation between seeds",
        ),
    ],
)
def test_no_difference_is_told_of_seeds_that_are_no_measure(
    accuracies: list[float | None], told: str, cli: Cli
) -> None:
    written({16: [0.50, 0.50, 0.50], 128: accuracies})
    assert cli("runs", "diff", SMALL, LARGE).stdout.splitlines()[0].endswith(told)


def test_an_interval_ends_at_0_and_100_percent(cli: Cli) -> None:
    written({16: [0.40, 0.58], 128: [0.02, 0.99]})
    done = cli("runs", "list")
    assert "49.00% (0.00 to 100.00, n = 2)" in done.stdout
    told = cli("runs", "diff", SMALL, LARGE)
    assert "(-100.0 to +100.0)" in " ".join((told.stdout + told.stderr).split())


def test_a_group_is_shown_by_its_runs_and_their_mean(cli: Cli) -> None:
    written({16: [0.50, 0.51, 0.52], 128: [0.60]})
    done = cli("runs", "show", SMALL)
    rows, _, commands = done.stdout.partition("\n\n")
    assert [line.split()[0] for line in rows.splitlines()] == ["run", *(f"{SMALL}-s{seed}" for seed in range(3)), SMALL]
    assert "51.00% (48.52 to 53.48, n = 3)" in rows.splitlines()[-1]
    assert commands.splitlines() == [f"vitreport runs show runs/{SMALL}-s{seed}" for seed in range(3)]
    document = json.loads(cli("runs", "show", SMALL, "--json").stdout)
    assert [each["id"] for each in document["runs"]] == [f"{SMALL}-s{seed}" for seed in range(3)]
    (group,) = document["groups"]
    assert (group["id"], group["test"]["n"], round(group["test"]["value"], 4)) == (SMALL, 3, 0.51)
    assert cli("runs", "show", LARGE).stdout.startswith(f"{LARGE}-s0: done\n")


def test_a_group_of_one_seed_with_two_attempts_is_shown_by_the_newest(cli: Cli) -> None:
    for suffix in ("", "-r2"):
        write_run(Path("runs"), small_spec(), suffix=suffix)
    done = cli("runs", "show", small_spec().group)
    assert done.stdout.startswith(f"{small_spec().run_id}-r2: done\n"), done.stderr


def test_intervals_are_explained_where_there_are_some(cli: Cli) -> None:
    written({16: [0.50, 0.51], 128: [None, None]})
    assert "cover new seeds" in cli("runs", "show", SMALL).stderr
    assert cli("runs", "show", LARGE).stderr == ""
