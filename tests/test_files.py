"""The one opener: regular files of a bounded size, and pipes where they are wanted."""

import os
import threading
from pathlib import Path

import pytest

from vitreport.files import write_atomic, write_json
from vitreport.untrusted_files import UnreadableFileError, file_digest, read_bounded


def refusal(path: Path, most: int = 10, *, links: bool = True, pipes: bool = False) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read_bounded(path, most, links=links, pipes=pipes)
    return caught.value.reason


def test_a_file_is_read_up_to_its_limit() -> None:
    path = Path("a")
    path.write_bytes(b"0123456789")
    assert read_bounded(path, 10) == b"0123456789"
    assert refusal(path, 9) == "is larger than 9 bytes"


def test_a_huge_file_is_refused_before_it_is_read() -> None:
    with Path("a").open("wb") as file:
        file.truncate(6 << 30)
    assert refusal(Path("a"), 4 << 30) == "is larger than 4 GiB"
    with pytest.raises(UnreadableFileError, match="is larger than 4 GiB"):
        file_digest(Path("a"), 4 << 30)


@pytest.mark.parametrize("links", [True, False])
def test_what_is_no_regular_file_is_not_waited_for(links: bool) -> None:
    Path("folder").mkdir()
    os.mkfifo("pipe")
    assert refusal(Path("folder"), links=links) == "is a folder, not a regular file"
    assert refusal(Path("pipe"), links=links) == "is a pipe, not a regular file"
    assert refusal(Path("/dev/zero"), links=links) == "is a device, not a regular file"
    assert refusal(Path("absent"), links=links) == "is missing"
    assert refusal(Path("x" * 300), links=links) == "cannot be read: file name too long"
    assert refusal(Path("a\0b"), links=links) == "cannot be read: embedded null byte"


def write_and_close(descriptor: int) -> None:
    os.write(descriptor, b"1")
    os.close(descriptor)


def test_a_pipe_without_a_name_is_waited_for() -> None:
    reader, writer = os.pipe()
    later = threading.Timer(0.2, write_and_close, (writer,))
    later.start()
    assert read_bounded(Path(f"/dev/fd/{reader}"), 10, pipes=True) == b"1"
    later.join()
    os.close(reader)


def test_a_link_is_followed_only_where_it_may_be() -> None:
    Path("a").write_bytes(b"1")
    Path("link").symlink_to("a")
    Path("zero").symlink_to("/dev/zero")
    Path("loop").symlink_to("loop")
    assert read_bounded(Path("link"), 10) == b"1"
    assert refusal(Path("zero")) == "is a device, not a regular file"
    assert refusal(Path("loop")).startswith("cannot be read: too many levels")
    for name in ("link", "zero", "loop"):
        assert refusal(Path(name), links=False) == "is a link, which is not followed"


def test_a_file_of_the_kernel_has_more_than_its_size_says() -> None:
    if not Path("/proc/self/maps").exists():
        pytest.skip("no such files here")
    assert refusal(Path("/proc/self/maps")) == "is larger than 10 bytes"


@pytest.mark.parametrize(("size", "most", "is_read"), [(200_000, 200_000, True), (200_001, 200_000, False)])
def test_a_pipe_is_read_to_its_end_or_its_limit(size: int, most: int, is_read: bool) -> None:
    """More than the system keeps of a pipe, so that the writer has to be waited for."""
    reader, writer = os.pipe()
    thread = threading.Thread(target=_write, args=(writer, b"x" * size))
    thread.start()
    place = Path(f"/dev/fd/{reader}")
    if is_read:
        assert read_bounded(place, most, pipes=True) == b"x" * size
    else:
        assert refusal(place, most, pipes=True) == "is larger than 195 KiB"
    os.close(reader)
    thread.join()


def _write(descriptor: int, content: bytes) -> None:
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    except BrokenPipeError:
        pass
    os.close(descriptor)


def test_a_pipe_whose_writer_has_gone_is_read() -> None:
    reader, writer = os.pipe()
    _write(writer, b"spec")
    assert read_bounded(Path(f"/dev/fd/{reader}"), 10, pipes=True) == b"spec"
    os.close(reader)


def test_a_temporary_file_that_is_a_link_is_not_written_through() -> None:
    Path("precious").write_text("precious")
    Path(f".a.{os.getpid()}.tmp").symlink_to("precious")
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
