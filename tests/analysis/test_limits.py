"""What a report says of its own limits, and only where it has them."""

from pathlib import Path

import pytest

from tests.analysis.designs import design
from tests.records import FAILED, spec, write_run, write_seeds
from vitreport.analysis.protocol import held_fixed, limits
from vitreport.analysis.summarize import Outline, summarize
from vitreport.records.folders import run_folders
from vitreport.report.tables import ablation

RUNS = Path("runs")
OTHER = {"dataset": "stl10", "images": "7a" * 32}


def told(word: str) -> list[str]:
    return [limit for limit in limits(summarize(run_folders(RUNS))) if word in limit]


def test_length_of_training_is_compared_on_one_data_set_only() -> None:
    write_seeds(RUNS, [0.5, 0.51], train={"epochs": 4})
    write_seeds(RUNS, [0.5, 0.51], train={"epochs": 6}, **OTHER)
    assert told("trained for different") == []
    write_seeds(RUNS, [0.5, 0.51], model="swin", train={"epochs": 8})
    assert told("trained for different") == [
        "On CIFAR-10, the architectures were trained for different numbers of epochs: 4 to 8."
    ]


def test_single_runs_are_counted() -> None:
    write_run(RUNS, spec(), 0.5)
    write_seeds(RUNS, [0.5, 0.51], model="swin", **OTHER)
    assert told("Single runs") == ["Single runs: 1 of 2 results; results may differ for other seeds."]


def test_runs_without_a_commit_are_counted() -> None:
    for seed in (0, 1):
        write_run(RUNS, spec(seed=seed), 0.5, git=None)
    assert summarize(run_folders(RUNS)).provenance.commits == {"unknown": 2}


@pytest.mark.parametrize(
    ("seeds", "failed", "expected"),
    [
        (2, False, "51.0); 1 seed missing"),
        (3, False, "51.0); 2 seeds missing"),
        (3, True, "51.0); 1 of 2 seeds failed; 1 seed missing"),
        (2, True, "51.0); 1 of 2 seeds failed"),
    ],
)
def test_seeds_that_are_missing_are_counted_once(seeds: int, failed: bool, expected: str) -> None:
    write_run(RUNS, spec(), 0.5)
    if failed:
        write_run(RUNS, spec(seed=1), None, error=FAILED)
    cells = tuple((("128",), spec(seed=seed).run_id) for seed in range(seeds))
    (found,) = summarize(run_folders(RUNS), Outline((design(("batch_size",), cells),))).ablations
    assert ablation(found).rows[0][1].endswith(expected)


def test_what_is_not_the_same_in_all_groups_is_named_at_their_table() -> None:
    write_seeds(RUNS, [0.5, 0.51, 0.52], train={"epochs": 4})
    write_seeds(RUNS, [0.6, 0.61, 0.62], model="swin", train={"epochs": 2, "batch_size": 8})
    named = [(group.architecture, group) for group in summarize(run_folders(RUNS)).groups]
    _, _, differing = held_fixed(named).partition("Not held fixed: epochs, ")
    assert "batch_size" in differing
    assert "Not held fixed" not in held_fixed(named[:1])
