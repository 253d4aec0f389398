from pathlib import Path

import pytest

from vitreport.data import fetch as module
from vitreport.data.fetch import download
from vitreport.data.registry import Archive, ImageRequest
from vitreport.errors import ResourceError

from .makers import md5
from .server import CONTENT, Mirror


def published(*mirrors: str, size: int = len(CONTENT)) -> Archive:
    return Archive("set.tar.gz", md5(CONTENT), size, "set", mirrors)


class Fetch:
    """One call of `download`, and what it told."""

    def __init__(self, mirror: Mirror, folder: Path) -> None:
        self.mirror = mirror
        self.target = folder / "sub" / "set.tar.gz"
        self.part = folder / "sub" / "set.tar.gz.part"
        self.bad = folder / "sub" / "set.tar.gz.bad"
        self.told: list[str] = []
        self.progress: list[tuple[str, int, int | None]] = []

    def __call__(self, *faults: str, size: int = len(CONTENT)) -> None:
        data_dir, cache_dir = self.target.parent, self.target.parent.parent / "cache"
        request = ImageRequest(
            "set", 8, data_dir, cache_dir, self.told.append, lambda *report: self.progress.append(report)
        )
        assert download(published(*map(self.mirror.url, faults), size=size), request) == self.target

    def begun_with(self, content: bytes) -> None:
        self.part.parent.mkdir()
        self.part.write_bytes(content)

    @property
    def requests(self) -> list[tuple[str, str | None]]:
        return self.mirror.requests


@pytest.fixture
def fetch(mirror: Mirror, tmp_path: Path) -> Fetch:
    return Fetch(mirror, tmp_path)


def refusal(fetch: Fetch, *faults: str) -> str:
    with pytest.raises(ResourceError) as error:
        fetch(*faults)
    assert f"or put set.tar.gz into {fetch.target.parent}" in error.value.hint
    assert not fetch.target.exists()
    return error.value.message


def test_a_good_mirror_gives_the_file(fetch: Fetch) -> None:
    fetch("good")
    assert fetch.target.read_bytes() == CONTENT
    assert not fetch.part.exists()
    assert fetch.progress[-1] == ("downloading set.tar.gz", len(CONTENT), len(CONTENT))
    (told,) = fetch.told
    assert told.startswith(f"downloading set.tar.gz (102kB) from 127.0.0.1:{fetch.mirror.server_port} for ")
    assert told.endswith("; use --dataset to choose another dataset (digits needs no download)")


@pytest.mark.parametrize(
    ("size", "words"), [(2_640_397_119, " (2.64GB)"), (170_498_071, " (170MB)"), (102_400, " (102kB)")]
)
def test_the_size_of_a_download_is_told(fetch: Fetch, size: int, words: str) -> None:
    with pytest.raises(ResourceError):
        fetch("not-found", size=size)
    assert fetch.told[0].startswith(f"downloading set.tar.gz{words} from ")


@pytest.mark.parametrize("fault", ["no-range", "no-length", "to-good"])
def test_ranges_lengths_and_redirects_are_the_servers_choice(fetch: Fetch, fault: str) -> None:
    fetch(fault)
    assert fetch.target.read_bytes() == CONTENT


def test_a_file_that_is_there_is_not_fetched(fetch: Fetch) -> None:
    fetch("good")
    fetch("not-found")
    assert len(fetch.requests) == 1


def test_what_was_cut_off_is_resumed_by_the_next_mirror(fetch: Fetch) -> None:
    fetch("cut-off", "good")
    assert fetch.target.read_bytes() == CONTENT
    assert fetch.requests == [("/cut-off", None), ("/good", f"bytes={len(CONTENT) // 2}-")]
    assert fetch.progress[-1][1:] == (len(CONTENT), len(CONTENT))


def test_what_was_cut_off_is_resumed_by_the_next_try(fetch: Fetch) -> None:
    half = len(CONTENT) // 2
    assert f"cut off after {half} of {len(CONTENT)} bytes" in refusal(fetch, "cut-off")
    assert fetch.part.read_bytes() == CONTENT[:half]
    fetch("good")
    assert fetch.target.read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_begins_again(fetch: Fetch) -> None:
    fetch.begun_with(CONTENT[:1000])
    fetch("no-range")
    assert fetch.requests == [("/no-range", "bytes=1000-")]
    assert fetch.target.read_bytes() == CONTENT


def test_a_server_that_resumes_elsewhere_is_left(fetch: Fetch) -> None:
    fetch.begun_with(CONTENT[:1000])
    fetch("other-range", "good")
    assert fetch.target.read_bytes() == CONTENT


@pytest.mark.parametrize("length", [len(CONTENT), len(CONTENT) + 5])
def test_a_part_that_is_complete_or_too_long(fetch: Fetch, length: int) -> None:
    fetch.begun_with((CONTENT * 2)[:length])
    fetch("good")
    assert fetch.target.read_bytes() == CONTENT


def test_a_poisoned_part_does_not_spoil_a_mirror(fetch: Fetch) -> None:
    fetch.begun_with(b"from a captive portal")
    fetch("good")
    assert fetch.target.read_bytes() == CONTENT
    assert fetch.bad.read_bytes().startswith(b"from a captive portal")


def test_wrong_bytes_are_set_aside_and_the_next_mirror_begins_anew(fetch: Fetch) -> None:
    fetch("wrong-bytes", "good")
    assert fetch.requests == [("/wrong-bytes", None), ("/good", None)]
    assert fetch.target.read_bytes() == CONTENT
    assert fetch.bad.read_bytes() == CONTENT[::-1]


def test_a_file_without_end_is_not_read_to_its_end(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
    assert "expected" in refusal(fetch, "too-long")
    assert len(CONTENT) < fetch.bad.stat().st_size <= len(CONTENT) + 1000


def test_an_html_page_leaves_the_part_alone(fetch: Fetch) -> None:
    fetch.begun_with(CONTENT[:1000])
    assert "HTML page" in refusal(fetch, "html")
    assert fetch.part.read_bytes() == CONTENT[:1000]
    fetch("html", "good")
    assert fetch.target.read_bytes() == CONTENT


def test_each_mirror_has_its_reason(fetch: Fetch) -> None:
    message = refusal(fetch, "not-found", "html", "silent", "to-local-file", "wrong-bytes")
    for reason in ("HTTP 404", "HTML page", "closed connection", "file", md5(CONTENT[::-1])):
        assert reason in message
    assert "\n" not in message


def test_a_host_that_is_not_there(tmp_path: Path, told: list[str]) -> None:
    with pytest.raises(ResourceError, match="refused"):
        download(published("http://127.0.0.1:9/x"), ImageRequest("set", 8, tmp_path, tmp_path, told.append))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(fetch: Fetch) -> None:
    fetch.part.parent.mkdir()
    fetch.part.symlink_to("/dev/full")
    with pytest.raises(ResourceError, match=r"no space left: .*set\.tar\.gz; hint: free some space") as error:
        fetch("good")
    assert "free some space" in error.value.hint


@pytest.mark.parametrize("broken", ["to-half-an-address", "to-a-word-as-port"])
def test_a_mirror_that_redirects_to_no_address_is_skipped(fetch: Fetch, broken: str) -> None:
    with pytest.raises(ResourceError, match=r"set\.tar\.gz could not be downloaded"):
        fetch(broken)
    fetch(broken, "good")
    assert fetch.target.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "sub").write_text("a file")
    with pytest.raises(ResourceError, match="cannot write"):
        Fetch(mirror, tmp_path)("good")
