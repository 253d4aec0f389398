"""A report that is killed, or meets a full disk, at any of the moments at which it changes a file.

The moments are the calls that open, write, flush, rename and remove files, as for runs in `tests/store`.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.records import spec, write_run, write_seeds
from tests.report.pictured import add_mistakes
from tests.store.calls import Calls, patch
from vitreport.analysis.summarize import summarize
from vitreport.errors import ResourceError, SpecError
from vitreport.files import write_atomic
from vitreport.records.folders import run_folders
from vitreport.report.blocks import Figure
from vitreport.report.figures import assets
from vitreport.report.figures.assets import Assets
from vitreport.report.figures.draw import draw
from vitreport.report.sections import make_page

PLACE, FOLDER, FILE = Path("docs"), Path("docs/r-assets"), Path("docs/r.md")
DOCUMENTS = pytest.mark.parametrize("document", [FILE, None], ids=["file", "stdout"])
Pages = dict[str, Sequence[Figure]]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The figures of three reports, drawn once: in the second a gallery and an overview show something else."""
    root = tmp_path_factory.mktemp("records")
    for name, model, accuracy in (("old", "swin", 0.6), ("new", "swin", 0.7)):
        write_seeds(root / name, [0.5, accuracy - 0.08], train={"epochs": 2})
        add_mistakes(write_run(root / name, spec(model, train={"epochs": 2}), accuracy))
    write_run(root / "new", spec("mlp-mixer", train={"epochs": 2}), 0.4)
    kinds = ("rows", "mistakes", "curves")
    whole = {name: make_page(summarize(run_folders(root / name))).figures for name in ("old", "new")}
    shown = {name: [each for each in figures if each.kind in kinds] for name, figures in whole.items()}
    new = [each for each in shown["new"] if each.kind != "curves"]  # gone from the second, which has one more
    pages: Pages = {"old": shown["old"], "new": [*new, whole["new"][-1]], "none": []}
    drawn = {id(figure): draw(figure) for figures in pages.values() for figure in figures}
    with pytest.MonkeyPatch.context() as once:
        once.setattr(assets, "draw", lambda figure: drawn[id(figure)])
        yield pages


@pytest.fixture(autouse=True)
def calls_as_they_were() -> Iterator[None]:
    PLACE.mkdir()
    yield
    patch.undo()


def publish(figures: Sequence[Figure], document: Path | None) -> None:
    with Assets(FOLDER, document).published(figures):
        if document:
            write_atomic(FILE, text_of(figures))


def text_of(figures: Sequence[Figure]) -> bytes:
    return "".join(f"{name}\n" for figure in figures for name in figure.files).encode()


def files() -> dict[str, bytes]:
    found = {str(path.relative_to(PLACE)): path for path in PLACE.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items()}


def states(figures: Sequence[Figure], document: Path | None) -> list[Path]:
    """What a kill before each call of a report would leave, each state once."""
    different: dict[object, Path] = {}

    def copied(number: int, name: str) -> None:
        if (state := frozenset(files().items())) not in different:
            different[state] = Path(shutil.copytree(PLACE, f"copies/{number}"))

    Calls(copied)
    publish(figures, document)
    patch.undo()
    return list(different.values())


@DOCUMENTS
@pytest.mark.parametrize(("before", "after"), [("old", "new"), ("none", "new"), ("new", "old"), ("old", "none")])
@pytest.mark.parametrize("then", ["old", "new", "none"])
def test_a_report_can_be_killed_at_any_moment(
    before: str, after: str, then: str, document: Path | None, pages: Pages
) -> None:
    """All that the document links to is there, and the next report, whatever it shows, is whole."""
    publish(pages[before], document)
    moments = states(pages[after], document)
    assert len(moments) > 8 or after == "none"
    for moment in moments:
        shutil.rmtree(PLACE)
        shutil.copytree(moment, PLACE)
        if document:
            missing = [name for name in FILE.read_text().split() if not (FOLDER / name).exists()]
            assert (moment.name, missing) == (moment.name, [])
            assert FILE.read_bytes() in (text_of(pages[before]), text_of(pages[after]))
        publish(pages[then], document)
        assert Assets(FOLDER, document).drift(pages[then]) == ""
        if document:
            names = {f"r-assets/{name}" for figure in pages[then] for name in figure.files}
            assert set(files()) >= {"r.md", *names}, moment.name


@DOCUMENTS
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_can_be_full_at_any_moment(code: int, document: Path | None, pages: Pages) -> None:
    publish(pages["old"], document)
    shutil.copytree(PLACE, "before")
    for number in range(1, 1000):
        Calls(failing(number, code))
        try:
            publish(pages["new"], document)
        except ResourceError:
            patch.undo()
        else:
            patch.undo()
            break
        assert list(PLACE.rglob("*.tmp")) == []
        if document:
            assert all((FOLDER / name).exists() for name in FILE.read_text().split())
        publish(pages["new"], document)
        assert Assets(FOLDER, document).drift(pages["new"]) == ""
        shutil.rmtree(PLACE)
        shutil.copytree("before", PLACE)
    assert number > 12
    assert document is None or FILE.read_bytes() == text_of(pages["new"])


def failing(at: int, code: int) -> Callable[[int, str], None]:
    def fail(number: int, name: str) -> None:
        if number == at:
            raise OSError(code, os.strerror(code))

    return fail


def test_a_document_that_cannot_be_written_stays_with_its_figures(pages: Pages) -> None:
    publish(pages["old"], FILE)
    with pytest.raises(ResourceError), Assets(FOLDER, FILE).published(pages["new"]):
        raise ResourceError("no space left")
    assert all((FOLDER / name).exists() for name in FILE.read_text().split())


def test_a_file_that_no_report_wrote_is_still_refused(pages: Pages) -> None:
    publish(pages["none"], FILE)
    FOLDER.mkdir()
    name = next(name for figure in pages["new"] for name in figure.files if name.endswith(".png"))
    (FOLDER / name).write_text("mine")
    with pytest.raises(SpecError, match="is not a figure of a report"):
        publish(pages["new"], FILE)
    assert [path.name for path in FOLDER.iterdir()] == [name]
