"""Training as it happens: a live view on a terminal, one `key=value` line an epoch elsewhere."""

from rich.console import Group
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from vitreport.cli.console import is_interactive, note
from vitreport.cli.format import sparkline
from vitreport.cli.live.display import DrawnView, QuietView
from vitreport.formatting import compact, percent, rate
from vitreport.records.measurement import EpochRecord
from vitreport.training.events import EpochFinished, EvaluationStarted, Event, Listener, Started, StepFinished

CURVE_WIDTH = 32


class QuietTrainingView(QuietView, Listener):
    """Shows warnings and nothing else of a training."""


class LineView(QuietTrainingView):
    """For pipes and logs: one line an epoch."""

    def event(self, event: Event) -> None:
        if isinstance(event, EpochFinished):
            note(epoch_line(event))

    def note(self, line: str) -> None:
        note(line)


class LiveView(DrawnView, QuietTrainingView):
    """For terminals: bars for epochs and steps, the splits, the learning rate, and the curve so far."""

    refreshes_per_second = 8

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(complete_style="cyan", finished_style="cyan"),
            TextColumn("{task.fields[shown]}"),
            TimeRemainingColumn(compact=True),
        )
        self._started: Started | None = None
        self._step: StepFinished | None = None
        self._loss: float | None = None
        self._epochs: list[EpochRecord] = []
        self._best_epoch: int | None = None

    def event(self, event: Event) -> None:
        match event:
            case Started():
                self._started = event
                self._show_bar("epoch", event.epoch, event.epochs)
            case StepFinished():
                self._show_step(event)
            case EpochFinished():
                self._epochs.append(event.record)
                self._best_epoch = event.best_epoch
            case EvaluationStarted():
                self._show_bar("measuring", 0, None, shown="every split")

    def _show_step(self, event: StepFinished) -> None:
        assert self._started is not None
        self._step = event
        self._loss = event.loss if event.loss is not None else self._loss
        steps = self._started.steps_per_epoch
        self._show_bar("step", event.step - (event.epoch - 1) * steps, steps)
        epochs = self._started.epochs
        self._show_bar("epoch", event.step / steps, epochs, shown=f"{event.epoch:,}/{epochs:,}")

    def _render(self) -> Group:
        return Group(self._bars, *([self._splits()] if self._epochs else []), self._footer())

    def _splits(self) -> Table:
        newest = self._epochs[-1]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("", "loss", "accuracy", ""):
            table.add_column(column, justify="right" if column else "left")
        for name, metrics in newest.splits.items():
            curve = sparkline([epoch.splits[name].accuracy for epoch in self._epochs], CURVE_WIDTH)
            table.add_row(name, f"{metrics.loss:.4f}", percent(metrics.accuracy), Text(curve, style="cyan"))
        return table

    def _footer(self) -> Text:
        """Two short lines: one that a narrowed terminal folds leaves a copy of the first line behind."""
        parts = []
        if self._loss is not None:
            parts.append(f"loss {self._loss:.4f}")
        if self._step:
            parts.append(f"learning rate {self._step.learning_rate:.2e}")
        if self._epochs:
            newest = self._epochs[-1]
            parts += [f"{rate(newest.images_per_second)} images/s", f"{compact(newest.peak_memory_bytes)}B"]
        lines = [" · ".join(parts)] if parts else []
        if number := self._best_epoch:
            best = next((epoch for epoch in self._epochs if epoch.epoch == number), None)
            accuracy = f" ({percent(best.splits['val'].accuracy)})" if best else ""
            lines.append(f"best epoch {number}{accuracy}")
        return Text("\n".join(lines), style="dim")


def epoch_line(event: EpochFinished) -> str:
    """`epoch=3 step=63 learning_rate=0.001 train_loss=... val_accuracy=...`"""
    epoch = event.record
    values = {"epoch": epoch.epoch, "step": epoch.step, "learning_rate": f"{epoch.learning_rate:.3g}"}
    shown = {key: str(value) for key, value in values.items()}
    for name, metrics in epoch.splits.items():
        shown |= {f"{name}_loss": f"{metrics.loss:.4f}", f"{name}_accuracy": f"{metrics.accuracy:.4f}"}
    shown |= {
        "images_per_second": f"{epoch.images_per_second:.0f}",
        "seconds": f"{epoch.seconds:.1f}",
        "peak_memory": f"{compact(epoch.peak_memory_bytes)}B",
    }
    if event.best_epoch:
        shown["best_epoch"] = str(event.best_epoch)
    return " ".join(f"{key}={value}" for key, value in shown.items())


def choose_view(*, quiet: bool) -> QuietTrainingView:
    if quiet:
        return QuietTrainingView()
    return LiveView() if is_interactive() else LineView()
