"""What a terminal shows of a sweep under way, whatever its size."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from tests.records import small_spec
from vitreport.cli.live import display, sweep
from vitreport.cli.live.sweep import LiveSweepView, QuietSweepView
from vitreport.sweep.plan import Trial
from vitreport.training.events import Started, StepFinished

STATES = (*["done"] * 8, "diverged", "running", "running", *["queued"] * 5)
TRIALS = [Trial(("1e-2", "32"), small_spec(seed)) for seed in range(len(STATES))]
CLEAR = "\x1b[2J"


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    """A terminal whose size may change."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=100, height=30)
    monkeypatch.setattr(display, "stderr", lambda: console)
    return console


def begun() -> LiveSweepView:
    """A sweep of which the first trials have ended one after the other, two run and the others wait."""
    view = LiveSweepView(("learning_rate", "model.cross_dim_head"), TRIALS)
    for number, (status, state) in enumerate(zip(view.statuses.values(), STATES, strict=True)):
        status.state, status.moved, status.accuracy = state, float(number), ("test", 0.9876)
    return view


def shown(console: Console, width: int, height: int) -> list[str]:
    console.size = (width, height)
    view = begun()
    view._console = console
    with console.capture() as capture:
        console.print(view._render())
    return capture.get().splitlines()


@pytest.mark.parametrize(
    ("height", "seeds", "others"),
    [
        (30, [9, 10, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11, 12, 13, 14, 15], []),
        (20, [9, 10, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11, 12, 13], ["… and 2 more: 2 queued"]),
        (12, [9, 10, 8, 7, 6, 5], ["… and 10 more: 5 done, 5 queued"]),
        (3, [9], ["… and 15 more: 1 running, 1 diverged, 8 done, 5 queued"]),
    ],
)
def test_what_runs_comes_first_and_what_is_left_out_is_counted(
    height: int, seeds: list[int], others: list[str], console: Console
) -> None:
    header, *lines, footer = shown(console, 100, height)
    assert header.split() == ["learning_rate", "model.cross_dim_head", "seed", "state", "epoch", "accuracy"]
    assert [int(line.split()[2]) for line in lines[: len(seeds)]] == seeds
    assert lines[len(seeds) :] == others
    assert footer == "8 of 16 trials done · 1 diverged · 2 running · 5 queued"
    assert height < 10 or len([header, *lines, footer]) < height


def test_a_narrow_terminal_cuts_the_axes_and_nothing_else(console: Console) -> None:
    header, *lines = shown(console, 60, 30)
    assert header.split() == ["learning_r…", "model.cros…", "seed", "state", "epoch", "accuracy"]
    assert [line.split()[:4] for line in lines[:3]] == [
        ["1e-2", "32", "9", "running"],
        ["1e-2", "32", "10", "running"],
        ["1e-2", "32", "8", "diverged"],
    ]
    assert all(line.rstrip().endswith("98.76% test") for line in lines[:16])
    assert max(map(len, [header, *lines])) <= 60


def test_a_terminal_of_another_width_is_drawn_on_anew(console: Console) -> None:
    with begun() as view, console.capture() as capture:
        for width in (100, 60, 60, 80):
            console.width = width
            view._live.refresh()
    assert capture.get().count(CLEAR) == 2


def test_a_trial_that_failed_tells_no_time_but_that_of_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=1.0)
    monkeypatch.setattr(sweep, "time", SimpleNamespace(monotonic=lambda: clock.now))
    first, second, *others = (trial.id for trial in TRIALS[:5])
    view = QuietSweepView((), TRIALS[:5])
    view.event(first, Started(epochs=1, steps_per_epoch=10, epoch=0, step=0))
    clock.now = 2.0
    view.moved(first, "failed", None)
    assert view.seconds_left() is None
    view.event(second, Started(epochs=1, steps_per_epoch=10, epoch=0, step=0))
    clock.now = 11.0
    view.event(second, StepFinished(1, 5, 1, 0.1, None))
    assert view.seconds_left() == 10 * (0.5 + 3) / 0.5
    view.moved(second, "diverged", None)
    assert view.seconds_left() == 10 * 3 / 0.5
    for run_id in others:
        view.moved(run_id, "done", None)
    assert view.seconds_left() == 0
