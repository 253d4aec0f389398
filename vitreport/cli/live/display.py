"""What the views of a training and of a sweep share: what is said above them, and how they are drawn on a terminal."""

from types import TracebackType
from typing import ClassVar, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import Progress, TaskID

from vitreport.cli.console import note, stderr


class QuietView:
    """A block that shows warnings and nothing else."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def note(self, line: str) -> None:
        if line.startswith("warning: "):
            note(line)

    def progress(self, label: str, done: int, total: int | None) -> None:
        return None


class DrawnView(QuietView):
    """Drawn again and again below the lines that stay, and gone at the end of its block."""

    refreshes_per_second: ClassVar[int]
    _bars: Progress
    _console: Console
    _live: Live
    _width: int

    def __enter__(self) -> Self:
        rate = self.refreshes_per_second
        self._console = stderr()  # what is drawn may ask how large it is, also the first time
        self._width = self._console.width
        self._live = Live(get_renderable=self._fitted, console=self._console, refresh_per_second=rate, transient=True)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def note(self, line: str) -> None:
        note(line, self._console)

    def progress(self, label: str, done: int, total: int | None) -> None:
        bar = self._show_bar(label, done, total)
        if done == total:
            self._bars.remove_task(bar)

    def _show_bar(self, label: str, done: float, total: int | None, shown: str = "") -> TaskID:
        """Draw the bar of this label, which is a new one the first time; it starts again where less is done."""
        shown = shown or (f"{done:,}/{total:,}" if total else f"{done:,}")
        known = next((task for task in self._bars.tasks if task.description == label), None)
        bar = known.id if known else self._bars.add_task(label, total=total, shown=shown)
        if known and done < known.completed:
            self._bars.reset(bar)
        self._bars.update(bar, completed=done, total=total, shown=shown)
        return bar

    def _fitted(self) -> RenderableType:
        """On a clear screen after its width has changed: the terminal has folded the former lines in its own way."""
        if self._console.width != self._width:
            self._width = self._console.width
            self._console.clear()
        return self._render()

    def _render(self) -> RenderableType:
        raise NotImplementedError
