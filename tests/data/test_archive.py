import tarfile
import zipfile
from pathlib import Path

import pytest

from vitreport.data.archive import Tree, tar_members, zip_tree

from .makers import tar_file, write_members, write_tar

WANTED = ("a.bin", "b.bin")
GOOD = [(tar_file("set/a.bin", 3), b"aaa"), (tar_file("set/b.bin", 2), b"bb")]


def test_wanted_files_are_read_from_a_tar(tmp_path: Path) -> None:
    write_tar(tmp_path / "x", {"set/other": b"x" * 99, "set/b.bin": b"bb", "a.bin": b"elsewhere", "set/a.bin": b"aaa"})
    assert tar_members(tmp_path / "x", "set", WANTED) == {"b.bin": b"bb", "a.bin": b"aaa"}


def test_nothing_behind_the_last_wanted_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    link = tar_file("set/link", kind=tarfile.SYMTYPE, link="/etc/passwd")
    write_members(path, [*GOOD, (link, b""), (tar_file("set/unlabelled", 2**16), bytes(2**16))])
    path.write_bytes(path.read_bytes()[:-40])
    assert tar_members(path, "set", WANTED) == {"a.bin": b"aaa", "b.bin": b"bb"}


@pytest.mark.parametrize(
    "member",
    [
        tar_file("../evil"),
        tar_file("/tmp/evil"),
        tar_file("set/x", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        tar_file("set/x", kind=tarfile.FIFOTYPE),
    ],
)
def test_no_member_of_a_tar_is_written_to_the_disk(tmp_path: Path, member: tarfile.TarInfo) -> None:
    path = tmp_path / "sub" / "x"
    write_members(path, [(member, b""), *GOOD])
    assert tar_members(path, "set", WANTED) == {"a.bin": b"aaa", "b.bin": b"bb"}
    assert list(tmp_path.rglob("*")) == [path.parent, path]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.zip"


def write_zip(path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member, content in members:
            packed.writestr(member, content)


def tree(path: Path) -> Tree:
    return zip_tree(path, "set")


def test_a_zip_is_a_tree(path: Path) -> None:
    write_zip(
        path,
        ("set/b/2.txt", b"two"),
        ("set/.hidden", b""),
        ("set/b/1.txt", b"one"),
        ("set/c.txt", b""),
        ("set/a/", b""),
        ("x", b""),
    )
    found = tree(path)
    assert found.place == f"{path}/set"
    assert found.files == [".hidden", "b/1.txt", "b/2.txt", "c.txt"]
    assert found.open("b/2.txt").read() == b"two"


@pytest.mark.parametrize("name", ["../evil", "set/../../evil", "/tmp/evil"])
def test_no_member_of_a_zip_is_written_to_the_disk(tmp_path: Path, path: Path, name: str) -> None:
    write_zip(path, (name, b"evil"), ("set/b", b"b"))
    assert tree(path).open("b").read() == b"b"
    assert list(tmp_path.rglob("*")) == [path]
