"""What `vitreport ablate` shows of the runs that are there."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.small_sweep import BASE, written
from tests.records import small_spec, write_run
from tests.report.schema import document_of
from vitreport.cli.sweeps import ways_to_train
from vitreport.data.sources import facts_in
from vitreport.records.reader import Run, read_run
from vitreport.records.run import ErrorKind, ErrorRecord
from vitreport.spec.compose import Request
from vitreport.spec.sweep import field_axis
from vitreport.sweep.plan import plan_ablation


def test_the_table_of_a_finished_sweep(cli: Cli) -> None:
    written({16: [0.50, 0.51, 0.52], 32: [0.50, 0.52, 0.51], 128: [0.60, 0.61, 0.62], 64: [0.55, None, 0.56]})
    done = cli("ablate", *BASE, "--param", "batch_size", "16,32,64,128")
    assert done.exit_code == 0, done.stderr
    title, header, *rows = done.stdout.splitlines()
    assert (title, header.split()) == (
        "perceiver-io on digits by batch_size",
        ["batch_size", "test", "accuracy", "difference", "from", "baseline", "(pp)"],
    )
    assert [tuple(filter(None, map(str.strip, row.split("  ")))) for row in rows[:4]] == [
        ("16", "51.0% (48.5 to 53.5, n = 3)", "-10.0 (-12.8 to -7.2)"),
        ("32", "51.0% (48.5 to 53.5, n = 3)", "-10.0 (-12.8 to -7.2)"),
        ("64", "55.5% (49.1 to 61.9, n = 2); 1 of 3 seeds diverged", "\N{EN DASH}"),
        ("128", "61.0% (58.5 to 63.5, n = 3)", "baseline"),
    ]
    assert rows[4:] == [
        "95% confidence intervals (2 or 3 seeds each): over seeds (Student's t); over seeds (Welch). The intervals of "
        "the 2 differences hold simultaneously with 95% confidence.",
        "batch_size 16 is 10.0 pp (95% CI 7.2 to 12.8) below 128.",
        "batch_size 32 is 10.0 pp (95% CI 7.2 to 12.8) below 128.",
        "Runs without a result: 64 (1 of 3 seeds diverged).",
    ]


def test_the_architecture_can_vary(cli: Cli) -> None:
    axis = field_axis("model", ["swin", "mlp-mixer"])
    for trial in plan_ablation(Request("swin", "digits"), [axis], (0, 1), facts_in([])).trials:
        write_run(Path("runs"), trial.spec, 0.5 + 0.01 * trial.spec.seed)
    done = cli("ablate", "swin", "--dataset", "digits", "--param", "model", "swin,mlp-mixer", "--seeds", "2")
    assert done.exit_code == 0, done.stderr
    assert "No difference from model swin is shown for mlp-mixer." in done.stdout


def test_the_same_command_again_says_what_was_done_already(cli: Cli) -> None:
    written({16: [0.50, 0.51], 32: [0.50, None]})
    again = ("ablate", *BASE, "--param", "batch_size", "16,32", "--seeds", "2", "--retry-failed")
    told = "4 of 4 trials done already"
    assert cli(*again).stderr.splitlines()[0] == told
    assert "done already" not in cli(*again, "--quiet").stderr


def test_no_difference_is_claimed_where_the_interval_holds_0(cli: Cli) -> None:
    written({16: [0.50, 0.51, 0.52], 32: [0.505, 0.52, 0.51]})
    done = cli("ablate", *BASE, "--param", "batch_size", "16,32", "--baseline", "32")
    assert "No difference from batch_size 32 is shown for 16." in done.stdout


def test_a_single_run_says_so(cli: Cli) -> None:
    written({16: [0.5], 128: [0.6]})
    done = cli("ablate", *BASE, "--param", "batch_size", "16,128", "--seeds", "1")
    assert "50.0% (48.4 to 51.6)" in done.stdout
    assert "95% confidence intervals: over the images of a single run (Wilson)." in done.stdout
    assert "At least two seeds per value of batch_size are needed to show a difference." in done.stdout
    assert " points " not in done.stdout.partition("seeds")[2]


def test_what_two_seeds_and_equal_ones_say_of_their_interval(cli: Cli) -> None:
    written({16: [0.50, 0.7], 32: [0.5, 0.5], 64: [None, None], 128: [0.60, 0.61, 0.62]})
    records = ("batch_size", "16,32,64,128", "--seeds", "2")
    _, _, wide, equal, diverged, *_ = cli("ablate", *BASE, "--param", *records).stdout.splitlines()
    assert " 60.0% (0.0 to 100.0) " in wide
    assert " 50.0% (2 seeds with equal values, no interval) " in equal
    assert " diverged " in diverged
    (ablation,) = document_of(cli("ablate", *BASE, "--param", *records, "--json").stdout)["ablations"]
    assert [(each["accuracy"]["low"], each["accuracy"]["method"]) for each in ablation["levels"][:2]] == [
        (0.0, "t"),
        (None, "equal"),
    ]


def test_seeds_that_do_not_vary_show_no_difference(cli: Cli) -> None:
    written({16: [0.50, 0.50], 32: [0.50, 0.51], 128: [0.60, 0.60]})
    done = cli("ablate", *BASE, "--param", "batch_size", "16,32,128", "--seeds", "2", "--json")
    document = json.loads(done.stdout)
    assert [level["difference"] is None for level in document["ablations"][0]["levels"]] == [True, False, True]
    sentences = [finding["sentence"] for finding in document["findings"]]
    assert "batch_size 32 is 9.5 pp (95% CI 3.1 to 15.9) below 128." in sentences
    unvarying = "seeds with equal values give no estimate of the variation between seeds"
    assert f"No difference from batch_size 128 is claimed for 16: {unvarying}." in sentences


def test_json_is_that_of_a_report_in_the_order_of_the_table(cli: Cli) -> None:
    written({16: [0.50, 0.51], 128: [0.60, None]})
    done = cli("ablate", *BASE, "--param", "batch_size", "128,16", "--seeds", "2", "--json")
    document = json.loads(done.stdout)
    (ablation,) = document["ablations"]
    assert ablation["design"] == json.loads(next(Path("runs/sweeps").glob("*.json")).read_text())["id"]
    values = [[each["fields"] for each in level["values"]] for level in ablation["levels"]]
    assert values == [[{"train.batch_size": 16}], [{"train.batch_size": 128}]]
    assert document["groups"] == json.loads(cli("report", "--format", "json").stdout)["groups"]


def test_more_seeds_go_into_the_same_file(cli: Cli) -> None:
    written({16: [0.5, 0.5, 0.5], 128: [0.6, 0.6, 0.6]})
    for seeds, trials in (("2", 4), ("3", 6), ("1", 6)):
        assert cli("ablate", *BASE, "--param", "batch_size", "16,128", "--seeds", seeds).exit_code == 0
        (file,) = Path("runs/sweeps").glob("*.json")
        assert len(json.loads(file.read_text())["trials"]) == trials


def test_a_damaged_trial_is_told_with_its_reason_and_what_to_do(cli: Cli) -> None:
    written({16: [0.5, 0.5], 128: [0.6, 0.6]})
    folder = Path("runs", small_spec(1, train={"batch_size": 16}).run_id)
    (folder / "result.json").write_text("{")
    done = cli("ablate", *BASE, "--param", "batch_size", "16,128", "--seeds", "2")
    assert done.exit_code == 7
    assert f"warning: {folder.name}: result.json: " in done.stderr
    assert f"1 of 4 trials missing: {folder.name}" in done.stderr
    assert "move away the directories of damaged runs" in done.stderr
    assert "--retry-failed" not in done.stderr


def failed(*kinds: ErrorKind) -> list[Run]:
    """Runs that have failed for these reasons."""
    for seed, kind in enumerate(kinds):
        write_run(Path("runs"), small_spec(seed), None, status="failed", error=ErrorRecord(kind=kind, message="x"))
    return [read_run(Path("runs", small_spec(seed).run_id)) for seed in range(len(kinds))]


@pytest.mark.parametrize(
    ("kinds", "never_begun", "hint"),
    [
        ([], 1, "run the same command again to train it"),
        (["resources"], 1, "run the same command again to train them"),
        (["internal"], 0, "use --retry-failed to train those that failed with an error"),
        (
            ["internal", "resources"],
            0,
            "run the same command again to train the others; "
            "use --retry-failed to train those that failed with an error",
        ),
    ],
)
def test_the_hint_is_what_the_command_does(kinds: list[ErrorKind], never_begun: int, hint: str) -> None:
    assert ways_to_train([*failed(*kinds), *[None] * never_begun]) == hint
