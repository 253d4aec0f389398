"""`vitreport report` as its users run it: documents on stdout or in a file, all else on stderr, exit codes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.commands import command
from tests.records import spec, write_run, write_seeds
from vitreport.files import write_json
from vitreport.report.inject import BEGIN, END

RUNS = Path("runs")


@pytest.fixture(autouse=True)
def runs() -> None:
    write_seeds(RUNS, [0.5, 0.52], train={"epochs": 2})
    write_run(RUNS, spec("swin", train={"epochs": 2}), 0.6)


def damage() -> None:
    (RUNS / spec("swin", train={"epochs": 2}).run_id / "result.json").write_text("{")


def test_stdout_is_the_document(cli: Cli) -> None:
    done = cli("report", "--title", "My study")
    assert (done.exit_code, done.stderr) == (0, "4 figures in vitreport-assets/\n")
    assert done.stdout.startswith("# My study\n\nOn CIFAR-10, no winner is claimed: one seed")


def test_other_formats(cli: Cli) -> None:
    """Those that a file's ending chooses are written in a test below."""
    done = cli("report", "--format", "latex")
    assert done.exit_code == 0
    assert done.stdout.startswith("% needs \\usepackage{array,booktabs,longtable}\n\\begin{table}")


def test_a_group_alone(cli: Cli) -> None:
    done = cli("report", "perceiver-io-cifar10", "--no-assets")
    assert "Perceiver IO reaches 51.0%" in done.stdout
    assert "Swin" not in done.stdout


def test_a_sweep_shows_what_it_has_not_run(cli: Cli) -> None:
    """Its cells are those of the file; the missing one comes with the command that trains that very run."""
    missing = spec(train={"epochs": 2, "batch_size": 64})
    cells = [(["128"], spec(train={"epochs": 2}).run_id), (["64"], missing.run_id)]
    record = {
        "schema_version": 1,
        "id": "by-batch-size-00000000",
        "name": "by batch size",
        "axes": [{"name": "batch_size", "values": ["128", "64"]}],
        "baseline": ["128"],
        "cells": [{"values": values, "run": run_id} for values, run_id in cells],
    }
    (RUNS / "sweeps").mkdir()
    write_json(RUNS / "sweeps" / "by-batch-size-00000000.json", record)
    done = cli("report", "by-batch-size-00000000", "--no-assets")
    assert done.exit_code == 0
    assert "| 64 | not run |" in done.stdout
    assert "Swin" not in done.stdout
    (RUNS / "sweeps" / "by-batch-size-00000000.json").write_text("{")
    damaged = cli("report", "--no-assets")
    assert (damaged.exit_code, "sweeps/by-batch-size-00000000.json" in damaged.stdout) == (7, True)


def test_a_sweep_of_one_value_has_nothing_to_compare(cli: Cli) -> None:
    record = {
        "schema_version": 1,
        "id": "one-00000000",
        "name": "one",
        "axes": [{"name": "batch_size", "values": ["128"]}],
        "baseline": None,
        "cells": [{"values": ["128"], "run": spec(train={"epochs": 2}).run_id}],
    }
    (RUNS / "sweeps").mkdir()
    write_json(RUNS / "sweeps" / "one-00000000.json", record)
    done = cli("report", "--no-assets")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "\n## Perceiver IO on CIFAR-10 by batch_size\n" in done.stdout


def test_a_name_that_means_nothing(cli: Cli) -> None:
    done = cli("report", "perciever")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no run, group or sweep 'perciever'" in done.stderr
    for number in range(20):
        write_run(RUNS, spec(train={"epochs": 3 + number}), 0.5)
    assert cli("report", "nosuch").stderr.count("-cifar10-") == 5


def test_damage_is_told_and_the_rest_is_reported(cli: Cli) -> None:
    damage()
    done = cli("report", "--no-assets")
    assert done.exit_code == 7
    assert "Perceiver IO reaches 51.0%" in done.stdout
    assert "## Damaged records" in done.stdout
    assert "result.json" in done.stderr
    assert str(RUNS.resolve()) not in done.stdout


def test_output_is_a_file_and_nothing_on_stdout(cli: Cli) -> None:
    document = cli("report", "--no-assets").stdout
    done = cli("report", "-o", "report.md", "--no-assets")
    assert (done.exit_code, done.stdout, Path("report.md").read_text()) == (0, "", document)


def test_injection_keeps_what_stands_around_it_and_can_be_repeated(cli: Cli) -> None:
    around = f"between {BEGIN} and {END}\n{{}}\nas `{BEGIN}` says\n"
    Path("README.md").write_text(around.format(f"{BEGIN}\nold\n{END}"))
    document = cli("report", "--no-assets").stdout
    document = re.sub("^(?=#+ )", "#", document, flags=re.MULTILINE)
    for _ in range(2):
        assert cli("report", "--inject", "README.md", "--no-assets").exit_code == 0
        assert Path("README.md").read_text() == around.format(f"{BEGIN}\n\n{document}\n{END}")
    assert cli("report", "--check", "README.md", "--no-assets").exit_code == 0


@pytest.mark.parametrize("text", ["no marks", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}{BEGIN}{END}"])
def test_a_file_without_its_marks_stays_as_it_was(cli: Cli, text: str) -> None:
    Path("README.md").write_text(text)
    done = cli("report", "--inject", "README.md")
    assert (done.exit_code, Path("README.md").read_text()) == (2, text)
    assert "vitreport:begin" in done.stderr


def test_check_shows_what_has_drifted(cli: Cli) -> None:
    cli("report", "-o", "report.md", "--no-assets")
    assert cli("report", "--check", "report.md", "--no-assets").exit_code == 0
    Path("report.md").write_text(Path("report.md").read_text().replace("51.0%", "99.9%"))
    done = cli("report", "--check", "report.md", "--no-assets")
    assert done.exit_code == 9
    assert "-On CIFAR-10, Perceiver IO" not in done.stdout
    assert "99.9%" in done.stdout
    assert "is out of date" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--inject", "none.md"), ("--check", "none.md"), ("-o", "a", "--check", "b"), ("--template", "none.j2")],
)
def test_what_cannot_be_done_is_an_error_of_usage(cli: Cli, arguments: tuple[str, ...]) -> None:
    done = cli("report", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_template_that_fails_leaves_the_old_report(cli: Cli) -> None:
    Path("own.j2").write_text("{{ ''.__class__ }}")
    Path("report.md").write_text("old")
    assert cli("report", "-o", "report.md", "--template", "own.j2").exit_code == 2
    assert Path("report.md").read_text() == "old"


def test_a_group_has_a_model_card(cli: Cli) -> None:
    group = write_seeds(Path("runs"), [0.562, 0.558], dataset="stl10").pop().name.removesuffix("-s1")
    done = cli("report", group, "--format", "model-card", "--title", "A network")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("---\nlibrary_name: vitreport\n")
    assert "\n# A network\n\nTest accuracy 56.0% (53.5 to 58.5, n = 2)." in done.stdout


def test_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command("report", "--no-assets"), stdout=writer, stderr=subprocess.PIPE, timeout=120, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [
        (("report", "--no-assets"), ""),
        (("report", "--no-assets"), "1"),
        (("runs", "list"), "1"),
        (("runs", "list", "--json"), ""),
    ],
)
def test_a_full_disk_behind_stdout_is_no_bug(arguments: tuple[str, ...], unbuffered: str) -> None:
    damage()
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command(*arguments), stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False
        )
    assert (done.returncode, "Traceback" in done.stderr, "Exception" in done.stderr) == (6, False, False)
    assert "error: cannot write to stdout: No space left on device" in done.stderr


def test_a_folder_without_runs_is_told(cli: Cli) -> None:
    Path("none").mkdir()
    done = cli("report", "--runs-dir", "none")
    hint = "`vitreport train perceiver-io --dataset digits` trains one"
    assert (done.exit_code, done.stderr) == (2, f"error: no runs in none; hint: {hint}\n")
    assert "## Commands" not in done.stdout
    assert "|" not in done.stdout


def test_a_study_is_reported_before_its_first_run(cli: Cli) -> None:
    planned = cli("report", "--study", "small-images", "--no-assets")
    assert (planned.exit_code, planned.stderr) == (0, "there are no runs of small-images in runs\n")
    assert "## Commands" not in planned.stdout


@pytest.mark.parametrize(
    ("ending", "start"),
    [("html", "<!doctype"), ("json", "{"), ("csv", "architecture,"), ("tex", "% needs"), ("md", "# ")],
)
def test_the_ending_of_a_file_says_its_format(cli: Cli, ending: str, start: str) -> None:
    bare = ("--no-assets",) if ending == "md" else ()
    assert cli("report", "-o", f"report.{ending}", *bare).exit_code == 0
    assert Path(f"report.{ending}").read_text().startswith(start)
    assert cli("report", "--check", f"report.{ending}", *bare).exit_code == 0


def test_long_lines_of_a_difference_are_cut(cli: Cli) -> None:
    Path("report.md").write_text("something else\n" + "long " * 100)
    done = cli("report", "--no-assets", "--check", "report.md")
    assert done.exit_code == 9
    assert max(map(len, done.stdout.splitlines())) == 201


def test_what_a_terminal_would_obey_is_not_shown_of_a_file(cli: Cli) -> None:
    cli("report", "-o", "report.md", "--no-assets")
    with Path("report.md").open("a") as file:
        file.write("\x1b]0;title\x07red\n\x1b[2J" + "\x9b" * 300)
    done = cli("report", "--no-assets", "--check", "report.md")
    *_, red, long, missing = done.stdout.split("\n")
    assert (done.exit_code, red, missing) == (9, "-\ufffd]0;title\ufffdred", "")
    assert (long[:6], len(long)) == ("-\ufffd[2J\ufffd", 201)


def test_a_folder_to_write_into_is_to_be_made(cli: Cli) -> None:
    done = cli("report", "-o", "no/report.md")
    assert (done.exit_code, "hint: create the directory no first" in done.stderr) == (6, True)


def test_a_page_of_its_own(cli: Cli) -> None:
    """Whole, in one file; matplotlib is loaded only for formats that have figures."""
    code = "import sys; from vitreport.cli.main import run; print(run(sys.argv[1:]), 'matplotlib' in sys.modules)"
    for name, is_loaded in (("page.html", "True"), ("page.csv", "False")):
        command = [sys.executable, "-c", code, "report", "-o", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["0", is_loaded]
    assert [path.name for path in Path().iterdir() if path.is_dir()] == ["runs"]


def test_only_a_file_is_written_over_and_a_link_to_one_stays(cli: Cli) -> None:
    write_run(Path("runs"), spec())
    os.mkfifo("pipe")
    done = cli("report", "-o", "pipe")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: pipe is not a regular file; hint: give the path of a regular file")
    assert Path("pipe").is_fifo()
    Path("real.md").write_text("before")
    Path("link.md").symlink_to("real.md")
    assert cli("report", "-o", "link.md", "--no-assets").exit_code == 0
    assert Path("link.md").is_symlink()
    assert Path("real.md").read_text().startswith("# ")


def test_an_ending_that_no_format_has_is_told(cli: Cli) -> None:
    write_run(Path("runs"), spec())
    done = cli("report", "-o", "x.docx")
    assert (done.exit_code, done.stdout, Path("x.docx").exists()) == (2, "", False)
    assert "unknown file extension: x.docx; hint: use one of .md, " in done.stderr
    assert cli("report", "-o", "x.docx", "--format", "markdown", "--no-assets").exit_code == 0
