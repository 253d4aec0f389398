"""The gallery of confident mistakes: from the first run that has one, and what a lying record costs."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.records import CLASSES, write_seeds
from tests.report.parsed import parse
from tests.report.pictured import SHOWN, add_correct, add_mistakes, change_result
from vitreport.analysis.group_details import Mistakes
from vitreport.analysis.summarize import summarize
from vitreport.analysis.summary import Summary
from vitreport.records.folders import run_folders
from vitreport.records.reader import Damage
from vitreport.report.html import render_html
from vitreport.report.json_format import render_json
from vitreport.report.markdown import render_markdown
from vitreport.report.sections import Page, make_page

RUNS = Path("runs")
QUICK = {"epochs": 2}
RIGHT = [True] * 5100 + [False] * 4900


def summary() -> Summary:
    return summarize(run_folders(RUNS))


def shown(found: Summary) -> Mistakes | None:
    (group,) = found.groups
    return group.details.mistakes if group.details else None


@pytest.fixture
def seeds() -> list[Path]:
    return [add_mistakes(run) for run in write_seeds(RUNS, [0.5, 0.51, 0.52], train=QUICK)]


@pytest.fixture
def page(seeds: list[Path]) -> Page:
    return make_page(summary())


def test_it_is_that_of_the_first_seed(seeds: list[Path]) -> None:
    found = shown(summary())
    assert found is not None
    assert (found.seed, found.wrong, found.count, found.side) == (0, 5000, 10_000, 64)
    assert b64decode(found.png) == (seeds[0] / "mistakes.png").read_bytes()
    first, *_, last = found.images
    assert (first.index, first.label, first.predicted, first.confidence) == (0, "airplane", "automobile", 0.99)
    assert (last.index, last.label, last.predicted) == (10 * (SHOWN - 1), CLASSES[SHOWN - 1], CLASSES[SHOWN])


def test_a_run_without_a_sheet_is_passed_over(seeds: list[Path]) -> None:
    (seeds[0] / "mistakes.png").unlink()
    change_result(seeds[1], mistakes=None)
    found = summary()
    told = shown(found)
    assert told is not None
    assert told.seed == 2
    assert found.damage == ()


def test_a_damaged_sheet_is_named_and_costs_the_gallery_only(seeds: list[Path]) -> None:
    whole = summary()
    for run in seeds:
        (run / "mistakes.png").write_bytes(b"\x89PNG")
    found = summary()
    assert shown(found) is None
    reason = "differs from the file that result.json names (sha256)"
    assert found.damage == tuple(Damage(f"{run.name}/mistakes.png", reason) for run in seeds)
    assert found.groups[0].test == whole.groups[0].test
    assert "mistakes.png" in render_markdown(make_page(found))


@pytest.mark.parametrize(
    "lie",
    [{"index": 10_000}, {"label": 10}, {"predicted": 10}, {"predicted": 0}, {"index": 5}],
    ids=["no such image", "no such class", "taken for no class", "taken for its own", "right"],
)
def test_a_mistake_that_is_none_is_a_contradiction(lie: dict[str, Any]) -> None:
    (run,) = write_seeds(RUNS, [0.51], train=QUICK)
    add_mistakes(add_correct(run, [False, *RIGHT[:-1]] if lie != {"index": 5} else RIGHT))
    mistakes = json.loads((run / "result.json").read_text())["mistakes"]
    mistakes["images"] = [{**mistakes["images"][0], **lie}]
    change_result(run, mistakes=mistakes)
    assert ["was classified correctly or is unknown" in each.reason for each in summary().damage] == [True]


def test_bits_are_those_of_the_result() -> None:
    (run,) = write_seeds(RUNS, [0.51], train=QUICK)
    assert summary().damage == ()
    for correct, reason in (
        (RIGHT, None),
        (RIGHT[:5000], "correct is not of 10000 images"),
        ([False, *RIGHT[:-1]], None),
        ([True] * 10_000, "correct has another number of correct images than the test split"),
    ):
        add_correct(run, correct)
        assert [each.reason for each in summary().damage] == [reason] * bool(reason)


def test_markdown_has_an_image_with_words(page: Page) -> None:
    text = render_markdown(page, assets="figures/")
    (figure,) = (each for each in page.figures if each.kind == "mistakes")
    assert f'<img alt="{figure.alt}" src="figures/{figure.name}.png">' in text
    assert "Row by row, 1: airplane, classified as automobile. 2: automobile, classified as bird." in text
    assert "The 7 most confident of 5,000 mistakes of the run with seed 0" in text
    assert "airplane classified as automobile at 99.0% confidence" in figure.alt
    assert "<img" not in render_markdown(page)


def test_html_has_each_image_with_its_words(page: Page) -> None:
    (figure,) = (each for each in page.figures if each.kind == "mistakes")
    root = parse(render_html(page))
    (gallery,) = (each for each in root.all("figure") if each.attributes.get("class") == "mistakes gallery")
    (image,) = gallery.all("image")
    assert isinstance(figure.data, Mistakes)
    assert image.attributes["href"] == f"data:image/png;base64,{figure.data.png}"
    tiles = gallery.all("li")
    assert [tile.all("svg")[0].attributes["viewbox"] for tile in tiles][5:] == ["340 0 64 64", "0 68 64 64"]
    assert {tile.all("use")[0].attributes["href"] for tile in tiles} == {f"#{image.attributes['id']}"}
    assert " ".join(tiles[0].text.split()) == "airplane classified as automobile, 99.0%"
    assert [tile.all("svg")[0].attributes["aria-label"] for tile in tiles][:2] == ["Test image 0", "Test image 10"]


def test_the_json_holds_them_too(page: Page) -> None:
    (group,) = json.loads(render_json(page))["groups"]
    assert group["details"]["mistakes"]["images"][0]["predicted"] == "automobile"


def test_foreign_classes_are_literal_text() -> None:
    (run,) = write_seeds(RUNS, [0.5], train=QUICK)
    record = json.loads((run / "run.json").read_text())
    record["data"]["classes"] = ["</svg><script>|\x1b", *record["data"]["classes"][1:]]
    (run / "run.json").write_text(json.dumps(record))
    add_mistakes(run)
    page = make_page(summary())
    assert "<script" not in MarkdownIt("gfm-like", {"linkify": False}).render(render_markdown(page, assets="a/"))
    root = parse(render_html(page))
    (tile, *_) = (each for each in root.all("li") if each.all("use"))
    assert tile.all("strong")[0].text == "</svg><script>|\N{REPLACEMENT CHARACTER}"
