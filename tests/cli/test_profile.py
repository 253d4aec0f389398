"""`vitreport train --profile`: where the time of an epoch goes, and a trace."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch._C._autograd import DeviceType

from tests.cli.conftest import Cli
from tests.commands import TINY
from vitreport.store.profile import COMPUTING, COMPUTING_WITH_BFLOAT16, HINTS, Profile, seconds_of

PARTS = {"data", "forward", "backward", "optimizer", "evaluation", "checkpoint", "waiting"}
COMMAND = ("train", "perceiver-io", "--dataset", "digits", *TINY)


def profile(**seconds: float) -> Profile:
    return Profile(dict.fromkeys(PARTS, 0.0) | seconds, steps=10, device="cpu")


def test_every_part_has_its_time_and_the_trace_names_the_parts(cli: Cli) -> None:
    done = cli(*COMMAND, "--profile", "trace.json", "--json", "--quiet")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["seconds"]) == set(found["shares"]) == PARTS
    assert all(seconds > 0 for name, seconds in found["seconds"].items() if name != "waiting")
    assert sum(found["shares"].values()) == pytest.approx(1)
    names = {event.get("name") for event in json.loads(Path("trace.json").read_text())["traceEvents"]}
    assert PARTS - {"waiting"} < names
    assert not Path("runs").exists()


def test_the_table_begins_with_the_longest_part(cli: Cli) -> None:
    done = cli(*COMMAND, "--profile", "trace.json")
    shares = [float(line.split()[-1].rstrip("%")) for line in done.stdout.splitlines()[1:]]
    assert len(shares) == len(PARTS)
    assert shares == sorted(shares, reverse=True)
    assert done.stderr.splitlines()[-1] == "open trace.json in chrome://tracing or https://ui.perfetto.dev"


def test_quiet_prints_the_table_alone(cli: Cli) -> None:
    done = cli(*COMMAND, "--profile", "trace.json", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_plan_and_a_profile_are_not_made_together(cli: Cli) -> None:
    done = cli(*COMMAND, "--profile", "trace.json", "--dry-run")
    fault = "error: --dry-run and --profile cannot be used together; hint: use one of them\n"
    assert (done.exit_code, done.stderr) == (2, fault)


def test_a_trace_that_cannot_be_written_is_refused_first(cli: Cli) -> None:
    done = cli(*COMMAND, "--profile", "missing/trace.json")
    assert (done.exit_code, done.stdout) == (6, "")


@pytest.mark.parametrize("part", HINTS)
def test_the_hint_is_about_the_part_that_takes_too_much(part: str) -> None:
    assert profile(forward=1.0, **{part: 9.0}).hint == HINTS[part][1]


@pytest.mark.parametrize(("instructions", "expected"), [([], COMPUTING), (["amx_bf16"], COMPUTING_WITH_BFLOAT16)])
def test_without_such_a_part_the_hint_is_about_computing(
    instructions: list[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bfloat16 is slower on a processor without instructions for it."""
    monkeypatch.setattr("vitreport.store.profile.bfloat16_instructions", lambda: instructions)
    assert profile(forward=1.0, backward=2.0, data=0.1).hint == expected
    assert "--precision bfloat16" in COMPUTING_WITH_BFLOAT16


def test_on_a_gpu_a_part_has_the_time_of_its_kernels() -> None:
    """The profiler lists a range a second time, for the GPU: from its first to its last kernel, with the gaps."""
    ranges = [
        SimpleNamespace(key="forward", device_type=DeviceType.CPU, cpu_time_total=5e6, device_time_total=2e6),
        SimpleNamespace(key="forward", device_type=DeviceType.CUDA, cpu_time_total=0.0, device_time_total=9e6),
    ]
    assert seconds_of(ranges, on_gpu=True) == {"forward": pytest.approx(2.0)}
    assert seconds_of(ranges, on_gpu=False) == {"forward": pytest.approx(5.0)}
