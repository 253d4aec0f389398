import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from vitreport.data.archive import File, ZipTree, tar_members
from vitreport.errors import DatasetError
from vitreport.untrusted_files import UnreadableFileError

from .makers import tar_file, write_members, write_tar

WANTED = ("a.bin", "b.bin")
GOOD = [(tar_file("set/a.bin", 3), b"aaa"), (tar_file("set/b.bin", 2), b"bb")]


def test_wanted_files_are_read_from_a_tar(tmp_path: Path) -> None:
    write_tar(tmp_path / "x", {"set/other": b"x" * 99, "set/b.bin": b"bb", "a.bin": b"elsewhere", "set/a.bin": b"aaa"})
    assert tar_members(tmp_path / "x", "set", WANTED, 10) == {"b.bin": b"bb", "a.bin": b"aaa"}


def test_nothing_behind_the_last_wanted_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    link = tar_file("set/link", kind=tarfile.SYMTYPE, link="/etc/passwd")
    write_members(path, [*GOOD, (link, b""), (tar_file("set/unlabelled", 2**16), bytes(2**16))])
    path.write_bytes(path.read_bytes()[:-40])
    assert tar_members(path, "set", WANTED, 10) == {"a.bin": b"aaa", "b.bin": b"bb"}


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
    assert tar_members(path, "set", WANTED, 10) == {"a.bin": b"aaa", "b.bin": b"bb"}
    assert list(tmp_path.rglob("*")) == [path.parent, path]


@pytest.mark.parametrize(
    "member",
    [
        tar_file("set/a.bin", kind=tarfile.DIRTYPE),
        tar_file("set/a.bin", kind=tarfile.FIFOTYPE),
        tar_file("set/a.bin", 11),
    ],
)
def test_a_wanted_member_that_is_no_file_or_too_large(tmp_path: Path, member: tarfile.TarInfo) -> None:
    write_members(tmp_path / "x", [(member, b""), *GOOD])
    with pytest.raises(DatasetError, match=r"a\.bin is no file of at most 10 bytes") as error:
        tar_members(tmp_path / "x", "set", WANTED, 10)
    assert error.value.hint


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[: len(content) // 2], "cannot be unpacked"),
        (lambda content: content[:40], "cannot be unpacked"),
        (lambda content: b"", "cannot be unpacked"),
        (lambda content: b"<html>", "cannot be unpacked: not a gzip file"),
        (lambda content: content[:60] + b"\xff" * 20 + content[80:], "cannot be unpacked"),
    ],
)
def test_a_damaged_tar(tmp_path: Path, damage: Callable[[bytes], bytes], words: str) -> None:
    path = tmp_path / "x"
    write_tar(path, {"set/a.bin": b"aaa", "set/noise": bytes(range(256)) * 400})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError, match=words):
        tar_members(path, "set", WANTED, 10)


def test_what_a_tar_lacks_is_named(tmp_path: Path) -> None:
    write_tar(tmp_path / "x", {"set/a.bin": b"aaa"})
    with pytest.raises(DatasetError, match=r"x does not hold b\.bin"):
        tar_members(tmp_path / "x", "set", WANTED, 10)
    with pytest.raises(DatasetError, match=r"none cannot be unpacked: .*No such file"):
        tar_members(tmp_path / "none", "set", WANTED, 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.zip"


def write_zip(path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member, content in members:
            packed.writestr(member, content)


def tree(path: Path) -> ZipTree:
    return ZipTree(path, "set")


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
    assert [file.path for file in found.files()] == [".hidden", "b/1.txt", "b/2.txt", "c.txt"]
    assert found.open("b/2.txt").read() == b"two"
    with pytest.raises(UnreadableFileError):
        found.open("b/3.txt")


@pytest.mark.parametrize("name", ["../evil", "set/../../evil", "/tmp/evil"])
def test_no_member_of_a_zip_is_written_to_the_disk(tmp_path: Path, path: Path, name: str) -> None:
    write_zip(path, (name, b"evil"), ("set/b", b"b"))
    assert tree(path).open("b").read() == b"b"
    assert list(tmp_path.rglob("*")) == [path]


def test_a_zip_that_lies_about_a_size_is_read_no_further(path: Path) -> None:
    write_zip(path, ("set/a", bytes(10**6)))
    path.write_bytes(path.read_bytes().replace((10**6).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    found = tree(path)
    assert found.files() == [File("a")]
    with pytest.raises(UnreadableFileError, match="damaged in the archive: Bad CRC"):
        found.open("a")


def test_a_damaged_zip(path: Path) -> None:
    write_zip(path, ("set/a", bytes(range(256))))
    whole = path.read_bytes()
    for content in (whole[:-30], b"", b"<html>"):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=r"x\.zip cannot be unpacked"):
            tree(path)
    path.write_bytes(whole.replace(bytes(range(50, 60)), bytes(10)))
    with pytest.raises(UnreadableFileError, match="damaged in the archive"):
        tree(path).open("a")
