"""Any words on the command line are run, or refused in one line each."""

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from tests.spec.test_load_fuzz import NAMES, TEXT, VALUES, fuzzed
from vitreport.cli.main import run
from vitreport.spec.load import preset_names

OPTIONS = st.sampled_from(
    ["--preset", "--dataset", "--set", "--spec", "--data-dir", "--json", "--", "-", *preset_names(), "swin"]
)


@fuzzed
@given(st.lists(OPTIONS | TEXT | st.tuples(st.sampled_from(NAMES), VALUES).map("=".join), max_size=6))
def test_any_words_on_the_command_line(words: list[str]) -> None:
    stdout, stderr = StringIO(), StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        exit_code = run(["spec", "show", *words])
    lines = stderr.getvalue().split("\n")
    assert exit_code in (0, 2, 3)
    assert [line for line in lines if not line.isprintable()] == []
    assert (exit_code == 0) == (stderr.getvalue() == "")
    assert exit_code == 0 or all(line.startswith("error: ") for line in lines[:-1])
