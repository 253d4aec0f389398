"""The folded part of a report with what models attend to: from the first run of a group that has such a record."""

import json
from base64 import b64decode
from pathlib import Path

import pytest

from tests.records import spec, write_run, write_seeds
from tests.report.parsed import parse
from tests.report.pictured import SHOWN, add_attention, add_mistakes
from tests.report.schema import document_of
from vitreport.analysis.group_details import Attention
from vitreport.analysis.summarize import summarize
from vitreport.analysis.summary import Summary
from vitreport.records.folders import run_folders
from vitreport.records.reader import Damage
from vitreport.report.html import render_html
from vitreport.report.json_format import render_json
from vitreport.report.latex import render_latex
from vitreport.report.markdown import render_markdown
from vitreport.report.sections import Page, make_page

RUNS = Path("runs")
TITLE = "What the models attend to"
CAPTION = "Grad-CAM of the predicted class (run with seed 0). The stronger the color, the more attention."
ALT = "Attention of Perceiver IO on CIFAR-10: 7 test images, each beside its attention map, 3 classified wrongly."


def summary() -> Summary:
    return summarize(run_folders(RUNS))


def shown(found: Summary) -> Attention | None:
    (group,) = found.groups
    return group.details.attention if group.details else None


@pytest.fixture
def seeds() -> list[Path]:
    return [add_attention(run) for run in write_seeds(RUNS, [0.5, 0.51, 0.52], train={"epochs": 2})]


@pytest.fixture
def page(seeds: list[Path]) -> Page:
    return make_page(summary())


def test_it_is_that_of_the_first_seed_that_has_it(seeds: list[Path]) -> None:
    (seeds[0] / "attention.png").unlink()
    (seeds[1] / "attention.json").unlink()
    found = shown(summary())
    assert found
    assert (found.seed, found.side, b64decode(found.png)) == (2, 64, (seeds[2] / "attention.png").read_bytes())
    assert [(each.index, each.label, each.answer) for each in found.images][3:5] == [
        (31, "cat", "correct"),
        (40, "deer", "classified as dog"),
    ]
    assert summary().damage == ()


def test_a_damaged_record_is_named_and_costs_this_part_only(seeds: list[Path]) -> None:
    whole = summary()
    for run in seeds:
        add_mistakes(run)
        (run / "attention.json").write_bytes(b"{")
    (seeds[1] / "attention.json").unlink()
    found = summary()
    assert shown(found) is None
    assert [each.place for each in found.damage] == [f"{seeds[i].name}/attention.json" for i in (0, 2)]
    assert all(each.reason.startswith("Invalid JSON") for each in found.damage)
    assert found.groups[0].test == whole.groups[0].test
    text = render_markdown(make_page(found), assets="a/")
    assert "mistakes.png" in text
    assert TITLE not in text


def test_without_a_record_there_is_no_such_part() -> None:
    add_mistakes(write_run(RUNS, spec(train={"epochs": 2}), 0.5))
    page = make_page(summary())
    assert TITLE not in render_html(page)
    assert TITLE not in render_markdown(page, assets="a/")
    assert json.loads(render_json(page))["groups"][0]["details"]["attention"] is None


def test_a_record_of_another_number_of_classes_is_left_out(seeds: list[Path]) -> None:
    for run in seeds:
        record = json.loads((run / "run.json").read_text())
        record["data"]["classes"] = record["data"]["classes"][:9]
        (run / "run.json").write_text(json.dumps(record))
    assert shown(summary()) is None


def test_a_false_checksum_is_damage_of_the_run(seeds: list[Path]) -> None:
    for run in seeds:
        (run / "attention.png").write_bytes((run / "attention.png").read_bytes() + b" ")
    reason = "differs from the file that attention.json names (sha256)"
    assert summary().damage == tuple(Damage(f"{run.name}/attention.png", reason) for run in seeds)


def test_markdown_has_a_folded_image_with_words(page: Page) -> None:
    text = render_markdown(page, assets="figures/")
    (figure,) = (each for each in page.figures if each.kind == "attention")
    image = f'<img alt="{ALT}" src="figures/{figure.name}.png">'
    words = f"{CAPTION} Row by row, 1: airplane, correct. 2: automobile, correct."
    assert f"<details>\n<summary>{TITLE}</summary>\n\n{image}\n\n{words}" in text
    assert "5: deer, classified as dog." in text


def test_markdown_without_figures_has_no_empty_part(page: Page) -> None:
    assert TITLE not in render_markdown(page)


def test_html_has_each_image_beside_its_map(page: Page) -> None:
    root = parse(render_html(page))
    (gallery,) = (each for each in root.all("figure") if each.attributes.get("class") == "attention gallery")
    (image,) = gallery.all("image")
    (figure,) = (each for each in page.figures if each.kind == "attention")
    assert image.attributes["href"] == f"data:image/png;base64,{figure.data.png}"
    tiles = gallery.all("li")
    assert len(tiles) == SHOWN
    assert [tile.all("svg")[0].attributes["viewbox"] for tile in tiles][1:4] == [
        "140 0 132 64",
        "280 0 132 64",
        "0 72 132 64",
    ]
    assert tiles[1].all("svg")[0].attributes["aria-label"] == "Test image 11, beside its attention map"
    assert [" ".join(tile.text.split()) for tile in tiles][3:5] == [
        "cat correct, 60.0%",
        "deer classified as dog, 50.0%",
    ]
    assert gallery.all("figcaption")[0].text == CAPTION
    assert gallery.all("ol")[0].attributes["aria-label"] == ALT
    (folded,) = (each for each in root.all("details") if each.all("summary")[0].text == TITLE)
    assert folded.all("figure")


def test_the_json_has_it_as_its_schema_says(page: Page) -> None:
    document = document_of(render_json(page))
    (group,) = document["groups"]
    attention = group["details"]["attention"]
    assert (attention["seed"], attention["method"][:8], len(attention["images"])) == (0, "Grad-CAM", SHOWN)
    assert attention["images"][4] == {
        "index": 40,
        "label": "deer",
        "predicted": "dog",
        "confidence": pytest.approx(0.5),
    }
    assert [each["caption"] for each in document["figures"] if each["kind"] == "attention"] == [CAPTION]


def test_latex_has_tables_only(page: Page) -> None:
    assert "attention" not in render_latex(page).lower()


def test_a_foreign_method_is_literal_text(seeds: list[Path]) -> None:
    record = json.loads((seeds[0] / "attention.json").read_text())
    (seeds[0] / "attention.json").write_text(json.dumps({**record, "method": "<script>alert(1)</script>\x1b"}))
    page = make_page(summary())
    assert "&lt;script&gt;" in render_markdown(page, assets="a/")
    assert not [each for each in parse(render_html(page)).all("script") if "alert(1)" in each.text]
