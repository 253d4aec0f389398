"""Records that are damaged, foreign or hostile: what is sound is read, what is not is named."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.store.children import Driver
from tests.store.conftest import Undisturbed
from tests.store.options import SHORT
from vitreport.errors import RecordError, SpecError
from vitreport.records import reader
from vitreport.records.folders import find_run, newest_attempt, next_attempt, run_folders, strays
from vitreport.records.reader import Run, read_run

FILES = ("run.json", "spec.json", "result.json", "metrics.jsonl")
DAMAGE = {
    "empty": b"",
    "half": b'{"schema_version": 1, "id": "mlp-',
    "garbage": bytes(range(256)),
    "not UTF-8": b'{"id": "\xff\xfe"}',
    "UTF-16": '{"id": "x"}'.encode("utf-16"),
    "a list": b"[]",
    "a number": b"1e999",
    "null": b"null",
    "NaN": b'{"schema_version": NaN}',
    "long number": b'{"schema_version": ' + b"9" * 5000 + b"}",
    "lone surrogate": rb'{"id": "\ud800", "data": {"dataset": "\udfff"}}',
    "deep list": b"[" * 100_000,
    "deep table": b'{"model": ' * 100_000,
    "deep and closed": b'{"model": ' + b"[" * 900 + b"]" * 900 + b"}",
    "wrong types": b'{"schema_version": "1", "id": 7, "model": "x", "data": [], "epoch": "one", "selected": true}',
    "long field": b'{"' + b"x" * 10_000 + b'": 1}',
    "unknown field": b'{"schema_version": 1, "surprise": 1}',
}


@pytest.fixture
def run(undisturbed: Undisturbed, tmp_path: Path) -> Path:
    """The folder of a sound run, without its weights."""
    source = undisturbed(SHORT)
    return Path(
        shutil.copytree(source, tmp_path / "runs" / source.name, ignore=shutil.ignore_patterns("*.safetensors"))
    )


def parts(found: Run) -> dict[str, Any]:
    """What was read of each file."""
    return {
        "run.json": found.record,
        "spec.json": found.spec,
        "result.json": found.result,
        "metrics.jsonl": found.epochs or None,
    }


def lines(found: Run) -> list[str]:
    return [str(each) for each in found.damage]


def test_sound_run_is_read_whole(run: Path) -> None:
    found = read_run(run)
    assert found.damage == ()
    assert None not in parts(found).values()
    assert [epoch.epoch for epoch in found.epochs] == [1, 2]


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_damaged_file_is_named_and_the_others_are_read(run: Path, name: str, damage: str) -> None:
    (run / name).write_bytes(DAMAGE[damage])
    found = read_run(run)
    lost = {name, "result.json"} if name == "run.json" else {name}  # without its status, a run has no result
    assert {part for part, value in parts(found).items() if value is None} == lost
    assert (name, damage) == ("metrics.jsonl", "empty") or found.damage
    assert all(line.startswith(f"{name}: ") and len(line) < 300 for line in lines(found))


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_named(run: Path, name: str) -> None:
    (run / name).unlink()
    found = read_run(run)
    assert parts(found)[name] is None
    told = "metrics.jsonl: contains 0 of 2 epochs" if name == "metrics.jsonl" else f"{name}: is missing"
    assert told in lines(found)


@pytest.mark.parametrize("name", FILES)
def test_newer_schema_is_not_guessed_at(run: Path, name: str) -> None:
    path = run / name
    lines = path.read_text().splitlines() if name == "metrics.jsonl" else [path.read_text()]
    path.write_text("\n".join(json.dumps({**json.loads(line), "schema_version": 3}) for line in lines))
    found = read_run(run)
    assert parts(found)[name] is None
    assert "has schema version 3, written by a newer vitreport" in found.damage[0].reason


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_file_is_not_opened(run: Path, name: str) -> None:
    """A pipe would be waited for, a device read for ever."""
    path = run / name
    for replace, kind in (
        (os.mkfifo, "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "a link, which is not followed"),
        (lambda path: path.symlink_to("absent"), "a link, which is not followed"),
        (Path.mkdir, "not a regular file"),
    ):
        path.unlink()
        replace(path)
        found = read_run(run)
        assert parts(found)[name] is None
        assert f"{name}: is {kind}" in lines(found)
        path.rmdir() if path.is_dir() else None
        path.touch()


@pytest.mark.parametrize("name", FILES)
def test_huge_file_is_not_read(run: Path, name: str) -> None:
    with (run / name).open("ab") as file:
        file.truncate(reader.MAX_BYTES[name] + 1)
    found = read_run(run)
    assert parts(found)[name] is None
    assert any(line.startswith(f"{name}: is larger than ") for line in lines(found))


def test_record_of_another_run_is_not_taken(run: Path) -> None:
    other = run.rename(run.with_name("another-run"))
    found = read_run(other)
    assert found.record is None
    assert lines(found) == [f"run.json: is the record of {run.name}", f"spec.json: is the spec of {run.name}"]


def test_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "absent"):
        found = read_run(folder)
        assert set(parts(found).values()) == {None}
        assert [each.place for each in found.damage] == ["run.json", "spec.json"]


def test_torn_repeated_and_backward_lines_are_skipped(run: Path) -> None:
    path = run / "metrics.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text("\n".join([first, second[:40], first, "", second, second, first, second[:-1]]))
    found = read_run(run)
    assert [epoch.epoch for epoch in found.epochs] == [1, 2]
    numbers = [line.split(" skipped: ")[0] for line in lines(found)]
    assert numbers == [f"metrics.jsonl: line {number}" for number in (2, 3, 4, 6, 7, 8)]
    assert "line 7 skipped: epoch 1 of 2 follows epoch 2" in found.damage[4].reason


def test_flood_of_damaged_lines_is_cut(run: Path) -> None:
    (run / "metrics.jsonl").write_bytes(b"\n" * 1_000_000)
    found = read_run(run)
    assert len(found.damage) <= reader.MAX_SKIPPED_LINES + 2
    assert any(line.endswith("too many damaged lines") for line in lines(found))


def test_damaged_records_are_listed_with_the_others(driver: Driver, undisturbed: Undisturbed, tmp_path: Path) -> None:
    sound = undisturbed(SHORT)
    for number, damage in enumerate(DAMAGE.values()):
        shutil.copytree(sound, tmp_path / "runs" / f"damaged-{number}")
        (tmp_path / "runs" / f"damaged-{number}" / "run.json").write_bytes(damage)
    shutil.copytree(sound, tmp_path / "runs" / sound.name)
    listed = driver.run("runs", "list", "--json", folder=tmp_path)
    assert listed.exit_code == 7
    states = {each["id"]: each["state"] for each in json.loads(listed.stdout)["runs"]}
    assert states.pop(sound.name) == "done"
    assert set(states.values()) == {"damaged"}
    for number in range(len(DAMAGE)):
        assert f"warning: runs/damaged-{number}/run.json: " in listed.stderr


def make_run(runs: Path, name: str) -> Path:
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / "run.json").touch()
    return folder


def test_run_is_found_by_id_prefix_and_path(tmp_path: Path) -> None:
    first, second, third = (make_run(tmp_path / "runs", name) for name in ("swin-a-s0", "swin-a-s0-r2", "mixer-b-s0"))
    assert find_run("swin-a-s0", tmp_path / "runs") == first
    assert find_run("swin-a-s0-", tmp_path / "runs") == second
    assert find_run("mix", tmp_path / "runs") == third
    assert find_run("runs/mixer-b-s0", tmp_path / "elsewhere") == third
    assert find_run(str(third), tmp_path / "elsewhere") == third
    assert find_run("./runs/mixer-b-s0/", tmp_path / "elsewhere") == third


def test_a_complete_id_is_not_the_beginning_of_another_seed(tmp_path: Path) -> None:
    tenth = make_run(tmp_path, "swin-a1b2c3d4-s10")
    assert find_run("swin-a1b2c3d4-s", tmp_path) == tenth
    with pytest.raises(SpecError, match="no run 'swin-a1b2c3d4-s1'"):
        find_run("swin-a1b2c3d4-s1", tmp_path)


def test_ambiguous_and_unknown_names_are_told(tmp_path: Path) -> None:
    for name in ("swin-a1b2c3d4-s0", "swin-a1b2c3d4-s1"):
        make_run(tmp_path / "runs", name)
    with pytest.raises(SpecError, match="'swin-a' matches 2 runs") as ambiguous:
        find_run("swin-a", tmp_path / "runs")
    assert ambiguous.value.hint == "use one of swin-a1b2c3d4, swin-a1b2c3d4-s0, swin-a1b2c3d4-s1"
    for number in range(30):
        make_run(tmp_path / "runs", f"tnt-{number:02}")
    with pytest.raises(SpecError) as many:
        find_run("tnt", tmp_path / "runs")
    assert many.value.hint.startswith("use one of tnt-00, tnt-01, ")
    assert many.value.hint.endswith(", tnt-19 and 10 more")
    with pytest.raises(SpecError, match="no run 'swim-a1b2c3d4-s0' in") as unknown:
        find_run("swim-a1b2c3d4-s0", tmp_path / "runs")
    assert "did you mean swin-a1b2c3d4-s0" in unknown.value.hint
    with pytest.raises(SpecError, match="no run 'x'"):
        find_run("x", tmp_path / "absent")


@pytest.mark.parametrize("name", ["./absent", "/etc", "runs/", "runs/../runs", "a/" * 5000, "runs/loop"])
def test_path_that_is_no_run_is_told(tmp_path: Path, name: str) -> None:
    make_run(tmp_path / "runs", "swin-a-s0")
    (tmp_path / "runs" / "loop").symlink_to("loop")
    with pytest.raises(RecordError, match="is not the directory of a run"):
        find_run(name, tmp_path / "runs")


def test_links_and_odd_names_are_no_runs(tmp_path: Path) -> None:
    sound, outside = make_run(tmp_path / "runs", "sound"), make_run(tmp_path / "outside", "secret")
    (tmp_path / "runs" / "linked").symlink_to(outside)
    for name in (".hidden", "-rf", "with space", "new\nline", "x" * 101, "é"):
        make_run(tmp_path / "runs", name)
    (tmp_path / "runs" / "empty").mkdir()
    (tmp_path / "runs" / "file").touch()
    assert run_folders(tmp_path / "runs") == [sound]
    with pytest.raises(SpecError, match="no run 'linked'"):
        find_run("linked", tmp_path / "runs")


def test_attempts_stand_beside_each_other_and_the_newest_counts(tmp_path: Path) -> None:
    runs, first = tmp_path / "runs", "swin-a-0123abcd-s0"
    assert newest_attempt(runs, first) == next_attempt(runs, first) == runs / first
    for name, following in (("", "-r2"), ("-r2", "-r3"), ("-r10", "-r11")):
        make_run(runs, f"{first}{name}")
        assert newest_attempt(runs, first).name == f"{first}{name}"
        assert next_attempt(runs, first).name == f"{first}{following}"
    make_run(runs, "swin-a-0123abcd-s01-r12")
    make_run(runs, f"{first}-rx")
    assert newest_attempt(runs, first).name == f"{first}-r10"


def test_epochs_beyond_those_of_the_spec_are_damage(run: Path) -> None:
    path = run / "metrics.jsonl"
    last = json.loads(path.read_text().splitlines()[-1])
    with path.open("a") as file:
        file.writelines(json.dumps({**last, "epoch": epoch}) + "\n" for epoch in range(3, 3000))
    found = read_run(run)
    assert [epoch.epoch for epoch in found.epochs] == [1, 2]
    assert lines(found)[0] == "metrics.jsonl: line 3 skipped: epoch 3 of 2 follows epoch 2"
    assert len(lines(found)) == reader.MAX_SKIPPED_LINES + 1


def test_epochs_without_a_spec_are_bounded_too(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_EPOCHS_UNKNOWN", 1)
    (run / "spec.json").unlink()
    found = read_run(run)
    assert [epoch.epoch for epoch in found.epochs] == [1]
    assert "metrics.jsonl: line 2 skipped: epoch 2 of 1 follows epoch 1" in lines(found)


def test_many_folders_without_a_record_are_one_line(tmp_path: Path) -> None:
    names = [f"mlp-mixer-digits-{number:08x}-s0" for number in range(200)]
    for name in names:
        (tmp_path / name).mkdir()
    assert strays(tmp_path) == [(f"{', '.join(names[:3])} and 197 more", "incomplete (no record)")]
