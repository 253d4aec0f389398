"""What `vitreport ablate` and a report say of two varied fields, and of pairs."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.small_sweep import BASE, write_result, written
from tests.commands import TINY, vitreport
from tests.records import small_spec

GRID = ("--param", "batch_size", "16,32", "--param", "learning_rate", "0.001,0.01")
VALUES = [(size, rate) for size in (16, 32) for rate in (0.001, 0.01)]
ADDS_UP = ([0.50, 0.51, 0.52], [0.60, 0.61, 0.62], [0.55, 0.56, 0.57], [0.65, 0.66, 0.67])
AVERAGES = "Each average is over all values of the other field."
DOES_NOT = (*ADDS_UP[:3], [0.55, 0.56, 0.57])


def write_grid(accuracies: Sequence[Sequence[float | None]]) -> None:
    """Finished runs of each combination and seed; None is a run that diverged."""
    written({})
    for (size, rate), of_seeds in zip(VALUES, accuracies, strict=True):
        for seed, accuracy in enumerate(of_seeds):
            spec = small_spec(seed, train={"batch_size": size}, optimizer={"learning_rate": rate})
            write_result(spec, accuracy)


def test_the_terminal_shows_combinations_then_main_effects_then_the_interaction(cli: Cli) -> None:
    write_grid(ADDS_UP)
    done = cli("ablate", *BASE, *GRID, "--baseline", "16,0.001")
    assert done.exit_code == 0, done.stderr
    rows = [[cell for cell in line.split("  ") if cell.strip()] for line in done.stdout.splitlines()]
    assert [cell.strip() for cell in rows[2]] == ["16", "0.001", "51.0% (48.5 to 53.5)", "baseline"]
    assert [[cell.strip() for cell in row] for row in rows[8:13]] == [
        ["main effect", "average accuracy", "difference from baseline (pp)"],
        ["batch_size 16", "56.0%", "baseline"],
        ["batch_size 32", "61.0%", "+5.0 (+3.4 to +6.6)"],
        ["learning_rate 0.001", "53.5%", "baseline"],
        ["learning_rate 0.01", "63.5%", "+10.0 (+8.4 to +11.6)"],
    ]
    note, *sentences = done.stdout.splitlines()[13:]
    assert note.endswith(" of the 2 differences hold simultaneously with 95% confidence. " + AVERAGES)
    assert sentences == [
        "Averaged over learning_rate, batch_size 32 is 5.0 pp (95% CI 3.4 to 6.6) above 16.",
        "Averaged over batch_size, learning_rate 0.01 is 10.0 pp (95% CI 8.4 to 11.6) above 0.001.",
        "No interaction of batch_size and learning_rate is shown; it could be up to 2.7 pp.",
    ]


def test_json_has_effects_and_interactions(cli: Cli) -> None:
    write_grid(DOES_NOT)
    document = json.loads(cli("ablate", *BASE, *GRID, "--baseline", "16,0.001", "--json").stdout)
    (ablation,) = document["ablations"]
    assert [(each["axis"], each["level"], round(each["accuracy"], 4)) for each in ablation["effects"]] == [
        ("batch_size", "16", 0.56),
        ("batch_size", "32", 0.56),
        ("learning_rate", "0.001", 0.535),
        ("learning_rate", "0.01", 0.585),
    ]
    assert [each["difference"] is None for each in ablation["effects"]] == [True, False, True, False]
    (interaction,) = ablation["interactions"]
    assert interaction["levels"] == ["32", "0.01"]
    assert interaction["difference"]["value"] == pytest.approx(-0.1)
    assert interaction["difference"]["method"] == "welch"
    (found,) = [each for each in document["findings"] if each["rule"] == "interaction"]
    assert found["sentence"] == (
        "The effect of learning_rate depends on batch_size: the change from 0.001 to 0.01 is 10.0 pp (95% CI 7.3 to "
        "12.7) lower at 32 than at 16."
    )


def test_a_report_has_the_grid_its_main_effects_and_folded_combinations(cli: Cli) -> None:
    write_grid(DOES_NOT)
    cli("ablate", *BASE, *GRID, "--baseline", "16,0.001")
    text = cli("report").stdout
    section = text.partition("## Perceiver IO on Digits by batch_size, learning_rate")[2].partition("\n## ")[0]
    assert "| batch_size | learning_rate 0.001 | learning_rate 0.01 |" in section
    assert "| 32 | 56.0% (53.5 to 58.5) | 56.0% (53.5 to 58.5) |" in section
    assert "Baseline: batch_size 16, learning_rate 0.001." in section
    shown, _, folded = section.partition("<summary>Single combinations</summary>")
    assert "| main effect | average accuracy | difference from baseline (pp) |" in shown
    assert "difference from baseline (pp) |" in folded
    assert "| 32 | 0.01 | -10.0 (-12.7 to -7.3) |" in folded
    assert "| 32 | 0.01 | -10.0" not in shown
    assert "- The effect of learning_rate depends on batch_size: " in shown
    picture = next(Path().glob("*-assets/perceiver-io-digits-batch-size-learning-rate-light.svg")).read_text()
    assert [number in picture for number in (">51.0<", ">61.0<", ">56.0<")] == [True] * 3
    latex = cli("report", "--format", "latex").stdout
    assert r"batch\_size & learning\_rate 0.001 & learning\_rate 0.01 \\" in latex
    assert r"\caption[{Main effects: " in latex


def test_without_a_baseline_the_first_values_are_the_reference_and_that_is_said(cli: Cli) -> None:
    write_grid(ADDS_UP)
    rates = ("--param", "batch_size", "16,32", "--param", "learning_rate", "0.01,0.001")
    done = cli("ablate", *BASE, *rates)
    assert "difference from reference (pp)" in done.stdout
    assert "There is no baseline: the first value of each field is the reference." in done.stdout
    assert "batch_size 32 is 5.0 pp (95% CI 3.4 to 6.6) above 16." in done.stdout


def test_a_diverged_combination_leaves_the_list_and_says_what_is_needed(cli: Cli) -> None:
    write_grid((*ADDS_UP[:3], [None, None, None]))
    done = cli("ablate", *BASE, *GRID, "--baseline", "16,0.001")
    assert "main effect " not in done.stdout
    combinations = "at least two seeds of every combination of batch_size and learning_rate"
    assert f"Main effects and interactions need {combinations}, none of them diverged." in done.stdout
    assert "Combinations above batch_size 16, learning_rate 0.001: (16, 0.01) and (32, 0.001)." in done.stdout
    assert "+5.0 (+2.2 to +7.8)" in done.stdout
    assert "| 32 | 56.0% (53.5 to 58.5) | diverged (epoch 1 of 2) |" in cli("report").stdout


def test_pairs_are_named_by_their_fields(cli: Cli) -> None:
    write_grid(DOES_NOT)
    done = cli("ablate", *BASE, "--zip", *GRID, "--baseline", "16,0.001")
    assert done.exit_code == 0, done.stderr
    assert [line.partition("  ")[0] for line in done.stdout.splitlines()[1:4]] == [
        "batch_size, learning_rate",
        "batch_size 16, learning_rate 0.001",
        "batch_size 32, learning_rate 0.01",
    ]
    assert "batch_size 32, learning_rate 0.01 is 5.0 pp (95% CI 2.7 to 7.3) above (16, 0.001)." in done.stdout
    assert "| batch_size 32, learning_rate 0.01 | 56.0% (53.5 to 58.5) | +5.0 (+2.7 to +7.3) |" in cli("report").stdout


def test_a_trained_grid_has_effects_over_seeds_and_test_images() -> None:
    """A whole sweep of eight tiny runs, as a process: the records have the answers to single images."""
    sweep = ("--param", "batch_size", "10,20", "--param", "lr", "0.001,0.01", "--seeds", "2", "--baseline", "20,0.001")
    options = [option for option in TINY if not option.startswith("--batch-size")]
    done = vitreport(
        "ablate", "perceiver-io", "--dataset=digits", *options, "--epochs=1", *sweep, "--device=cpu", "--json"
    )
    assert done.exit_code == 0, done.stderr
    (ablation,) = json.loads(done.stdout)["ablations"]
    methods = [each["difference"]["method"] for each in ablation["effects"] if each["difference"]]
    assert [*methods, *(each["difference"]["method"] for each in ablation["interactions"])] == ["crossed"] * 3
