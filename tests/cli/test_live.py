"""What a terminal and a log show of a sweep under way."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from tests.records import small_spec
from vitreport.cli import live
from vitreport.cli.live import SweepView, TrainingView, View
from vitreport.spec.sweep import field_axis
from vitreport.sweep.plan import Plan, Trial
from vitreport.training.events import Started, StepFinished

STATES = (*["done"] * 3, "diverged", "running", "running", *["queued"] * 2)
TRIALS = tuple(Trial(("32",), small_spec(seed)) for seed in range(len(STATES)))
PLAN = Plan("a sweep", (field_axis("batch_size", [32]),), None, TRIALS)
CONTROL = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    """What is drawn on it is the text of its last frame."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=120, height=30)
    monkeypatch.setattr(live, "console_on", lambda stream: console)
    monkeypatch.setattr(live, "is_interactive", lambda: True)
    return console


def last_frame(view: View, terminal: Console) -> list[str]:
    with terminal.capture() as capture:
        terminal.print(view.bars.get_renderable())
    return [line.rstrip() for line in CONTROL.sub("", capture.get()).splitlines()]


def begun(*, quiet: bool = False) -> SweepView:
    """A sweep whose first trials have ended; two run, at half of their steps, and the others wait."""
    view = SweepView(quiet=quiet)
    view.begin([PLAN])
    for trial in TRIALS:
        view.moved(trial.id, "queued", None)
    for trial, state in zip(TRIALS, STATES, strict=True):
        view.moved(trial.id, state, None)
        if state == "running":
            view.event(trial.id, Started(epochs=2, steps_per_epoch=5, epoch=0, step=0))
            view.event(trial.id, StepFinished(1, 5, 0.1, None))
    return view


def test_a_bar_counts_the_trials_and_each_that_runs_has_one(terminal: Console) -> None:
    view = begun()
    overall, first, second = last_frame(view, terminal)
    assert overall.startswith("trials ")
    assert "3 of 8 done, 1 diverged, 2 running, 2 queued" in overall
    assert first.startswith("batch_size=32 seed=4 ")
    assert second.startswith("batch_size=32 seed=5 ")
    assert "epoch 1.0/2" in first
    view.moved(TRIALS[4].id, "failed", None)
    assert [line.split()[1] for line in last_frame(view, terminal)[1:]] == ["seed=5"]


def test_a_log_has_a_line_for_each_trial_that_ends(capsys: pytest.CaptureFixture[str]) -> None:
    view = begun()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[:4] for line in lines] == [
        [f"trial={number + 1}/8", "batch_size=32", f"seed={number}", f"state={state}"]
        for number, state in enumerate(STATES[:4])
    ]
    view.moved(TRIALS[4].id, "failed", None, "no memory")
    warning, line = capsys.readouterr().err.splitlines()
    assert warning == f"warning: {TRIALS[4].id}: no memory"
    assert line.startswith("trial=5/8 batch_size=32 seed=4 state=failed")


def test_trials_of_several_sweeps_are_named_as_only_names_them(terminal: Console) -> None:
    """A trial of two sweeps has the name of the first."""
    view = SweepView(quiet=False)
    view.begin([Plan("my/short", (), None, (Trial((), TRIALS[0].spec),)), replace(PLAN, name="my/mixer/batch")])
    for trial in TRIALS[:2]:
        view.moved(trial.id, "running", None)
    overall, first, second = last_frame(view, terminal)
    assert "0 of 8 done, 2 running" in overall
    assert first.startswith("short seed=0 ")
    assert second.startswith("mixer/batch batch_size=32 seed=1 ")


def test_a_log_names_the_sweep_of_each_trial(capsys: pytest.CaptureFixture[str]) -> None:
    view = SweepView(quiet=False)
    view.begin([replace(PLAN, name="my/mixer/batch"), replace(PLAN, name="my/other", trials=())])
    for state in ("running", "done"):
        view.moved(TRIALS[0].id, state, None)
    assert capsys.readouterr().err == "trial=1/8 part=mixer/batch batch_size=32 seed=0 state=done\n"


def test_trials_that_ended_before_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    view = SweepView(quiet=False)
    view.begin([PLAN])
    for trial in TRIALS:
        view.moved(trial.id, "done", None)
    assert capsys.readouterr().err == ""


def test_quiet_shows_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    view = begun(quiet=True)
    view.note("a note")
    view.note("warning: a warning")
    assert capsys.readouterr().err == "warning: a warning\n"


def test_a_training_is_drawn_whenever_its_loss_is_read(terminal: Console) -> None:
    """A GPU may take thousands of steps a second, and its losses are read once a second."""
    view = TrainingView(quiet=False)
    view.event(Started(epochs=1, steps_per_epoch=10, epoch=0, step=0))
    first = last_frame(view, terminal)
    view.event(StepFinished(1, 9, 0.1, None))
    assert last_frame(view, terminal) == first
    view.event(StepFinished(1, 10, 0.1, 0.25))
    (bar,) = view.bars.tasks
    assert (bar.completed, bar.total) == (10, 10)
    view.event(StepFinished(1, 10, 0.1, None))
    assert bar.completed == 10


def test_the_remaining_time_is_right_if_many_trials_report_at_once(
    terminal: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from the queue of a cluster, every 15 s."""
    now = 0.0
    terminal.get_time = lambda: now
    monkeypatch.setattr(live, "monotonic", lambda: now)
    view = SweepView(quiet=False)
    view.begin([PLAN])
    for trial in TRIALS:
        view.moved(trial.id, "running", None)
    remaining = []
    for look in range(4):
        for trial in TRIALS:
            if not look:
                view.event(trial.id, Started(epochs=1, steps_per_epoch=10, epoch=0, step=0))
            view.event(trial.id, StepFinished(1, look + 1, 0.1, None))
            now += 0.001
        remaining.append([bar.time_remaining for bar in view.bars.tasks[:2]])
        now += 15
    assert remaining[0] == [None, None]
    assert remaining[3] == [pytest.approx(15 * 6, abs=20)] * 2
