"""A sweep as it happens: a table of its trials on a terminal, one `key=value` line a finished trial elsewhere."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from vitreport.cli.console import is_interactive, note
from vitreport.cli.live.display import DrawnView, QuietView
from vitreport.formatting import duration, percent, printable
from vitreport.records.reader import Run
from vitreport.sweep.forecast import remaining_seconds
from vitreport.sweep.plan import Plan, Trial
from vitreport.sweep.run import Observer
from vitreport.training.events import EpochFinished, Event, Started, StepFinished

LINES_AROUND = 6  # of a terminal, above and below the trials
OVER = ("done", "diverged", "failed", "damaged")
STYLES = {"done": "green", "running": "cyan", "diverged": "yellow", "failed": "red", "damaged": "red", "queued": "dim"}


@dataclass
class Status:
    """What is known of a trial now; `share` is how much of it is done, of 1."""

    state: str = "queued"
    epoch: int = 0
    steps: int = 0
    share: float = 0.0
    accuracy: tuple[str, float] | None = None
    moved: float = 0.0


class QuietSweepView(QuietView, Observer):
    """Keeps count, and shows warnings and nothing else."""

    def __init__(self, axes: Sequence[str], trials: Sequence[Trial]) -> None:
        self.axes = axes
        self.trials = {trial.id: trial for trial in trials}
        self.statuses = {run_id: Status() for run_id in self.trials}
        self._begun: dict[str, float] = {}
        self._start: float | None = None

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None:
        status = self.statuses[run_id]
        changed, status.state, status.moved = status.state != state, state, time.monotonic()
        if run:
            status.epoch = run.epochs[-1].epoch if run.epochs else 0
            result = run.result
            status.accuracy = ("test", result.selected.splits["test"].accuracy) if result else run.last_accuracy
        if state == "done":
            status.share = 1.0
        if why and changed:
            self.note(f"warning: {run_id}: {why}")

    def event(self, run_id: str, event: Event) -> None:
        status = self.statuses[run_id]
        match event:
            case Started():
                self._start = self._start or time.monotonic()
                status.steps = event.epochs * event.steps_per_epoch
                status.epoch = event.epoch
                status.share = event.step / status.steps
                self._begun.setdefault(run_id, status.share)
            case StepFinished():
                status.share = event.step / status.steps
            case EpochFinished():
                status.epoch, splits = event.record.epoch, event.record.splits
                split = next(name for name in ("val", "test", "train") if name in splits)
                status.accuracy = (split, splits[split].accuracy)

    def seconds_left(self) -> float | None:
        """None as long as there is nothing to reckon it from."""
        shares = {run_id: status.share for run_id, status in self.statuses.items()}
        at_start = {run_id: self._begun.get(run_id, share) for run_id, share in shares.items()}
        ended = {run_id for run_id, status in self.statuses.items() if status.state in OVER}
        return remaining_seconds(shares, at_start, time.monotonic() - self._start, ended) if self._start else None


class SweepLines(QuietSweepView):
    """For pipes and logs: one line a trial that has come to its end."""

    def moved(self, run_id: str, state: str, run: Run | None, why: str = "") -> None:
        was_over = self.statuses[run_id].state in OVER
        was_queued = self.statuses[run_id].state == "queued"
        super().moved(run_id, state, run, why)
        if state in OVER and not was_over and (self._has_begun or not was_queued):
            note(self._line(run_id, run))

    @property
    def _has_begun(self) -> bool:
        return any(status.state == "running" for status in self.statuses.values())

    def note(self, line: str) -> None:
        note(line)

    def _line(self, run_id: str, run: Run | None) -> str:
        trial, status = self.trials[run_id], self.statuses[run_id]
        over = sum(status.state in OVER for status in self.statuses.values())
        shown = {"trial": f"{over}/{len(self.trials)}", **dict(zip(self.axes, trial.values, strict=True))}
        shown |= {"seed": str(trial.spec.seed), "state": status.state}
        if status.accuracy:
            split, accuracy = status.accuracy
            shown[f"{split}_accuracy"] = f"{accuracy:.4f}"
        if run and run.record:
            shown["seconds"] = f"{run.record.seconds:.1f}"
        if left := self.seconds_left():
            shown["left"] = duration(left)
        return " ".join(f"{key}={value}" for key, value in shown.items())


class LiveSweepView(DrawnView, QuietSweepView):
    """For terminals: as many trials as fit, how many others there are, and the time left for all."""

    refreshes_per_second = 4

    def __init__(self, axes: Sequence[str], trials: Sequence[Trial]) -> None:
        super().__init__(axes, trials)
        self._bars = Progress(TextColumn("{task.description:<8}"), BarColumn(), TextColumn("{task.fields[shown]}"))

    def _render(self) -> Group:
        in_order = sorted(self.trials, key=lambda run_id: _urgency(self.statuses[run_id]))
        most = max(1, self._console.height - LINES_AROUND)
        parts: list[RenderableType] = [self._bars, self._table(in_order[:most])]
        if hidden := in_order[most:]:
            counts = Counter(self.statuses[run_id].state for run_id in hidden)
            states = ", ".join(f"{count} {state}" for state, count in counts.items())
            parts.append(Text(f"… and {len(hidden)} more: {states}", style="dim"))
        return Group(*parts, self._footer())

    def _table(self, shown: Sequence[str]) -> Table:
        """On a narrow terminal the axes are cut, and nothing else: rich narrows the columns that may wrap."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for axis in self.axes:
            table.add_column(_cut(axis))
        for column in ("seed", "state", "epoch", "accuracy"):
            table.add_column(column, justify="right" if column == "epoch" else "left", no_wrap=True)
        for run_id in shown:
            trial, status = self.trials[run_id], self.statuses[run_id]
            accuracy = f"{percent(status.accuracy[1])} {status.accuracy[0]}" if status.accuracy else ""
            epochs = f"{status.epoch:,}/{trial.spec.train.epochs:,}"
            state = Text(status.state, style=STYLES.get(status.state, ""))
            table.add_row(*map(_cut, trial.values), str(trial.spec.seed), state, epochs, accuracy)
        return table

    def _footer(self) -> Text:
        counts = Counter(status.state for status in self.statuses.values())
        parts = [f"{counts.pop('done', 0)} of {len(self.trials)} trials done"]
        parts += [f"{count} {state}" for state, count in counts.items()]
        if left := self.seconds_left():
            parts.append(f"{duration(left)} left")
        return Text(" · ".join(parts), style="dim")


def choose_sweep_view(plan: Plan, *, quiet: bool) -> QuietSweepView:
    """Return a live table on a terminal, else lines, else nothing but warnings."""
    view = QuietSweepView if quiet else LiveSweepView if is_interactive() else SweepLines
    return view([axis.name for axis in plan.axes], plan.trials)


def _urgency(status: Status) -> tuple[int, float]:
    """Under way, then what has ended, the newest first, then what waits."""
    if status.state in ("running", "in use"):
        return 0, 0.0
    return (2, 0.0) if status.state == "queued" else (1, -status.moved)


def _cut(text: str) -> Text:
    """As much of a name or a value as its column has room for, on one line."""
    return Text(printable(text), no_wrap=True, overflow="ellipsis")
