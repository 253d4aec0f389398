"""Show a training and a sweep under way: bars on a terminal, one `key=value` line an epoch or a trial elsewhere."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from vitreport.cli.console import is_interactive, note, sparkline, stderr
from vitreport.formatting import compact, duration, percent, printable, rate
from vitreport.records.measurement import EpochRecord
from vitreport.records.reader import Run
from vitreport.sweep.forecast import remaining_seconds
from vitreport.sweep.plan import Plan
from vitreport.sweep.run import Observer
from vitreport.training.events import EpochFinished, EvaluationStarted, Event, Listener, Started, StepFinished

CURVE_WIDTH = 16
OVER = ("done", "diverged", "failed", "damaged")


class Display(Listener):
    """Shows notes, and progress as bars on a terminal, as lines elsewhere. Quiet, it shows warnings only."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet, self.is_drawn = quiet, is_interactive() and not quiet
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[text]}", markup=False, table_column=Column()),  # folded where it does not fit
            console=stderr(),
            transient=True,
            disable=not self.is_drawn,
        )

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the bars."""
        self.bars.stop()

    def note(self, line: str) -> None:
        """Show a line for the user."""
        if not self.quiet or line.startswith("warning: "):
            note(line, self.bars.console)

    def log(self, values: Mapping[str, object]) -> None:
        """Show what has ended as a line of `key=value`, if no bars are drawn."""
        if not self.is_drawn:
            self.note(" ".join(f"{key}={value}" for key, value in values.items()))

    def progress(self, label: str, done: int, total: int | None) -> None:
        """Draw a bar until the preparation of the images is done."""
        self.bar(label, done, total, f"{done:,}/{total:,}" if total else f"{done:,}", visible=done != total)

    def bar(self, label: str, done: float, total: float | None, text: str, *, visible: bool = True) -> None:
        """Draw the bar of this label; it is a new one the first time."""
        known = next((task.id for task in self.bars.tasks if task.description == label), None)
        bar = self.bars.add_task(label, text=text) if known is None else known
        self.bars.update(bar, completed=done, total=total, text=text, visible=visible)


class Shares:
    """How much of each training is done, from 0 to 1, and the time that the rest will take."""

    def __init__(self) -> None:
        self.done: dict[str, float] = {}
        self.ended: set[str] = set()
        self._begun: dict[str, float] = {}
        self._start: float | None = None

    def begin(self, run_id: str, share: float) -> None:
        """Begin to measure time, if it is not measured yet."""
        self._start = self._start or time.monotonic()
        self.done[run_id] = share
        self._begun.setdefault(run_id, share)

    def end(self, run_id: str, *, whole: bool) -> None:
        """Set that a training is over; nothing of it is left."""
        self.done[run_id] = 1.0 if whole else self.done[run_id]
        self._begun.setdefault(run_id, self.done[run_id])
        self.ended.add(run_id)

    def left(self) -> str:
        """Return the time left as text; "" as long as nothing was trained."""
        seconds = None
        if self._start is not None:
            seconds = remaining_seconds(self.done, self._begun, time.monotonic() - self._start, self.ended)
        return "" if seconds is None else duration(seconds)


class TrainingView(Listener):
    """Shows the events of a training on a display, which shows the notes itself."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._shares = Shares()
        self._started: Started | None = None
        self._loss = ""
        self._epochs: list[EpochRecord] = []

    def event(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Started():
                self._started = event
                self._draw(event)
            case StepFinished():
                self._loss = self._loss if event.loss is None else f"loss {event.loss:.4f}"
                self._draw(event)
            case EpochFinished():
                self._epochs.append(event.record)
                self._display.log(epoch_values(event))
            case EvaluationStarted():
                self._display.bar("measuring", 0, None, "every split")

    def _draw(self, at: Started | StepFinished) -> None:
        assert self._started
        steps = self._started.epochs * self._started.steps_per_epoch
        self._shares.begin("", at.step / steps)
        left = self._shares.left()
        text = f"epoch {at.epoch:,}/{self._started.epochs:,}{left and f', {left} left'}\n{self._loss}"
        if self._epochs:
            split, accuracy = seen_accuracy(self._epochs[-1].splits)
            curve = sparkline([epoch.splits[split].accuracy for epoch in self._epochs], CURVE_WIDTH)
            text += f", {split} {percent(accuracy)} {curve}, {rate(self._epochs[-1].images_per_second)} images/s"
        self._display.bar("training", at.step, steps, text)


def epoch_values(event: EpochFinished) -> dict[str, object]:
    """Return what a log says of an epoch: epoch=3 step=63 learning_rate=0.001 train_loss=... val_accuracy=..."""
    epoch = event.record
    shown: dict[str, object] = {"epoch": epoch.epoch, "step": epoch.step, "learning_rate": f"{epoch.learning_rate:.3g}"}
    for name, metrics in epoch.splits.items():
        shown |= {f"{name}_loss": f"{metrics.loss:.4f}", f"{name}_accuracy": f"{metrics.accuracy:.4f}"}
    shown["images_per_second"] = f"{epoch.images_per_second:.0f}"
    shown |= {"seconds": f"{epoch.seconds:.1f}", "peak_memory": f"{compact(epoch.peak_memory_bytes)}B"}
    return shown | ({"best_epoch": event.best_epoch} if event.best_epoch else {})


def seen_accuracy(splits: Mapping[str, Any]) -> tuple[str, float]:
    """Return the split that tells most of a training under way, and its accuracy."""
    split = next(name for name in ("val", "test", "train") if name in splits)
    return split, splits[split].accuracy


class SweepView(Observer):
    """Shows what happens in a sweep on a display: a bar for all trials, and one for each that runs."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def begin(self, plan: Plan) -> None:
        """Show the next sweep."""
        self._axes = [axis.name for axis in plan.axes]
        self._trials = {trial.id: trial for trial in plan.trials}
        self._states: dict[str, str] = {}
        self._steps: dict[str, int] = {}
        self._seen: dict[str, str] = {}
        self._shares = Shares()
        self._shares.done = dict.fromkeys(self._trials, 0.0)

    def note(self, line: str) -> None:
        """Show a line for the user."""
        self._display.note(line)

    def progress(self, label: str, done: int, total: int | None) -> None:
        """Show how far the preparation of the images is."""
        self._display.progress(label, done, total)

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None:
        """Show the new state of a trial."""
        before, self._states[run_id] = self._states.get(run_id), state
        if why and state != before:
            self.note(f"warning: {run_id}: {why}")
        if state in OVER:
            self._shares.end(run_id, whole=state == "done")
            if before not in (None, state):
                self._display.log(self._values(run_id, run))
        self._draw(run_id)

    def event(self, run_id: str, event: Event) -> None:
        """Show an event of a training."""
        match event:
            case Started():
                self._steps[run_id] = event.epochs * event.steps_per_epoch
                self._shares.begin(run_id, event.step / self._steps[run_id])
            case StepFinished():
                self._shares.done[run_id] = event.step / self._steps[run_id]
            case EpochFinished():
                split, accuracy = seen_accuracy(event.record.splits)
                self._seen[run_id] = f", {split} {percent(accuracy)}"
        self._draw(run_id)

    def _values(self, run_id: str, run: Run | None) -> dict[str, str]:
        """Return what a log says of a trial that has ended."""
        shown = {
            "trial": f"{len(self._shares.ended)}/{len(self._trials)}",
            **self._level(run_id),
            "state": self._states[run_id],
        }
        if run and (seen := ("test", run.result.selected.splits["test"].accuracy) if run.result else run.last_accuracy):
            shown[f"{seen[0]}_accuracy"] = f"{seen[1]:.4f}"
        if run and run.record:
            shown["seconds"] = f"{run.record.seconds:.1f}"
        return shown | ({"left": left} if (left := self._shares.left()) else {})

    def _level(self, run_id: str) -> dict[str, str]:
        trial = self._trials[run_id]
        names = [*self._axes, "seed"]
        return dict(zip(names, [*trial.values, str(trial.spec.seed)], strict=True))

    def _draw(self, run_id: str) -> None:
        counts = Counter(self._states.values())
        parts = [
            f"{counts.pop('done', 0)} of {len(self._trials)} done",
            *(f"{counts[state]} {state}" for state in counts),
        ]
        parts += [f"{left} left"] if (left := self._shares.left()) else []
        done = sum(1.0 if run_id in self._shares.ended else share for run_id, share in self._shares.done.items())
        self._display.bar("trials", done, len(self._trials), ", ".join(parts))
        label = printable(" ".join(f"{name}={value}" for name, value in self._level(run_id).items()))
        share, epochs = self._shares.done[run_id], self._trials[run_id].spec.train.epochs
        self._display.bar(
            label,
            share,
            1,
            f"epoch {share * epochs:.1f}/{epochs:,}{self._seen.get(run_id, '')}",
            visible=self._states.get(run_id) == "running",
        )
