import os
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from vitreport.data.arrays import ImageArrays
from vitreport.data.registry import DATASETS, ImageRequest
from vitreport.data.sources import describe, locate, open_dataset, open_without_download
from vitreport.errors import DatasetError, SpecError
from vitreport.spec.data import DatasetFacts

from .makers import write_folder


def test_named_data_sets_are_described_without_a_file(tmp_path: Path) -> None:
    assert describe("digits", [tmp_path]) == DatasetFacts("digits", 10, 32)
    assert describe("cifar10", [tmp_path]) == DatasetFacts("cifar10", 10, 32)
    assert describe("stl10", [tmp_path]) == DatasetFacts("stl10", 10, 96)
    assert describe("tinyimagenet", [tmp_path]) == DatasetFacts("tinyimagenet", 200, 64)


@pytest.mark.parametrize("name", DATASETS)
def test_every_entry_has_a_reader(name: str) -> None:
    assert DATASETS[name].name == name
    module = import_module(f"vitreport.data.{name}")
    assert hasattr(module, "find") != hasattr(module, "decode")


def test_a_folder_is_described_by_name_and_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "pets", classes=("ape", "cat", "dog"), size=24)
    facts = DatasetFacts("pets", 3, 24)
    assert describe("pets", [tmp_path]) == facts
    assert describe(str(tmp_path / "pets"), [Path("/elsewhere")]) == facts
    monkeypatch.chdir(tmp_path)
    assert describe("./pets", [Path("/elsewhere")]) == facts
    monkeypatch.chdir(tmp_path / "pets")
    assert describe(".", [Path("/elsewhere")]) == facts


def test_paths_and_names_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    data_dir = Path("data")
    assert locate("pets", [data_dir]) == ("pets", data_dir)
    assert locate("/a/b/pets", [data_dir]) == ("pets", Path("/a/b"))
    assert locate("sub/pets/", [data_dir]) == ("pets", tmp_path / "sub")
    assert locate("./pets", [data_dir]) == ("pets", tmp_path)
    assert locate("../pets", [data_dir]) == ("pets", tmp_path.parent)
    assert locate(".", [data_dir]) == (tmp_path.name, tmp_path.parent)
    assert locate("sub/..", [data_dir]) == (tmp_path.name, tmp_path.parent)
    assert locate("~/pets", [data_dir]) == ("pets", Path("/home/ada"))


@pytest.mark.parametrize("dataset", ["cifar10", "stl10", "tinyimagenet"])
@pytest.mark.parametrize("kind", ["archive", "unpacked", "by class"])
def test_a_data_set_is_searched_in_the_folders_in_their_order(dataset: str, kind: str, tmp_path: Path) -> None:
    published = DATASETS[dataset]
    assert published.archive
    first, second, third = folders = [tmp_path / name for name in ("a", "b", "c")]
    assert locate(published.name, folders)[1] == first, "where it would be downloaded to"
    name = {"archive": published.archive.file, "unpacked": published.archive.folder, "by class": published.name}[kind]
    for folder in (second, third):
        (folder / name).mkdir(parents=True)
    assert locate(published.name, folders)[1] == second
    assert locate("pets" * 99, folders)[1] == first


def test_a_path_through_a_link_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "pets").symlink_to(tmp_path / "pets-v2")
    assert locate(str(tmp_path / "pets"), [tmp_path])[0] == "pets"


@pytest.mark.parametrize("path", ["~nobody-of-this-name/pets", "./\0/pets"])
def test_a_path_that_no_system_has(tmp_path: Path, path: str) -> None:
    with pytest.raises(DatasetError, match="is not a usable path"):
        describe(path, [tmp_path])


@pytest.mark.parametrize(
    ("name", "hint"),
    [("cifar", "did you mean cifar10?"), ("zzz", "one of digits, cifar10"), ("", "one of"), ("x" * 300, "one of")],
)
def test_an_unknown_name(tmp_path: Path, name: str, hint: str) -> None:
    with pytest.raises(SpecError) as error:
        describe(name, [tmp_path])
    (problem,) = error.value.problems
    assert (problem.field, problem.message, problem.value) == ("data.dataset", "unknown dataset", repr(name))
    assert hint in problem.hint
    assert f"for an image folder give its path, such as ./{name}" in problem.hint


def test_a_path_that_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a directory") as missing:
        describe(str(tmp_path / "none"), [tmp_path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="has fewer than 2 classes") as empty:
        describe("empty", [tmp_path])
    for error in (missing, empty):
        assert "train/CLASS/*.png" in error.value.hint


def test_a_folder_cannot_have_the_name_of_a_bundled_data_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="digits is the name of another dataset"):
        describe(str(write_folder(tmp_path / "digits")), [tmp_path])
    assert describe(str(write_folder(tmp_path / "cifar10")), [tmp_path]).name == "cifar10"


def test_images_that_are_not_square_need_a_size(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(write_folder(tmp_path / "pets") / "train" / "cat" / "0000.png")
    with pytest.raises(SpecError) as error:
        describe("pets", [tmp_path])
    (problem,) = error.value.problems
    assert problem.field == "data.image_size"
    assert problem.message == "the first image, train/cat/0000.png, is 30 x 20 pixels, not a square of 8 to 1024 pixels"
    assert problem.hint == "set image_size to choose the size, such as 64"
    assert describe("pets", [tmp_path], image_size=64) == DatasetFacts("pets", 2, 64)


def test_a_first_image_that_does_not_decode(tmp_path: Path) -> None:
    (write_folder(tmp_path / "pets") / "train" / "cat" / "0000.png").write_text("text")
    with pytest.raises(DatasetError, match=r"train/cat/0000.png \(not an image of a known format\)"):
        describe("pets", [tmp_path])


def test_a_folder_is_decoded_to_the_size_that_is_asked_for(image_request: ImageRequest) -> None:
    write_folder(image_request.data_dir / "pets", size=24)
    for size, resized in ((24, 0), (12, 12)):
        arrays = open_dataset(replace(image_request, name="pets", image_size=size))
        assert arrays.splits["test"].images.shape == (6, 3, size, size)
        assert arrays.resized == resized


def present(name: str, image_request: ImageRequest) -> ImageArrays | None:
    return open_without_download(replace(image_request, name=name))


def test_images_that_are_here_are_decoded_as_they_are_now(image_request: ImageRequest) -> None:
    assert present("pets", image_request) is None
    root = write_folder(image_request.data_dir / "pets")
    before = present("pets", image_request)
    (root / "test" / "dog" / "0000.png").unlink()
    after = present("pets", image_request)
    assert before is not None
    assert after is not None
    assert [len(arrays.splits["test"].labels) for arrays in (before, after)] == [6, 5]
    assert before.fingerprint != after.fingerprint
    (root / "test" / "dog" / "0001.png").write_text("text")
    with pytest.raises(DatasetError, match=r"test/dog/0001.png \(not an image of a known format\)"):
        present("pets", image_request)


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "digits"])
def test_images_that_would_be_downloaded_are_not_here(image_request: ImageRequest, told: list[str], name: str) -> None:
    assert present(name, image_request) is None
    assert told == []


def test_a_named_data_set_keeps_its_size(image_request: ImageRequest) -> None:
    arrays = open_dataset(replace(image_request, name="digits", image_size=64))
    assert arrays.splits["test"].images.shape == (360, 3, 8, 8)
    assert len(arrays.splits["train"].labels) == DATASETS["digits"].train_count


def test_a_changed_file_is_decoded_again(image_request: ImageRequest) -> None:
    root = write_folder(image_request.data_dir / "pets")

    def fingerprint() -> str:
        return open_dataset(replace(image_request, name="pets")).fingerprint

    before = fingerprint()
    os.utime(root / "train" / "cat" / "0000.png", ns=(1, 1))
    assert fingerprint() == before
    Image.new("RGB", (8, 8)).save(root / "train" / "cat" / "0000.png")
    assert fingerprint() != before


def test_listing_data_sets_loads_no_library() -> None:
    heavy = "numpy", "PIL", "sklearn", "torch"
    code = f"import sys, vitreport.data.sources; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
