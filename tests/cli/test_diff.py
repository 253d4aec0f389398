"""`runs diff`: what differs between two runs, and how sure that is."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.records import small_spec, spec, write_run
from vitreport.files import write_json
from vitreport.records.measurement import packed


def run_of(seed: int, accuracy: float = 0.5) -> Path:
    """Two of these differ in their seeds alone."""
    return write_run(Path("runs"), small_spec(seed), accuracy, seconds=1.5)


def test_two_runs_are_told_apart_by_what_differs(cli: Cli) -> None:
    first, second = (run_of(seed).name for seed in (0, 1))
    assert cli("runs", "diff", first, first).stdout == "no difference\n"
    header, line = cli("runs", "diff", first, second).stdout.splitlines()
    assert header.split() == [first, second]
    assert line.split() == ["seed", "0", "1"]
    assert json.loads(cli("runs", "diff", first, second, "--json").stdout)["differences"] == {"seed": [0, 1]}


def test_fields_that_only_the_second_has_are_next_to_the_other_fields(cli: Cli) -> None:
    names = [write_run(Path("runs"), each).name for each in (small_spec(), spec("mlp-mixer", "digits"))]
    for sides in (names, [name.removesuffix("-s0") for name in names]):
        rows = json.loads(cli("runs", "diff", *sides, "--json").stdout)["differences"]
        parts = [row.partition(".")[0] for row in rows]
        assert parts == sorted(parts, key=parts.index)
        assert "model.embed_dim" in rows


def test_what_was_measured_is_told_with_its_difference(cli: Cli) -> None:
    first, second = run_of(0), run_of(1, 0.25)
    result = json.loads((second / "result.json").read_text())
    result["selected"]["splits"]["test"] |= {"loss": 1.25}
    (second / "result.json").write_text(json.dumps(result))
    record = json.loads((second / "run.json").read_text())
    record["cost"]["parameters"] = 3000
    record["seconds"] = 2.76543
    (second / "run.json").write_text(json.dumps(record))
    header, *lines = [line.split() for line in cli("runs", "diff", first.name, second.name).stdout.splitlines()]
    assert header == [first.name, second.name, "difference"]
    assert ["seed", "0", "1"] in lines
    assert ["cost.parameters", "1504662", "3000", "-1501662"] in lines
    assert ["selected.splits.test.accuracy", "50.00%", "25.00%", "-25.00", "pp"] in lines
    assert ["selected.splits.test.loss", "1.2", "1.25", "+0.05"] in lines
    assert ["seconds", "1.5", "2.76543", "+1.26543"] in lines


def with_right(run: Path, right: int, *epochs: str) -> Path:
    """So many of 360 images, 36 a class, those of the first classes."""
    result = json.loads((run / "result.json").read_text())
    for epoch in epochs:
        result[epoch]["splits"]["test"]["correct"] = right
    result["test"] |= {
        "per_class_correct": [min(36, max(0, right - 36 * n)) for n in range(10)],
        "calibration": [{"count": 360, "confidence": 0.5, "correct": right}],
        "confusion": None,
    }
    write_json(run / "result.json", result)
    return run


def with_correct(run: Path, right: int) -> Path:
    """The first of 360 images."""
    result = json.loads((with_right(run, right, "selected", "last") / "result.json").read_text())
    write_json(run / "result.json", result | {"correct": packed([place < right for place in range(360)])})
    return run


@pytest.mark.parametrize(
    ("right", "told"),
    [
        (180, None),
        (183, "these two runs are not shown to differ on these test images (McNemar's exact test, p = 0.25)"),
        (190, "these two runs differ on these test images (McNemar's exact test, p = 0.002)"),
    ],
)
def test_two_runs_are_compared_image_by_image(cli: Cli, right: int, told: str | None) -> None:
    names = [with_correct(run_of(seed), (180, right)[seed]).name for seed in (0, 1)]
    first, *_, line = cli("runs", "diff", *names).stdout.splitlines()
    found = json.loads(cli("runs", "diff", *names, "--json").stdout)["differences"].get("test_images_right_alone")
    if told:
        assert (line.split(), found) == (["test_images_right_alone", "0", str(right - 180)], [0, right - 180])
        assert first == f"{told}; this says nothing about other seeds"
    else:
        assert (line.split()[0], found) == ("seed", None)


def test_runs_on_other_images_are_not_compared(cli: Cli) -> None:
    first, second = (with_correct(run_of(seed), 180 + seed) for seed in (0, 1))
    record = json.loads((second / "run.json").read_text())
    record["data"]["fingerprint"] = "0" * 64
    write_json(second / "run.json", record)
    done = cli("runs", "diff", first.name, second.name)
    assert done.stdout.startswith("accuracies cannot be compared: the runs saw different images of digits\n")
