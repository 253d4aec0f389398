"""`vitreport report` as its users run it: documents on stdout or in a file, all else on stderr, exit codes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.cli.conftest import Cli
from tests.commands import command
from tests.records import spec, write_run, write_seeds
from tests.report.pictured import add_mistakes
from vitreport.files import write_json
from vitreport.report.figures.beside import MANIFEST
from vitreport.report.formats.placing import BEGIN, END

RUNS = Path("runs")


@pytest.fixture(autouse=True)
def runs() -> None:
    write_seeds(RUNS, [0.5, 0.52], train={"epochs": 2})
    write_run(RUNS, spec("swin", train={"epochs": 2}), 0.6)


def pictures(folder: Path) -> list[str]:
    """The figures in a folder, without the note of what was written for which document."""
    return sorted(path.name for path in folder.iterdir() if path.name != MANIFEST)


def damage() -> None:
    (RUNS / spec("swin", train={"epochs": 2}).run_id / "result.json").write_text("{")


def test_stdout_is_the_document(cli: Cli) -> None:
    done = cli("report", "--title", "My study")
    assert (done.exit_code, done.stderr) == (0, "12 figures in report-assets/\n")
    assert done.stdout.startswith("# My study\n\nOn CIFAR-10, Swin Transformer has the highest")


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("json", "{"),
        ("csv", "architecture,"),
        ("latex", "% needs \\usepackage{booktabs}\n\\begin{table}"),
        ("html", "<!doctype html>"),
    ],
)
def test_other_formats(cli: Cli, kind: str, start: str) -> None:
    done = cli("report", "--format", kind)
    assert (done.exit_code, done.stdout[: len(start)]) == (0, start)


def test_a_group_alone(cli: Cli) -> None:
    done = cli("report", "perceiver-io-cifar10")
    assert "Perceiver IO reaches 51.0%" in done.stdout
    assert "Swin" not in done.stdout


def test_a_sweep_shows_what_it_has_not_run(cli: Cli) -> None:
    """Its cells are those of the file; the missing one comes with the command that trains that very run."""
    missing = spec(train={"epochs": 2, "batch_size": 64})
    cells = [(["128"], spec(train={"epochs": 2}).run_id), (["64"], missing.run_id)]
    record = {
        "id": "by-batch-size-00000000",
        "name": "by batch size",
        "axes": [{"name": "batch_size", "values": ["128", "64"]}],
        "baseline": ["128"],
        "cells": [{"values": values, "run": run_id} for values, run_id in cells],
    }
    (RUNS / "sweeps").mkdir()
    write_json(RUNS / "sweeps" / "by-batch-size-00000000.json", record)
    done = cli("report", "by-batch-size-00000000")
    assert done.exit_code == 0
    assert "| 64 | not run |" in done.stdout
    assert "- Not run: 64. `vitreport train perceiver-io --dataset cifar10 --set" in done.stdout
    assert "Swin" not in done.stdout
    (RUNS / "sweeps" / "by-batch-size-00000000.json").write_text("{")
    damaged = cli("report")
    assert (damaged.exit_code, "sweeps/by-batch-size-00000000.json" in damaged.stdout) == (7, True)


def test_a_sweep_of_one_value_has_nothing_to_compare(cli: Cli) -> None:
    record = {
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
    assert "\n### Perceiver IO on CIFAR-10 by batch_size\n" in done.stdout


def test_a_name_that_means_nothing(cli: Cli) -> None:
    done = cli("report", "perciever")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "perciever is no run, group or sweep" in done.stderr
    for number in range(20):
        write_run(RUNS, spec(train={"epochs": 3 + number}), 0.5)
    assert cli("report", "nosuch").stderr.count("-cifar10-") == 5


def test_damage_is_told_and_the_rest_is_reported(cli: Cli) -> None:
    damage()
    done = cli("report")
    assert done.exit_code == 7
    assert "Perceiver IO reaches 51.0%" in done.stdout
    assert "## Damaged records" in done.stdout
    assert "result.json" in done.stderr
    assert str(RUNS.resolve()) not in done.stdout


def test_output_is_a_file_and_nothing_on_stdout(cli: Cli) -> None:
    document = cli("report").stdout
    done = cli("report", "-o", "report.md")
    assert (done.exit_code, done.stdout, Path("report.md").read_text()) == (0, "", document)


def test_injection_keeps_what_stands_around_it_and_can_be_repeated(cli: Cli) -> None:
    around = f"between {BEGIN} and {END}\n{{}}\nas `{BEGIN}` says\n"
    Path("README.md").write_text(around.format(f"{BEGIN}\nold\n{END}"))
    document = cli("report").stdout.replace("report-assets/", "README-assets/")
    document = re.sub("^(?=#+ )", "#", document, flags=re.MULTILINE)
    for _ in range(2):
        assert cli("report", "--inject", "README.md").exit_code == 0
        assert Path("README.md").read_text() == around.format(f"{BEGIN}\n\n{document}\n{END}")
    assert cli("report", "--check", "README.md").exit_code == 0


@pytest.mark.parametrize("text", ["no marks", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}{BEGIN}{END}"])
def test_a_file_without_its_marks_stays_as_it_was(cli: Cli, text: str) -> None:
    Path("README.md").write_text(text)
    done = cli("report", "--inject", "README.md")
    assert (done.exit_code, Path("README.md").read_text()) == (2, text)
    assert "vitreport:begin" in done.stderr


def test_check_shows_what_has_drifted(cli: Cli) -> None:
    cli("report", "-o", "report.md")
    assert cli("report", "--check", "report.md").exit_code == 0
    Path("report.md").write_text(Path("report.md").read_text().replace("51.0%", "99.9%"))
    done = cli("report", "--check", "report.md")
    assert done.exit_code == 9
    assert "-On CIFAR-10, Perceiver IO" not in done.stdout
    assert "99.9%" in done.stdout
    assert "is not what the records give" in done.stderr


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
    assert "\n# A network\n\nTest accuracy 56.0% ± 2.5 (n = 2)." in done.stdout


def test_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command("report"), stdout=writer, stderr=subprocess.PIPE, timeout=120, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("report", "--no-assets"), ("runs", "list"), ("runs", "list", "--json")])
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
    assert (done.exit_code, done.stderr) == (0, "there are no runs in none\n")
    assert "## Commands" not in done.stdout
    assert "|" not in done.stdout


def test_a_folder_that_is_not_there_is_an_error_but_for_a_study(cli: Cli) -> None:
    done = cli("report", "--runs-dir", "nosuch")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: there is no folder nosuch; hint: --runs-dir says where runs are\n"
    planned = cli("report", "--study", "small-images", "--runs-dir", "nosuch", "--no-assets")
    assert (planned.exit_code, planned.stderr) == (0, "there are no runs of small-images in nosuch\n")
    assert "## Commands" not in planned.stdout


def test_two_documents_in_a_folder_have_figures_of_their_own(cli: Cli) -> None:
    cli("report", "perceiver-io", "-o", "a.md")
    cli("report", "swin", "-o", "b.md")
    assert "perceiver-io" in " ".join(path.name for path in Path("a-assets").iterdir())
    assert cli("report", "perceiver-io", "--check", "a.md").exit_code == 0
    assert cli("report", "swin", "--check", "b.md").exit_code == 0


@pytest.mark.parametrize(
    ("ending", "start"),
    [("html", "<!doctype"), ("json", "{"), ("csv", "architecture,"), ("tex", "% needs"), ("md", "# ")],
)
def test_the_ending_of_a_file_says_its_format(cli: Cli, ending: str, start: str) -> None:
    assert cli("report", "-o", f"report.{ending}").exit_code == 0
    assert Path(f"report.{ending}").read_text().startswith(start)
    assert cli("report", "--check", f"report.{ending}").exit_code == 0
    done = cli("report", "-o", f"report.{ending}", "--format", "csv" if ending == "json" else "json")
    assert (done.exit_code, "does not go with" in done.stderr) == (2, True)


def test_of_a_long_difference_the_beginning_is_shown(cli: Cli) -> None:
    Path("report.md").write_text("something else\n" + "long " * 100)
    done = cli("report", "--no-assets", "--check", "report.md")
    lines = done.stdout.splitlines()
    assert (done.exit_code, len(lines)) == (9, 61)
    assert max(map(len, lines)) <= 201
    assert re.fullmatch(r"[0-9,]+ more lines", lines[-1])


def test_a_folder_to_write_into_is_to_be_made(cli: Cli) -> None:
    done = cli("report", "-o", "no/report.md")
    assert (done.exit_code, "hint: make the folder no first" in done.stderr) == (6, True)


def test_a_page_of_its_own(cli: Cli) -> None:
    """Whole, in one file; the figures are drawn once, and matplotlib is not loaded for a second page."""
    assert cli("report", "--format", "html", "-o", "first.html").exit_code == 0
    code = "import sys; from vitreport.cli.main import run; print(run(sys.argv[1:]), 'matplotlib' in sys.modules)"
    again = [sys.executable, "-c", code, "report", "--format", "html", "-o", "second.html"]
    done = subprocess.run(again, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "False"]
    assert Path("first.html").read_bytes() == Path("second.html").read_bytes()


@pytest.mark.parametrize("place", ["here", "output", "inject"])
def test_figures_lie_beside_the_document_and_stdout_has_the_document_alone(cli: Cli, place: str) -> None:
    Path("docs").mkdir()
    Path("docs/report.md").write_text(f"{BEGIN}\n{END}\n")
    options = {"here": [], "output": ["-o", "docs/report.md"], "inject": ["--inject", "docs/report.md"]}[place]
    folder = Path("report-assets" if place == "here" else "docs/report-assets")
    done = cli("report", *options)
    document = done.stdout if place == "here" else Path("docs/report.md").read_text()
    named = re.findall(r'(?:src|srcset)="report-assets/([^"]+)"', document)
    assert sorted(named) == pictures(folder)
    assert len(named) > 8
    assert (done.exit_code, done.stderr) == (0, f"{len(named) // 2} figures in {folder}/\n")
    assert document.count("report-assets") == len(named)


def test_figures_lie_where_they_are_wanted(cli: Cli) -> None:
    Path("docs").mkdir()
    done = cli("report", "-o", "docs/report.md", "--assets", "my figures")
    assert (done.exit_code, done.stderr.endswith("figures in my figures/\n")) == (0, True)
    named = re.findall(r'(?:src|srcset)="([^"]+)"', Path("docs/report.md").read_text())
    assert {unquote(name) for name in named} == {f"../my figures/{name}" for name in pictures(Path("my figures"))}


def test_figures_can_be_left_out(cli: Cli) -> None:
    done = cli("report", "--no-assets")
    assert (done.exit_code, done.stderr, "<img" in done.stdout) == (0, "", False)
    assert cli("report", "-o", "report.md", "--no-assets").exit_code == 0
    assert not any(Path().rglob("*-assets"))


def test_only_figures_that_a_template_shows_are_drawn(cli: Cli) -> None:
    Path("own.j2").write_text(
        '{% from "macros.md.j2" import pictures with context %}{{ pictures(page.figures_of(""), ["overview"]) }}'
    )
    assert cli("report", "--template", "own.j2").stderr == "1 figure in report-assets/\n"
    assert pictures(Path("report-assets")) == ["overview-dark.svg", "overview-light.svg"]
    Path("own.j2").write_text("{{ page.title }}")
    assert cli("report", "--template", "own.j2", "--assets", "none").stderr == ""
    assert not Path("none").exists()


def test_a_gallery_is_a_file_too(cli: Cli) -> None:
    run = add_mistakes(RUNS / spec("swin", train={"epochs": 2}).run_id)
    assert cli("report", "-o", "report.md").exit_code == 0
    (sheet,) = Path("report-assets").glob("*.png")
    assert sheet.read_bytes() == (run / "mistakes.png").read_bytes()
    assert f'src="report-assets/{sheet.name}">' in Path("report.md").read_text()
    sheet.write_bytes(b"")
    assert cli("report", "--check", "report.md").exit_code == 9


def test_figures_that_are_right_already_are_left_alone(cli: Cli) -> None:
    cli("report", "-o", "report.md")
    before = {path: path.stat().st_mtime_ns for path in Path("report-assets").iterdir()}
    shutil.rmtree(os.environ["VITREPORT_CACHE_DIR"])
    cli("report", "-o", "report.md")
    assert {path: path.stat().st_mtime_ns for path in Path("report-assets").iterdir()} == before


def test_figures_that_are_no_longer_shown_go(cli: Cli) -> None:
    """What the report did not write stays, and what somebody has changed since."""
    folder = Path("report-assets")
    cli("report", "-o", "report.md")
    (folder / "mine.svg").write_text("<svg/>")
    (folder / "cost-dark.svg").write_text("<svg/>")
    before = set(pictures(folder))
    done = cli("report", "swin", "--check", "report.md")
    assert f"{folder}/cost-light.svg is no longer a figure of the report\n" in done.stdout
    assert "cost-dark" not in done.stdout.partition("is no longer")[2]
    assert set(pictures(folder)) == before
    cli("report", "swin", "-o", "report.md")
    document = Path("report.md").read_text()
    assert {name for name in pictures(folder) if name not in document} == {"mine.svg", "cost-dark.svg"}
    assert cli("report", "swin", "--check", "report.md").exit_code == 0


def test_a_report_without_figures_leaves_no_folder(cli: Cli) -> None:
    Path("none").mkdir()
    cli("report", "-o", "report.md")
    cli("report", "-o", "report.md", "--runs-dir", "none")
    assert not Path("report-assets").exists()


def test_documents_that_share_a_folder_leave_each_other_their_figures(cli: Cli) -> None:
    """The overview of both has the same name and shows the same only where both say the same."""
    names = {"one": "perceiver-io", "two": "swin"}
    for name, runs in names.items():
        Path(f"{name}.j2").write_text(
            '{% from "macros.md.j2" import pictures with context %}'
            '{{ pictures(page.figures_of(summary.architectures[0].name), ["curves"]) }}'
        )
        cli("report", runs, "-o", f"{name}.md", "--assets", "figures", "--template", f"{name}.j2")
    for name, runs in names.items():
        options = ("--assets", "figures", "--template", f"{name}.j2")
        assert cli("report", runs, "--check", f"{name}.md", *options).exit_code == 0
    assert {name.partition("-cifar10")[0] for name in pictures(Path("figures"))} == {"perceiver-io", "swin"}


def test_documents_of_one_name_and_two_endings_have_figures_of_their_own(cli: Cli) -> None:
    cli("report", "perceiver-io", "-o", "a.md")
    cli("report", "swin", "-o", "a.txt")
    assert (Path("a-assets").is_dir(), Path("a.txt.assets").is_dir()) == (True, True)
    assert cli("report", "perceiver-io", "--check", "a.md").exit_code == 0
    assert cli("report", "swin", "--check", "a.txt").exit_code == 0


@pytest.mark.parametrize("content", ["", "[]", '{"report.md": 1}', '{"../report.md": {"../report.md": "0"}}', "\xff"])
def test_a_damaged_note_of_what_was_written_costs_nothing(cli: Cli, content: str) -> None:
    cli("report", "-o", "report.md")
    (Path("report-assets") / MANIFEST).write_bytes(content.encode("latin-1"))
    assert cli("report", "--check", "report.md").exit_code == 0
    assert cli("report", "swin", "-o", "report.md").exit_code == 0
    assert Path("report.md").exists()


def test_figures_of_another_matplotlib_are_right_where_their_data_are(cli: Cli) -> None:
    cli("report", "-o", "report.md")
    for path in Path("report-assets").glob("*.svg"):
        path.write_text(
            re.sub('data-matplotlib="[^"]*"', 'data-matplotlib="1.0"', path.read_text()) + "drawn otherwise"
        )
    assert cli("report", "--check", "report.md").exit_code == 0
    path = Path("report-assets/overview-light.svg")
    path.write_text(re.sub('data-digest="[^"]*"', 'data-digest="0"', path.read_text()))
    assert cli("report", "--check", "report.md").exit_code == 9


@pytest.mark.parametrize("options", [[], ["--assets", "figures"]])
def test_a_figure_that_shows_something_else_is_drift(cli: Cli, options: list[str]) -> None:
    folder = Path(options[-1] if options else "report-assets")
    cli("report", "-o", "report.md", *options)
    assert cli("report", "--check", "report.md", *options).exit_code == 0
    (folder / "overview-dark.svg").write_text("<svg/>")
    done = cli("report", "--check", "report.md", *options)
    assert (done.exit_code, done.stdout) == (9, f"{folder}/overview-dark.svg does not show what the records give\n")
    assert "the same command with -o in place of --check mends it" in done.stderr
    shutil.rmtree(folder)
    assert cli("report", "--check", "report.md", *options).exit_code == (9 if options else 0)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--format", "html", "--assets", "figures"), "--assets is for markdown, not for html"),
        (("--format", "json", "--no-assets"), "--no-assets is for markdown, not for json"),
        (("--assets", "figures", "--no-assets"), "--assets and --no-assets exclude each other"),
    ],
)
def test_what_figures_are_not_for(cli: Cli, options: tuple[str, ...], fault: str) -> None:
    done = cli("report", *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert fault in done.stderr
    assert not Path("figures").exists()
