"""What a committed file may say of the user and the machine: nothing."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitreport.privacy import Places, without_paths
from vitreport.records.run import ErrorRecord, RunRecord
from vitreport.records.upgrade import parse

RUNS = Path(__file__).parent.parent / "runs"
PLACES_OF_USERS = re.compile(r"(?<![\w.~:/])(/[A-Za-z_]|~[A-Za-z]|[A-Za-z]:\\)")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Those of a user in /HOME/jane/project."""
    home = tmp_path / "homes" / "jane"
    (home / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "project")
    return Places.here()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("{home}/project/cats", "./cats"),
        ("{home}/project", "."),
        ("{home}/cats", "~/cats"),
        ("~/cats", "~/cats"),
        ("../cats", "~/cats"),
        ("..", "~"),
        ("./cats", "./cats"),
        ("models/swin.toml", "models/swin.toml"),
        ("{root}/big disk/images/cats", "cats"),
        ("{root}/big disk/images", "images"),
        ("{root}/scratch/runs/a-b/spec.json", "spec.json"),
        ("{root}/homes/joe/cats", "cats"),
        ("../../joe doe/cats", "cats"),
        ("~joe/cats", "cats"),
        ("/home/joe", "~"),
        ("file:///home/joe/cats", "cats"),
        ("https://joe:secret@example.org/cats", "https://example.org/cats"),
    ],
)
@pytest.mark.parametrize("head", ["", "--dataset=", "--set=model.arguments.file=", "weights="])
def test_a_path_on_the_command_line_names_nobody(
    head: str, given: str, shown: str, places: Places, tmp_path: Path
) -> None:
    given = given.format(home=tmp_path / "homes" / "jane", root=tmp_path)
    assert places.argument(head + given) == head + shown
    assert without_paths(head + shown) == head + shown  # what is written is read back as it is


@pytest.mark.parametrize(
    "word",
    ["train", "timm/resnet18", "--set", "lr=1e-3", "data.augment=[{name='flip', p=0.5}]", "1..3", "cuda:0", "a|b", ""],
)
def test_another_word_stays_as_it_is(word: str, places: Places) -> None:
    assert places.argument(word) == without_paths(word) == word


def test_a_list_of_paths_names_nobody(places: Places, tmp_path: Path) -> None:
    assert places.argument(f"--set=x=['{tmp_path}/a b', '/mnt/joe/c']") == "--set=x=['a b', 'c']"
    assert places.argument(f"{Path.home()}/a b,/mnt/joe/c,~/d") == "~/a b,c,~/d"


def test_a_message_names_nobody(places: Places, tmp_path: Path) -> None:
    told = f"cannot write {tmp_path}/big disk/images/cats/x.png: it is on /mnt/joe doe/disk, not in {Path.home()}."
    assert places.message(told) == "cannot write x.png: it is on disk, not in ~."
    assert places.message("[Errno 2] no such file: '/mnt/joe doe/x y'") == "[Errno 2] no such file: 'x y'"
    assert places.message("1 / 2, 3 images/s of train/val") == "1 / 2, 3 images/s of train/val"


def test_a_message_does_not_name_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "jane-laptop")
    assert Places.here().message("jane-laptop:29500 is not reached by jane-laptop2") == (
        "HOST:29500 is not reached by jane-laptop2"
    )


@pytest.mark.parametrize("folder", ["/", "{homes}"])
def test_a_folder_that_holds_those_of_users_is_nothing_to_be_relative_to(
    folder: str, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.format(homes=tmp_path / "homes"))
    here = Places.here()
    assert here.argument(f"{tmp_path}/homes/joe/cats") == "cats"
    relative = os.path.relpath(tmp_path / "homes" / "jane" / "project")
    assert here.argument(relative) == "~/project"
    assert here.argument(str(Path.home() / "project")) == "~/project"
    assert here.argument("timm/resnet18") == "timm/resnet18"


def test_a_path_behind_a_link_names_nobody(places: Places, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "homes" / "jane")
    assert places.argument(f"{tmp_path}/link/cats") == "~/cats"


@pytest.mark.parametrize("text", ["/a" * 20_000, "/a b" * 9000, "x /a b c d" * 9000, "'/" * 9000, "/" * 40_000])
def test_text_of_any_length_is_read_in_time(text: str, places: Places) -> None:
    assert len(places.argument(text)) <= len(text)
    assert len(places.message(text)) <= len(text)


def test_records_of_former_versions_are_read_without_what_they_name() -> None:
    content = json.loads(next(iter(sorted(RUNS.glob("*/run.json")))).read_text())
    former = {**content, "host": "jane-laptop", "process": 7, "argv": ["train", "--dataset", "/home/jane/my cats"]}
    record = parse(RunRecord, json.dumps(former).encode())
    assert record.argv == ("train", "--dataset", "my cats")
    assert not {"host", "process"} & record.model_dump(mode="json").keys()
    assert ErrorRecord(kind="internal", message="no /home/jane/x").message == "no x"


def values(record: object) -> Iterator[str]:
    """Every text in a record, keys and values."""
    if isinstance(record, dict):
        for key, value in record.items():
            yield key
            yield from values(value) if key != "correct" else ()  # bits in base64
    elif isinstance(record, list):
        for item in record:
            yield from values(item)
    elif isinstance(record, str):
        yield record


@pytest.mark.parametrize("name", ["*/run.json", "*/spec.json", "*/result.json", "sweeps/*.json"])
def test_no_committed_record_names_a_user_or_a_machine(name: str) -> None:
    files = sorted(RUNS.glob(name))
    assert files
    for file in files:
        record = json.loads(file.read_text())
        assert not {"host", "process", "user", "pid"} & record.keys(), file
        assert [text for text in values(record) if PLACES_OF_USERS.search(text)] == [], file
