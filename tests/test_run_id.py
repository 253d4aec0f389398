"""The format of run ids: what is written is read back, and other names of folders are left whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitreport.run_id import NO_SEED, RunId, common_id, is_meant, newest_attempts

NAMES = st.text(min_size=1, max_size=30)
HASHES = st.text("0123456789abcdef", min_size=8, max_size=8)


@given(NAMES, NAMES, HASHES, st.integers(0, 2**31 - 1), st.integers(1, 99))
def test_an_id_is_read_back(model: str, dataset: str, spec_hash: str, seed: int, attempt: int) -> None:
    first = RunId.of(model.replace("\n", ""), dataset, spec_hash, seed)
    run_id = RunId(first.group, first.seed, attempt)
    assert RunId.parse(str(run_id)) == run_id
    assert run_id.first_attempt == str(first)
    assert run_id.group.endswith(f"-{spec_hash}")


@pytest.mark.parametrize(("suffix", "seed", "attempt"), [("-s4", 4, 1), ("-s4-r2", 4, 2), ("-s12-r10", 12, 10)])
def test_group_seed_and_attempt(suffix: str, seed: int, attempt: int) -> None:
    run_id = RunId.parse(f"swin-a-s1-0123abcd{suffix}")
    assert (run_id.group, run_id.seed) == ("swin-a-s1-0123abcd", seed)
    assert (run_id.attempt, str(run_id)) == (attempt, f"swin-a-s1-0123abcd{suffix}")


@pytest.mark.parametrize(
    "name",
    ["mine", "mine-r2", "a-s0", "a-0123abcd", "a-0123abcd-s1-old", "a-0123abcd-s01", "a-0123abcd-s1-r1"],
)
def test_another_name_is_a_group_of_its_own(name: str) -> None:
    run_id = RunId.parse(name)
    assert (str(run_id), run_id.group, run_id.first_attempt) == (name, name, name)
    assert (run_id.seed, run_id.attempt) == (NO_SEED, 1)


def test_the_newest_attempts_are_sorted_by_group_and_seed() -> None:
    others = ["a-0123abcd-s10", "a-0123abcd-s9-r10", "a-0123abcd-s9-r9", "mine", "a-0123abcd-s9"]
    assert newest_attempts(others) == ["a-0123abcd-s9-r10", "a-0123abcd-s10", "mine"]


def test_several_seeds_have_the_id_of_their_group_in_common() -> None:
    assert common_id(["swin-digits-0123abcd-s1-r2"]) == "swin-digits-0123abcd-s1-r2"
    assert common_id(["swin-digits-0123abcd-s0", "swin-digits-0123abcd-s1"]) == "swin-digits-0123abcd"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("a-0123abcd-s1", ["-s1", "-s1-r2", "-s1-r20"]),
        ("a-0123abcd-s1-r2", ["-s1-r2"]),
        ("a-0123abcd-s", ["-s1", "-s1-r2", "-s1-r20", "-s10"]),
        ("a-0123", ["-s1", "-s1-r2", "-s1-r20", "-s10"]),
    ],
)
def test_a_complete_id_means_no_other_seed_or_attempt(name: str, meant: list[str]) -> None:
    runs = [f"a-0123abcd{suffix}" for suffix in ("-s1", "-s1-r2", "-s1-r20", "-s10")]
    assert [run for run in runs if is_meant(run, name)] == [f"a-0123abcd{suffix}" for suffix in meant]
