"""Show a training and a sweep under way: bars on a terminal, one `key=value` line an epoch or a trial elsewhere."""

import sys
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from vitreport.cli.console import console_on, is_interactive, note
from vitreport.formatting import compact, percent, printable, rate
from vitreport.records.measurement import EpochRecord
from vitreport.records.reader import Run
from vitreport.sweep.observer import Observer
from vitreport.sweep.plan import Plan
from vitreport.training.events import EpochFinished, EvaluationStarted, Event, Listener, Started, StepFinished

OVER = ("done", "diverged", "failed", "damaged")


class View:
    """Shows notes, and progress as bars on a terminal, as lines elsewhere. Quiet, it shows warnings only."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self.bars = Progress(
            TextColumn(
                "{task.description}", markup=False, table_column=Column(overflow="fold")
            ),  # folded if it does not fit
            BarColumn(bar_width=20),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[text]}", markup=False, table_column=Column()),
            console=console_on(sys.stderr),
            transient=True,
            speed_estimate_period=3600,
            disable=quiet or not is_interactive(),
        )

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the bars."""
        self.bars.stop()

    def note(self, line: str) -> None:
        """Show a line for the user."""
        if not self._quiet or line.startswith("warning: "):
            note(line, self.bars.console)

    def progress(self, label: str, done: int, total: int | None) -> None:
        """Draw a bar until the preparation of the images is done."""
        self._draw(label, done, total, f"{done:,}/{total:,}" if total else f"{done:,}", visible=done != total)

    def _log(self, **values: object) -> None:
        """Show what has ended as a line of `key=value`, if no bars are drawn."""
        if self.bars.disable:
            self.note(" ".join(f"{key}={value}" for key, value in values.items()))

    def _draw(self, label: str, done: float, total: float | None, text: str, *, visible: bool = True) -> None:
        """Draw the bar of this label; it is a new one the first time."""
        known = next((task.id for task in self.bars.tasks if task.description == label), None)
        if known is not None and not visible:
            self.bars.remove_task(known)
        elif known is not None:
            self.bars.update(known, completed=done, total=total, text=text)
        elif visible:
            self.bars.add_task(label, completed=done, total=total, text=text)  # type: ignore[arg-type]  # a float too


class TrainingView(View, Listener):
    """Shows a training: a bar with the loss, the accuracy so far and the speed."""

    _started = Started(1, 1, 0, 0)
    _loss = ""
    _epoch: EpochRecord | None = None

    def event(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Started():
                self._started = event
                self._draw_training(event)
            case StepFinished() if event.loss is not None:  # a GPU may take thousands of steps a second
                self._loss = f"loss {event.loss:.4f}"
                self._draw_training(event)
            case EpochFinished():
                self._epoch = event.record
                self._log(**_values(event))
            case EvaluationStarted():
                self._draw("measuring", 0, None, "every split")

    def _draw_training(self, at: Started | StepFinished) -> None:
        text = f"epoch {at.epoch:,}/{self._started.epochs:,}"
        if self._epoch:
            speed = f"{rate(self._epoch.images_per_second)} images/s"
            text = f"{text}, {speed}\n{self._loss}, {_accuracy(self._epoch)}"
        self._draw("training", at.step, self._started.epochs * self._started.steps_per_epoch, text)


def _values(event: EpochFinished) -> dict[str, object]:
    """Return what a log says of an epoch: epoch=3 step=63 learning_rate=0.001 train_loss=... val_accuracy=..."""
    epoch = event.record
    shown: dict[str, object] = {"epoch": epoch.epoch, "step": epoch.step, "learning_rate": f"{epoch.learning_rate:.3g}"}
    for name, metrics in epoch.splits.items():
        shown |= {f"{name}_loss": f"{metrics.loss:.4f}", f"{name}_accuracy": f"{metrics.accuracy:.4f}"}
    shown["images_per_second"] = f"{epoch.images_per_second:.0f}"
    shown |= {"seconds": f"{epoch.seconds:.1f}", "peak_memory": f"{compact(epoch.peak_memory_bytes)}B"}
    return shown | ({"best_epoch": event.best_epoch} if event.best_epoch else {})


def _accuracy(epoch: EpochRecord) -> str:
    """Write the accuracy on the split that says most of a training under way."""
    split = next(name for name in ("val", "test", "train") if name in epoch.splits)
    return f"{split} {percent(epoch.splits[split].accuracy)}"


class SweepView(View, Observer):
    """Shows sweeps: a bar for all trials, and one for each that runs. `warned` receives the failed trials."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self.warned = set[str]()

    def begin(self, plans: Sequence[Plan]) -> None:
        """Show these sweeps; a trial of several is shown as one of the first."""
        self._levels: dict[str, dict[str, str]] = {}
        self._epochs: dict[str, int] = {}
        for plan in reversed(plans):
            part = {"part": plan.name.partition("/")[2]} if len(plans) > 1 else {}  # as --only names it
            names = [*(axis.name for axis in plan.axes), "seed"]
            for trial in plan.trials:
                values = zip(names, (*trial.values, str(trial.spec.seed)), strict=True)
                self._levels[trial.id] = part | dict(values)
                self._epochs[trial.id] = trial.spec.train.epochs
        self._states: dict[str, str] = {}
        self._counts = Counter[str]()
        self._steps: dict[str, int] = {}
        self._shares = dict.fromkeys(self._epochs, 0.0)
        self._accuracies: dict[str, str] = {}

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None:
        """Show the new state of a trial."""
        before = self._states.get(run_id)
        self._states[run_id] = state
        self._counts[state] += 1
        if before is not None:
            self._counts[before] -= 1
        if state in OVER:
            self._shares[run_id] = 1.0
        if why and state != before:
            self.note(f"warning: {run_id}: {why}")
            self.warned |= {run_id} if state == "failed" else set()
        if state in OVER and before not in (None, state):
            over = sum(self._counts[each] for each in OVER)
            shown = {"trial": f"{over}/{len(self._epochs)}", **self._levels[run_id], "state": state}
            if run and run.result:
                shown["test_accuracy"] = f"{run.result.selected.splits['test'].accuracy:.4f}"
            if run and run.record:
                shown["seconds"] = f"{run.record.seconds:.1f}"
            self._log(**shown)
        self._draw_sum()
        self._draw_trial(run_id)

    def event(self, run_id: str, event: Event) -> None:
        """Show an event of a training."""
        if isinstance(event, Started):
            self._steps[run_id] = event.epochs * event.steps_per_epoch
        if isinstance(event, Started | StepFinished):
            self._shares[run_id] = event.step / self._steps[run_id]
        if isinstance(event, EpochFinished):
            self._accuracies[run_id] = f", {_accuracy(event.record)}"
        if monotonic() >= self._next_sum:
            self._draw_sum()
        self._draw_trial(run_id)

    def _draw_sum(self) -> None:
        """Draw the bar of all trials; not for each of the events that come at once, or its speed would be wrong."""
        self._next_sum = monotonic() + 1
        if not self.bars.disable and (self.bars.tasks or self._counts["running"]):
            done = [f"{self._counts['done']} of {len(self._epochs)} done"]
            others = [state for state in dict.fromkeys([*OVER[1:], "running", *self._counts]) if state != "done"]
            text = ", ".join([*done, *(f"{self._counts[each]} {each}" for each in others if self._counts[each])])
            self._draw("trials", sum(self._shares.values()), len(self._epochs), text)

    def _draw_trial(self, run_id: str) -> None:
        if self.bars.disable:
            return
        label = printable(" ".join(f"{name}={value}" for name, value in self._levels[run_id].items()))
        label = label.removeprefix("part=")
        share, epochs = self._shares[run_id], self._epochs[run_id]
        text = f"epoch {share * epochs:.1f}/{epochs:,}{self._accuracies.get(run_id, '')}"
        self._draw(label, share, 1, text, visible=self._states.get(run_id) == "running")
