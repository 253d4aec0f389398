"""Figures are drawn once, and anew where anything could draw them otherwise."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.drawing import CHILD, ROOT, in_a_child
from tests.report.drawn import classes, curves, figure, figures
from vitreport.report.figures import cache as made

UNDRAWN = "import sys; print('matplotlib' in sys.modules, 'numpy' in sys.modules, file=sys.stderr)"


def test_a_figure_is_drawn_once() -> None:
    cache = Path("cache")
    for drawn in list(figures().values())[::3]:
        made.draw(drawn, cache)
    done = in_a_child(CHILD + UNDRAWN, cache.resolve(), {})
    assert done.stderr.split() == ["False", "False"]


def test_another_word_in_it_is_another_picture(tmp_path: Path) -> None:
    """Two versions of this package share a cache; what one of them draws is not shown by the other."""
    changed = tmp_path / "changed"
    for package in ("vitreport", "tests"):
        shutil.copytree(ROOT / package, changed / package, ignore=shutil.ignore_patterns("__pycache__", "golden"))
    phrases = changed / "vitreport/formatting.py"
    phrases.write_text(phrases.read_text().replace("(n = {self.n})", "({self.n} seeds)"))
    show = "import sys; from pathlib import Path; from tests.report.drawn import figures; "
    show += "from vitreport.report.figures.cache import draw; print(draw(figures()['overview'], Path(sys.argv[1])))"
    told = [in_a_child(show, tmp_path / "cache", {}, folder).stdout for folder in (ROOT, changed)]
    assert ["(3 seeds)" in text for text in told] == [False, True]


def test_another_matplotlib_draws_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = figure("classes", classes())
    made.draw(drawn, Path("cache"))
    monkeypatch.setattr(made, "matplotlib_version", lambda: "1.0")
    made.draw(drawn, Path("cache"))
    assert len(list(Path("cache/figures").iterdir())) == 2


def test_other_data_is_another_figure() -> None:
    drawn = figure("curves", curves())
    others = [replace(drawn, data=curves("loss")), replace(drawn, name="other"), replace(drawn, data=curves(n=1))]
    assert len({made.digest(each) for each in [drawn, *others]}) == 4
    assert made.digest(replace(drawn, caption="said otherwise")) == made.digest(drawn)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[", b"{}", b"[1]", b'["<svg'])
def test_a_damaged_cache_is_drawn_anew(content: bytes) -> None:
    drawn = figure("classes", classes())
    expected = made.draw(drawn, Path("cache"))
    (kept,) = Path("cache/figures").iterdir()
    kept.write_bytes(content)
    assert made.draw(drawn, Path("cache")) == expected


def test_without_a_place_for_a_cache_it_is_drawn_each_time() -> None:
    Path("file").touch()
    assert made.draw(figure("classes", classes()), Path("file")) == made.draw(figure("classes", classes()), Path("c"))
