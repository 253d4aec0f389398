"""Figures beside a Markdown report: where they lie, that they are right, and that none stays that is not shown."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from tests.cli.conftest import Cli
from tests.records import spec, write_run, write_seeds
from tests.report.pictured import add_attention, add_mistakes
from vitreport.report.inject import BEGIN, END

RUNS = Path("runs")
HINT = "hint: remove it, or choose another directory with --assets"
CURVES = "swin-transformer-and-perceiver-io-on-cifar-10-curves"


@pytest.fixture(autouse=True)
def runs() -> None:
    write_seeds(RUNS, [0.5, 0.52], train={"epochs": 2})
    write_run(RUNS, spec("swin", train={"epochs": 2}), 0.6)


def pictures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_two_documents_in_a_folder_have_figures_of_their_own(cli: Cli) -> None:
    cli("report", "perceiver-io", "-o", "a.md")
    cli("report", "swin", "-o", "b.md")
    assert "perceiver-io" in " ".join(path.name for path in Path("a-assets").iterdir())
    assert cli("report", "perceiver-io", "--check", "a.md").exit_code == 0
    assert cli("report", "swin", "--check", "b.md").exit_code == 0


@pytest.mark.parametrize("place", ["here", "output", "inject"])
def test_figures_lie_beside_the_document_and_stdout_has_the_document_alone(cli: Cli, place: str) -> None:
    Path("docs").mkdir()
    Path("docs/report.md").write_text(f"{BEGIN}\n{END}\n")
    options = {"here": [], "output": ["-o", "docs/report.md"], "inject": ["--inject", "docs/report.md"]}[place]
    folder = Path("vitreport-assets" if place == "here" else "docs/report-assets")
    done = cli("report", *options)
    document = done.stdout if place == "here" else Path("docs/report.md").read_text()
    named = re.findall(rf'(?:src|srcset)="{folder.name}/([^"]+)"', document)
    assert sorted(named) == pictures(folder)
    assert len(named) > 6
    first = [each for each in named if "-panel2-" not in each]
    wrote = "" if place == "here" else "wrote docs/report.md; "
    assert (done.exit_code, done.stderr) == (0, f"{wrote}{len(first) // 2} figures in {folder}/\n")
    assert document.count(folder.name) == len(named)


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
    Path("own.j2").write_text("{{ figures.overview }}")
    assert cli("report", "--template", "own.j2").stderr == "1 figure in vitreport-assets/\n"
    assert pictures(Path("vitreport-assets")) == ["overview-dark.svg", "overview-light.svg"]
    Path("own.j2").write_text("{{ page.title }}")
    assert cli("report", "--template", "own.j2", "--assets", "none").stderr == ""
    assert not Path("none").exists()


@pytest.mark.parametrize(("add", "name"), [(add_mistakes, "mistakes.png"), (add_attention, "attention.png")])
def test_a_gallery_is_a_file_too(cli: Cli, add: Callable[[Path], Path], name: str) -> None:
    run = add(RUNS / spec("swin", train={"epochs": 2}).run_id)
    assert cli("report", "-o", "report.md").exit_code == 0
    (sheet,) = Path("report-assets").glob("*.png")
    written, recorded = (Image.open(path) for path in (sheet, run / name))
    assert written.tobytes() == recorded.tobytes()
    assert f'src="report-assets/{sheet.name}">' in Path("report.md").read_text()
    sheet.write_bytes(b"")
    assert cli("report", "--check", "report.md").exit_code == 9
    shutil.move(run / name, sheet)
    assert cli("report", "-o", "report.md").exit_code == 0
    assert not sheet.exists()


def test_figures_that_are_right_already_are_left_alone(cli: Cli) -> None:
    cli("report", "-o", "report.md")
    before = {path: path.stat().st_mtime_ns for path in Path("report-assets").iterdir()}
    cli("report", "-o", "report.md")
    assert {path: path.stat().st_mtime_ns for path in Path("report-assets").iterdir()} == before


def test_figures_that_are_no_longer_shown_go(cli: Cli) -> None:
    """What the report did not write stays."""
    folder = Path("report-assets")
    cli("report", "-o", "report.md")
    (folder / "mine.svg").write_text("<svg/>")
    before = set(pictures(folder))
    assert cli("report", "swin", "--check", "report.md").exit_code == 9
    assert set(pictures(folder)) == before
    cli("report", "swin", "-o", "report.md")
    document = Path("report.md").read_text()
    assert {name for name in pictures(folder) if name not in document} == {"mine.svg"}
    assert cli("report", "swin", "--check", "report.md").exit_code == 0


def test_a_picture_of_the_user_stays(cli: Cli) -> None:
    """Also one that the document that is written over links to, and one outside of the marks."""
    for name, option, mine in (("a.md", "-o", "logo-dark.svg"), ("b.md", "--inject", "mine.png")):
        picture = Path(name.replace(".md", "-assets")) / mine
        picture.parent.mkdir()
        picture.write_bytes(b"mine")
        Path(name).write_text(f'<img src="{picture}">\n{BEGIN}\n{END}\n')
        assert cli("report", option, name).exit_code == 0
        assert cli("report", "swin", option, name).exit_code == 0
        assert picture.exists()


def test_a_report_on_stdout_takes_nothing_away(cli: Cli) -> None:
    """Nobody knows which file an earlier one has become."""
    Path("report.md").write_text(cli("report").stdout)
    named = set(re.findall(r'(?:src|srcset)="vitreport-assets/([^"]+)"', Path("report.md").read_text()))
    assert len(named) > 6
    cli("report", "swin")
    assert named <= set(pictures(Path("vitreport-assets")))
    cli("report", "swin", "-o", "report.md")
    assert named <= set(pictures(Path("vitreport-assets")))


def test_a_report_on_stdout_leaves_the_figures_of_a_file_alone(cli: Cli) -> None:
    cli("report", "-o", "report.md")
    cli("report", "swin")
    assert cli("report", "--check", "report.md").exit_code == 0


@pytest.mark.parametrize("ending", [".svg", ".png"])
def test_what_is_not_of_a_report_is_neither_overwritten_nor_removed(cli: Cli, ending: str) -> None:
    add_mistakes(RUNS / spec("swin", train={"epochs": 2}).run_id)
    cli("report", "-o", "report.md")
    name = next(name for name in pictures(Path("report-assets")) if name.endswith(ending))
    mine = Path("figures") / name
    mine.parent.mkdir()
    mine.write_text("mine")
    done = cli("report", "-o", "other.md", "--assets", "figures")
    assert done.exit_code == 2
    assert done.stderr == f"error: {mine} is not a figure of a report; {HINT}\n"
    assert (pictures(Path("figures")), mine.read_text(), Path("other.md").exists()) == ([name], "mine", False)


def test_a_document_that_is_gone_has_no_figures(cli: Cli) -> None:
    cli("report", "-o", "a.md", "--assets", "figures")
    Path("a.md").rename("b.md")
    assert cli("report", "swin", "-o", "b.md", "--assets", "figures").exit_code == 0


def test_a_report_without_figures_leaves_no_folder(cli: Cli) -> None:
    Path("words.j2").write_text("No figure.")
    cli("report", "-o", "report.md")
    cli("report", "-o", "report.md", "--template", "words.j2")
    assert not Path("report-assets").exists()


def test_documents_that_share_a_folder_leave_each_other_their_figures(cli: Cli) -> None:
    """The overview of both has the same name and shows the same only where both say the same."""
    names = {"one": "perceiver-io", "two": "swin"}
    for name, runs in names.items():
        Path(f"{name}.j2").write_text(
            '{% for each in page.figures if each.kind == "curves" %}{{ figures[each.name] }}\n\n{% endfor %}'
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


def test_figures_of_another_matplotlib_are_right_if_their_texts_are(cli: Cli) -> None:
    cli("report", "-o", "report.md")
    for path in Path("report-assets").glob("*.svg"):
        drawn = re.sub('data-matplotlib="[^"]*"', 'data-matplotlib="1.0"', path.read_text())
        path.write_text(drawn.replace("<path ", "<path x-drawn='otherwise' "))
    assert cli("report", "--check", "report.md").exit_code == 0
    path = Path("report-assets/overview-light.svg")
    path.write_text(path.read_text().replace("51.0%", "52.0%"))
    assert cli("report", "--check", "report.md").exit_code == 9


@pytest.mark.parametrize("options", [[], ["--assets", "figures"]])
def test_a_figure_that_shows_something_else_is_drift(cli: Cli, options: list[str]) -> None:
    folder = Path(options[-1] if options else "report-assets")
    cli("report", "-o", "report.md", *options)
    assert cli("report", "--check", "report.md", *options).exit_code == 0
    (folder / "overview-dark.svg").write_text("<svg/>")
    done = cli("report", "--check", "report.md", *options)
    assert (done.exit_code, done.stdout) == (9, f"{folder}/overview-dark.svg is out of date\n")
    assert "run the same command with -o instead of --check" in done.stderr
    shutil.rmtree(folder)
    done = cli("report", "--check", "report.md", *options)
    assert (done.exit_code, len(done.stdout.splitlines())) == (9, 10)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--format", "html", "--assets", "figures"), "--assets works only for markdown, not for html"),
        (("--format", "json", "--no-assets"), "--no-assets works only for markdown, not for json"),
        (("--assets", "figures", "--no-assets"), "--assets and --no-assets cannot be used together"),
    ],
)
def test_what_figures_are_not_for(cli: Cli, options: tuple[str, ...], fault: str) -> None:
    done = cli("report", *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert fault in done.stderr
    assert not Path("figures").exists()


def test_pictures_outside_the_marks_are_not_those_of_the_report(cli: Cli) -> None:
    """They may have the name that one gives to a drawing of `vitreport explain`."""
    picture = '<img src="images/swin-attention.png">'
    Path("README.md").write_text(f"{picture}\n\n{BEGIN}\n{END}\n\n{picture}\n")
    assert cli("report", "--inject", "README.md").exit_code == 0
    assert cli("report", "--check", "README.md").exit_code == 0


def test_a_picture_that_a_user_has_linked_is_not_removed(cli: Cli) -> None:
    assert cli("report", "-o", "report.md").exit_code == 0
    mine = Path("report-assets/swin-attention.png")
    Image.new("RGB", (1, 1)).save(mine)
    with Path("report.md").open("a") as report:
        report.write(f'<img src="{mine}">\n')
    assert cli("report", "-o", "report.md").exit_code == 0
    assert str(mine) not in Path("report.md").read_text()
    assert mine.exists()
