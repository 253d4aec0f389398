"""Damaged records never stop a report, and cost no other run anything."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.records import DIVERGED, spec, write_run, write_seeds
from tests.report.schema import document_of
from vitreport.analysis.summarize import summarize
from vitreport.analysis.summary import Summary
from vitreport.records.folders import run_folders
from vitreport.report.figures.assets import Assets
from vitreport.report.html import render_html
from vitreport.report.json_format import render_json
from vitreport.report.markdown import render_markdown
from vitreport.report.sections import Page, make_page

RUNS = Path("runs")
LINES = ("metrics.jsonl",)
FILES = ("spec.json", "run.json", "metrics.jsonl", "result.json")
HOSTILE = (b"NaN", b"1e999", b'"\\ud800"', b"9" * 5000, b"[" * 5000, b"\xff\xfe", b"null", b"-1", b"", b'{"a": 1}')
Mutation = Callable[[random.Random, bytes], bytes]


def flip(chance: random.Random, content: bytes) -> bytes:
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]


def cut(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randrange(len(content))]


def overwrite(chance: random.Random, content: bytes) -> bytes:
    start, end = sorted(chance.sample(range(len(content) + 1), 2))
    return content[:start] + chance.choice(HOSTILE) + content[end:]


def replace_number(chance: random.Random, content: bytes) -> bytes:
    """A value of the right kind in a sound file, as an editor would leave it."""
    place = chance.choice([index for index, byte in enumerate(content) if chr(byte).isdigit()] or [0])
    return content[:place] + chance.choice(HOSTILE) + content[place + 1 :]


def repeat(chance: random.Random, content: bytes) -> bytes:
    return content + content[chance.randrange(len(content)) :]


KINDS: tuple[Mutation, ...] = (flip, cut, overwrite, replace_number, repeat)


def write_few() -> None:
    write_seeds(RUNS, [0.5, 0.52], train={"epochs": 2})
    write_run(RUNS, spec("swin", train={"epochs": 2}), 0.6)
    write_run(RUNS, spec("swin", train={"epochs": 2, "batch_size": 64}), None, error=DIVERGED)


def rendered(summary: Summary) -> str:
    return render_markdown(make_page(summary), assets="figures/")


def mutate(batch: int, rounds: int) -> None:
    """Mutate a file of all runs but one at a time.

    Each is rendered, each unreadable file is named in it, and the groups of other runs are what they were.
    """
    write_few()
    chance = random.Random(batch)
    folders = run_folders(RUNS)
    whole = numbers(summarize(folders))
    for _ in range(rounds):
        before: dict[Path, bytes | None] = {}
        for folder in chance.sample(folders, len(folders) - 1):
            path, kind = folder / chance.choice(FILES), chance.choice(KINDS)
            before[path] = path.read_bytes() if path.exists() else None
            path.write_bytes(kind(chance, before[path] or b"{}"))
        summary = summarize(folders)
        text = rendered(summary)
        changed_runs = {path.parent.name for path in before}
        others = {runs: found for runs, found in whole.items() if not changed_runs & set(runs)}
        assert {runs: found for runs, found in numbers(summary).items() if runs in others} == others
        assert [each.place for each in summary.damage if each.place.split("/")[0] not in text] == []
        for path, content in before.items():
            path.unlink() if content is None else path.write_bytes(content)


def test_mutated_records_give_a_report_each() -> None:
    mutate(batch=0, rounds=60)


@pytest.mark.long
@pytest.mark.parametrize("batch", range(1, 9))
def test_many_mutated_records_give_a_report_each(batch: int) -> None:
    mutate(batch, rounds=250)


def numbers(summary: Summary) -> dict[tuple[str, ...], object]:
    """What was measured, by the runs that it rests on."""
    return {
        tuple(run.id for run in group.runs): (group.test, group.validation, group.train, group.gap, group.runs)
        for group in summary.groups
    }


def changed(folder: Path, name: str, change: Callable[[dict[str, Any]], Any]) -> None:
    """Each line of a file, as an editor would leave it."""
    lines = [json.loads(line) for line in (folder / name).read_text().splitlines()] if name in LINES else None
    for value in lines or [whole := json.loads((folder / name).read_text())]:
        change(value)
    told = "".join(json.dumps(line) + "\n" for line in lines) if lines else json.dumps(whole)
    (folder / name).write_text(told)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("result.json", lambda value: value["selected"]["splits"]["test"].update(loss=1e200)),
        ("result.json", lambda value: value["selected"]["splits"].pop("test")),
        ("result.json", lambda value: value["selected"]["splits"]["test"].update(accuracy=0.99)),
        ("result.json", lambda value: value["test"].update(calibration=[])),
        ("result.json", lambda value: [each.update(count=0) for each in value["test"]["calibration"]]),
        ("result.json", lambda value: value["test"]["calibration"][0].update(correct=0)),
        ("result.json", lambda value: value["test"]["calibration"][0].update(correct=9_000)),
        ("result.json", lambda value: value["selected"]["splits"]["test"]["metrics"].update(top5=1.5)),
        ("result.json", lambda value: value["test"].update(confusion=[[0] * 10] * 10)),
        ("result.json", lambda value: value["test"].update(confusion=[[1000]])),
        ("metrics.jsonl", lambda value: value["splits"]["train"].update(loss=-1e200)),
        ("metrics.jsonl", lambda value: value.update(seconds=1e308)),
        ("metrics.jsonl", lambda value: value.update(images_per_second=-1e308)),
        ("run.json", lambda value: value.update(seconds=1e308)),
    ],
)
def test_a_value_that_cannot_be_is_damage(name: str, change: Callable[[dict[str, Any]], Any]) -> None:
    for folder in write_seeds(RUNS, [0.5, 0.52], train={"epochs": 2}):
        changed(folder, name, change)
    summary = summarize(run_folders(RUNS))
    assert {each.place.split("/")[1] for each in summary.damage} >= {name}
    assert document_of(render_json(make_page(summary)))


@pytest.mark.parametrize("loss", [3e38, -3e38])
def test_a_large_loss_that_is_finite_is_no_damage(loss: float) -> None:
    """As of networks that are about to diverge."""
    folders = write_seeds(RUNS, [0.5, 0.52], train={"epochs": 2})
    changed(folders[0], "result.json", lambda value: value["selected"]["splits"]["test"].update(loss=loss))
    changed(folders[0], "metrics.jsonl", lambda value: value["splits"]["train"].update(loss=loss))
    everything_of()


def test_what_has_no_size_has_no_figure() -> None:
    """Two architectures without FLOPs, and a single class."""
    for folder in [*write_seeds(RUNS, [0.5, 0.52]), *write_seeds(RUNS, [0.5, 0.52], model="swin")]:
        changed(folder, "run.json", lambda value: value["cost"].update(forward_flops_per_image=0))
        changed(folder, "run.json", lambda value: value["data"].update(classes=["all"]))
        changed(folder, "result.json", merge_classes)
    kinds = {figure.kind for figure in everything_of().figures}
    assert kinds == {"rows", "curves"}


def test_names_of_classes_with_control_characters_are_drawn(tmp_path: Path) -> None:
    for folder in write_seeds(RUNS, [0.5, 0.52]):
        changed(folder, "run.json", lambda value: value["data"].update(classes=["a\x1b[31m\0\u202e", *"bcdefghij"]))
    figures, folder = everything_of().figures, tmp_path / "figures"
    with Assets(folder, Path("report.md")).published(figures):
        pass
    for file in folder.glob("*.svg"):
        assert ElementTree.parse(file).getroot().attrib["role"] == "img"
        assert "\u202e" not in file.read_text()


def merge_classes(result: dict[str, Any]) -> None:
    """All images are of one class."""
    count = sum(result["test"]["per_class_count"])
    result["test"] |= {
        "per_class_count": [count],
        "per_class_correct": [count],
        "calibration": [{"count": count, "confidence": 0.5, "correct": count}],
        "confusion": [[count]],
    }
    result["selected"]["splits"]["test"]["correct"] = count


def everything_of() -> Page:
    """The page of the runs, without any damage, rendered and drawn."""
    summary = summarize(run_folders(RUNS))
    assert summary.damage == ()
    page = make_page(summary)
    assert render_html(page)
    assert document_of(render_json(page))
    return page


def test_a_folder_without_any_file_left_is_no_fault() -> None:
    write_few()
    for name in FILES:
        (run_folders(RUNS)[0] / name).unlink()
    assert rendered(summarize(run_folders(RUNS)))


def test_without_any_run_there_is_a_report_too() -> None:
    RUNS.mkdir()
    assert "no finished run" in rendered(summarize(run_folders(RUNS)))
    shutil.rmtree(RUNS)
