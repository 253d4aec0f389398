"""The page in a browser: nothing overflows, nothing is asked for, and everything can be reached and read.

Needs Chromium and the packages playwright and axe-playwright-python; without them these tests are skipped.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.report.test_study_text import TEXT
from vitreport.report.figures.canvas import NORMAL, SMALL, WIDTH
from vitreport.report.html import render_html
from vitreport.report.sections import Page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

WIDTHS = (360, 768, 1440)
THEMES = ("light", "dark")
OPEN = "document.querySelectorAll('details').forEach(each => each.open = true)"
FAULTS = "axe: {id}, {impact}: {nodes}"
OVERFLOWING = """() => [...document.querySelectorAll("body *")].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width && box.right > innerWidth + 1 && !each.closest(".scroll, pre, .hidden, .skip, .tiles svg");
}).map(each => each.outerHTML.slice(0, 200))"""


CUT = """[...document.querySelectorAll("figure, .table, tr")].filter(
  each => getComputedStyle(each).breakInside != "avoid").map(each => each.outerHTML.slice(0, 200))"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
FIRST_SEEN = """new MutationObserver(() => {
  if (document.body) window.firstSeen ??= document.documentElement.dataset.theme ?? "none";
}).observe(document, { childList: true, subtree: true });"""


class Visit:
    """A page that is open, with everything that it complained of or asked for."""

    def __init__(self, context: Any, file: Path) -> None:
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.complaints.append(request.url))
        self.page.goto(file.as_uri())
        self.complaints.remove(file.as_uri())


@pytest.fixture(scope="module")
def file(page: Page, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the fixture study, with a text of an author that has everything that one may have."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(replace(page, summary=replace(page.summary, introduction=TEXT))))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any, file: Path) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield Visit(context, file)
    context.close()


def test_nothing_overflows_and_nothing_is_asked_for(visit: Visit) -> None:
    """At every width, in both themes, with every fold open."""
    visit.page.evaluate(OPEN)
    for theme in THEMES:
        visit.page.emulate_media(color_scheme=theme)
        for width in WIDTHS:
            visit.page.set_viewport_size({"width": width, "height": 800})
            assert visit.page.evaluate("document.documentElement.scrollWidth") == width
            assert visit.page.evaluate(OVERFLOWING) == []
    assert visit.complaints == []


def test_axe_finds_nothing(visit: Visit) -> None:
    """Every rule of axe-core, with every fold open; in dark colours those about colours."""
    visit.page.evaluate(OPEN)
    assert violations(visit.page) == []
    visit.page.emulate_media(color_scheme="dark")
    assert violations(visit.page, {"runOnly": {"type": "tag", "values": ["cat.color"]}}) == []


def violations(page: Any, options: dict[str, Any] | None = None) -> list[str]:
    found = axe.Axe().run(page, options=options).response["violations"]
    return [FAULTS.format_map({**each, "nodes": [node["html"][:200] for node in each["nodes"][:3]]}) for each in found]


def test_it_is_read_without_script(browser: Any, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    visit = Visit(context, file)
    assert visit.page.locator("figure svg").count() > 10
    assert visit.page.locator("main").inner_text().count("%") > 50
    assert visit.page.locator("button").count() == 0
    assert visit.complaints == []
    context.close()


def test_a_table_is_sorted_by_its_numbers_both_ways(visit: Visit) -> None:
    table = visit.page.locator("table").first
    header = table.locator("thead th").nth(1)
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert shares(table) == sorted(shares(table))
    header.get_by_role("button").press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert shares(table) == sorted(shares(table), reverse=True)
    last = table.locator("tbody tr").last.inner_text()
    assert not last.split("\t")[1][0].isdigit()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_is_as_wide_as_it_needs_or_says_that_it_scrolls(browser: Any, file: Path, width: int) -> None:
    """The first column and the caption stay where they are; on a wide screen the first table is whole."""
    page = Visit(browser.new_context(viewport={"width": width, "height": 900}), file).page
    scrolling, first = page.locator(".scroll").first, page.locator("tbody th").first
    before = first.bounding_box()
    scrolling.evaluate("each => each.scrollLeft = 1000")
    assert first.bounding_box() == before
    hidden = scrolling.evaluate("each => each.scrollWidth - each.clientWidth")
    assert (hidden > 0) == (width == min(WIDTHS))
    assert page.locator("p.caption").first.bounding_box()["width"] <= width
    interval = page.locator("td.number span", has_text="single run").first.bounding_box()
    assert interval["width"] < width - before["width"] - 32
    page.context.close()


def test_a_table_without_a_figure_has_the_whole_width(visit: Visit) -> None:
    alone = visit.page.locator(".beside > .table:only-child").first
    table, room = (alone.locator(each).first.bounding_box()["width"] for each in ("table", ".scroll"))
    assert table == pytest.approx(room, abs=1)


@pytest.mark.parametrize("width", WIDTHS)
def test_panels_are_beside_each_other_where_there_is_room(browser: Any, file: Path, width: int) -> None:
    """The smallest letters have 9 pixels, the largest 17."""
    page = Visit(browser.new_context(viewport={"width": width, "height": 900}), file).page
    first, second = (each.bounding_box() for each in page.locator("figure.wide svg").all()[:2])
    assert (first["y"] == second["y"]) == (width > min(WIDTHS))
    assert 9 / SMALL < first["width"] / WIDTH < 17 / NORMAL
    page.context.close()


def test_on_a_telephone_the_names_leave_room_for_the_numbers(browser: Any, file: Path, tmp_path: Path) -> None:
    """However long a name is and however many datasets there are; each table is a region that says what it is."""
    long = tmp_path / "long.html"
    long.write_text(file.read_text().replace("MLP-Mixer</th>", "timm/mixer_b16_224.goog_in21k_ft_in1k</th>"))
    page = Visit(browser.new_context(viewport={"width": min(WIDTHS), "height": 800}), long).page
    name = page.locator("tbody th", has_text="timm/mixer").first.bounding_box()
    numbers = page.locator("tbody tr", has_text="timm/mixer").first.locator("td").first.bounding_box()
    assert name["width"] <= 0.45 * min(WIDTHS)
    assert numbers["x"] + numbers["width"] <= min(WIDTHS)
    regions = page.locator("main .scroll").all()
    assert all(each.get_attribute("aria-label") and each.get_attribute("tabindex") == "0" for each in regions)
    page.context.close()


def shares(table: Any) -> list[float]:
    """The accuracies of the second column."""
    cells = table.locator("tbody td:nth-child(2)").all_inner_texts()
    return [float(cell.partition("%")[0]) for cell in cells if cell[0].isdigit()]


def test_a_number_is_told_to_the_pointer_and_to_the_keyboard(visit: Visit) -> None:
    panel = visit.page.locator("figure svg").first
    bubble = visit.page.get_by_role("status")
    panel.locator(".tip").first.hover(force=True)
    assert "% (" in bubble.inner_text()
    panel.focus()
    visit.page.keyboard.press("ArrowDown")
    first = bubble.inner_text()
    visit.page.keyboard.press("ArrowDown")
    assert "" != bubble.inner_text() != first
    visit.page.keyboard.press("Escape")
    assert bubble.text_content() == ""


def test_the_colours_can_be_switched(visit: Visit) -> None:
    assert visit.page.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
    visit.page.get_by_role("button", name="Dark colors").click()
    assert visit.page.evaluate(BACKGROUND) == "rgb(13, 17, 23)"
    visit.page.get_by_role("button", name="Light colors").click()
    assert visit.page.evaluate(BACKGROUND) == "rgb(255, 255, 255)"


def test_the_choice_of_colours_is_kept_and_there_from_the_first_paint(browser: Any, file: Path) -> None:
    """Before anything of the page is seen: when its body begins."""
    context = browser.new_context(color_scheme="light")
    context.add_init_script(FIRST_SEEN)
    page = Visit(context, file).page
    assert page.evaluate("firstSeen") == "none"
    page.get_by_role("button", name="Dark colors").click()
    page.reload()
    assert page.evaluate("firstSeen") == "dark"
    assert page.evaluate(BACKGROUND) == "rgb(13, 17, 23)"
    page.get_by_role("button", name="Light colors").click()
    for _ in range(50):  # a browser passes on what another tab has kept in its own time
        again = Visit(context, file)
        assert again.complaints == []
        if (seen := again.page.evaluate("firstSeen")) == "light":
            break
    assert seen == "light"
    context.close()


@pytest.mark.parametrize("broken", ["get() { throw new Error('denied'); }", "value: { getItem: () => 'x' }"])
def test_where_nothing_can_be_kept_the_colours_are_switched_all_the_same(browser: Any, file: Path, broken: str) -> None:
    context = browser.new_context(color_scheme="dark")
    context.add_init_script(f"Object.defineProperty(window, 'localStorage', {{ {broken} }});")
    visit = Visit(context, file)
    assert visit.page.evaluate(BACKGROUND) == "rgb(13, 17, 23)"
    visit.page.get_by_role("button", name="Light colors").click()
    assert visit.page.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
    assert visit.complaints == []
    context.close()


def test_the_focus_can_be_seen_at_every_stop(visit: Visit) -> None:
    """The first stop is the link that skips; no stop is without an outline, none is out of sight."""
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.className") == "skip"
    stops = set()
    for _ in range(60):
        shown = visit.page.evaluate("""() => {
            const each = document.activeElement, style = getComputedStyle(each), box = each.getBoundingClientRect();
            return [each.tagName, style.outlineStyle, parseFloat(style.outlineWidth), box.width * box.height];
        }""")
        assert shown[1] == "solid", shown
        assert shown[2] >= 2
        assert shown[3] > 0
        stops.add(shown[0].lower())
        visit.page.keyboard.press("Tab")
    assert {"a", "button", "div", "svg", "summary"} <= stops


def test_the_arrows_of_a_sorted_table_are_for_those_who_see_it(visit: Visit) -> None:
    header = visit.page.locator("thead th").first
    assert header.get_by_role("button", name="architecture", exact=True).count() == 1


def test_it_is_printed_whole(visit: Visit) -> None:
    """On light paper, without what only a screen can use, with every fold open."""
    visit.page.emulate_media(media="print", color_scheme="dark")
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert visit.page.locator("main details:not([open])").count() == 0
    assert not visit.page.locator("nav").is_visible()
    assert not visit.page.locator(".theme").is_visible()
    assert visit.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert visit.page.evaluate(CUT) == []
