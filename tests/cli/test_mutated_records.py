"""Records with some bytes changed: each is read or named, and what is read can be shown."""

import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.records import small_spec, write_run
from vitreport.cli.commands.runs import list_runs, show
from vitreport.errors import DamageError
from vitreport.records.reader import read_run

FILES = ("run.json", "spec.json", "result.json", "metrics.jsonl")


@pytest.fixture
def run() -> Path:
    """The folder of a run, with its sound files kept beside it."""
    folder = write_run(Path("runs"), small_spec())
    shutil.copytree("runs", "sound")
    return folder


mutations = st.lists(
    st.tuples(
        st.sampled_from(FILES),
        st.floats(0, 1),
        st.integers(0, 8),
        st.one_of(st.binary(max_size=4), st.sampled_from([b"null", b"-1", b"1e999", b'"', b"{", b"]", b"99", b"\n"])),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations)
def test_mutated_records_are_read_or_named(run: Path, mutations: list[Any]) -> None:
    for name in FILES:
        shutil.copy(Path("sound", run.name, name), run / name)
    for name, place, removed, inserted in mutations:
        content = (run / name).read_bytes()
        start = int(place * len(content))
        (run / name).write_bytes(content[:start] + inserted + content[start + removed :])
    found = read_run(run)
    parts = (found.record, found.spec, found.result, found.epochs or None)
    lost = {name for name, part in zip(FILES, parts, strict=True) if part is None}
    named = {each.place for each in found.damage}
    assert lost - named <= ({"result.json"} if found.record is None else set()) | {"metrics.jsonl"}
    assert named <= {name for name, *_ in mutations}
    one = printed(partial(show, str(run), run.parent))
    (row,) = printed(partial(list_runs, runs_dir=run.parent))["runs"]
    assert one["damage"] == row["damage"] == list(map(str, found.damage))
    json.dumps([one, row], allow_nan=False)


def printed(show: Callable[..., None]) -> Any:
    """What is printed as JSON, also of a damaged record."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()), suppress(DamageError):
        show(as_json=True)
    return json.loads(out.getvalue())
