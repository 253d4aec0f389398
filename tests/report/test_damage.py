"""Damaged records never stop a report, and cost no other run anything."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.records import DIVERGED, spec, write_run, write_seeds
from vitreport.report.page import make_page
from vitreport.report.render import render_markdown
from vitreport.report.summarize import summarize
from vitreport.report.summary import Summary
from vitreport.store.folders import run_folders

RUNS = Path("runs")
MUTATIONS = 1000
BATCHES = 4
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


@pytest.mark.parametrize("batch", range(BATCHES))
def test_mutated_records_give_a_report_each(batch: int) -> None:
    """Each is rendered, each unreadable file is named in it, and the groups of other runs are what they were."""
    write_few()
    chance = random.Random(batch)
    whole = numbers(summarize(run_folders(RUNS)))
    folders = run_folders(RUNS)
    for _ in range(MUTATIONS // BATCHES):
        folder, name, kind = chance.choice(folders), chance.choice(FILES), chance.choice(KINDS)
        path = folder / name
        content = path.read_bytes() if path.exists() else b"{}"
        path.write_bytes(kind(chance, content))
        summary = summarize(run_folders(RUNS))
        text = rendered(summary)
        others = {runs: found for runs, found in whole.items() if folder.name not in runs}
        assert {runs: found for runs, found in numbers(summary).items() if runs in others} == others
        assert [each.place for each in summary.damage if each.place.split("/")[0] not in text] == []
        path.write_bytes(content)


def numbers(summary: Summary) -> dict[tuple[str, ...], object]:
    """What was measured, by the runs that it rests on."""
    return {
        tuple(run.id for run in group.runs): (group.test, group.validation, group.train, group.gap, group.runs)
        for group in summary.groups
    }


def test_a_folder_without_any_file_left_is_no_fault() -> None:
    write_few()
    for name in FILES:
        (run_folders(RUNS)[0] / name).unlink()
    assert rendered(summarize(run_folders(RUNS)))


def test_without_any_run_there_is_a_report_too() -> None:
    RUNS.mkdir()
    assert "no finished run" in rendered(summarize(run_folders(RUNS)))
    shutil.rmtree(RUNS)
