"""The one opener: regular files of a bounded size."""

import os
from pathlib import Path

import pytest

from vitreport.files import free_bytes, write_atomic, write_json
from vitreport.untrusted_files import file_digest, read_bounded, reading_fault


def refusal(path: Path, most: int = 10, *, links: bool = True) -> str:
    with pytest.raises(OSError) as caught:  # noqa: PT011
        read_bounded(path, most, links=links)
    return reading_fault(caught.value)


def test_a_file_is_read_up_to_its_limit() -> None:
    path = Path("a")
    path.write_bytes(b"0123456789")
    assert read_bounded(path, 10) == b"0123456789"
    assert refusal(path, 9) == "is larger than 8.583e-06 MiB"


def test_a_huge_file_is_refused_before_it_is_read() -> None:
    with Path("a").open("wb") as file:
        file.truncate(6 << 30)
    assert refusal(Path("a"), 4 << 30) == "is larger than 4096 MiB"
    with pytest.raises(OSError, match="is larger than 4096 MiB"):
        file_digest(Path("a"), 4 << 30)


@pytest.mark.parametrize("links", [True, False])
def test_what_is_no_regular_file_is_not_waited_for(links: bool) -> None:
    Path("folder").mkdir()
    os.mkfifo("pipe")
    assert refusal(Path("folder"), links=links) == "is not a regular file"
    assert refusal(Path("pipe"), links=links) == "is not a regular file"
    assert refusal(Path("/dev/zero"), links=links) == "is not a regular file"
    assert refusal(Path("absent"), links=links) == "is missing"
    assert refusal(Path("x" * 300), links=links) == "cannot be read: file name too long"
    assert refusal(Path("a\0b"), links=links) == "cannot be read: embedded null byte"


def test_a_link_is_followed_only_where_it_may_be() -> None:
    Path("a").write_bytes(b"1")
    Path("link").symlink_to("a")
    Path("zero").symlink_to("/dev/zero")
    Path("loop").symlink_to("loop")
    assert read_bounded(Path("link"), 10) == b"1"
    assert refusal(Path("zero")) == "is not a regular file"
    assert refusal(Path("loop")).startswith("cannot be read: too many levels")
    for name in ("link", "zero", "loop"):
        assert refusal(Path(name), links=False) == "is a link, which is not followed"


def test_a_file_of_the_kernel_has_more_than_its_size_says() -> None:
    if not Path("/proc/self/maps").exists():
        pytest.skip("no such files here")
    assert refusal(Path("/proc/self/maps")) == "is larger than 9.537e-06 MiB"


def test_a_temporary_file_that_is_a_link_is_not_written_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitreport.files.secrets.randbits", lambda bits: 7)
    Path("precious").write_text("precious")
    Path(".a.7.tmp").symlink_to("precious")
    with pytest.raises(Exception, match="cannot write a"):
        write_atomic(Path("a"), b"1")
    assert Path("precious").read_text() == "precious"


def test_the_longest_name_can_be_written() -> None:
    path = Path("ä" * 127)
    write_atomic(path, b"1")
    assert path.read_bytes() == b"1"


def test_json_of_half_a_character_can_be_written_and_read() -> None:
    write_json(Path("a.json"), {"name": "\udcff é"}, indent=None)
    assert Path("a.json").read_bytes() == '{"name": "\\udcff é"}\n'.encode()


def test_the_room_of_a_place_that_is_not_there_yet_is_that_of_its_disk(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "absent" / "runs") == pytest.approx(free_bytes(tmp_path), rel=0.1)
