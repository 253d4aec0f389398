"""Names beside what they name: clear of marks, of intervals and of each other, in the same places every time."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Literal, NamedTuple

REACH = 6
"""In pixels, as all lengths here: how far a mark reaches from its middle."""

GAP = 3
"""Between a mark and its name."""

STEPS = 6
"""So many places above and below are tried, half a line apart."""

Side = Literal["left", "center", "right"]
SIDES: tuple[Side, Side] = ("left", "right")


class Box(NamedTuple):
    """A rectangle; y grows upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: "Box") -> bool:
        is_beside = self.right <= other.left or other.right <= self.left
        return not (is_beside or self.top <= other.bottom or other.top <= self.bottom)

    def is_within(self, other: "Box") -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and (self.bottom >= other.bottom and self.top <= other.top)
        )


class Mark(NamedTuple):
    """A point with its upright interval."""

    x: float
    y: float
    low: float
    high: float

    @property
    def box(self) -> Box:
        return Box(self.x - REACH, min(self.low, self.y - REACH), self.x + REACH, max(self.high, self.y + REACH))

    def ringed(self, radius: float) -> "Mark":
        """With a ring around the point."""
        return self._replace(low=min(self.low, self.y - radius), high=max(self.high, self.y + radius))


class Place(NamedTuple):
    """Where a name stands; `side` is the one from which it is read: at the right of a mark it begins at its left."""

    box: Box
    side: Side

    @property
    def start(self) -> tuple[float, float]:
        """The point of the name that is nearest to its mark."""
        left, bottom, right, top = self.box
        return {"left": left, "center": (left + right) / 2, "right": right}[self.side], (bottom + top) / 2

    def is_away_from(self, mark: Mark) -> bool:
        """Whether it is so far up or down that it could be that of another mark."""
        return self.side != "center" and abs(self.start[1] - mark.y) > REACH


Size = tuple[float, float]
Candidates = Callable[[Mark, Size], Iterator[Place]]


def beside(mark: Mark, size: Size) -> Iterator[Place]:
    """At the right, at the left, over and under the interval, then ever further up and down at both sides."""
    yield from (_at_side(mark, size, side, 0.0) for side in SIDES)
    yield from _over_and_under(mark, size)
    for step, sign, side in product(range(1, STEPS + 1), (1, -1), SIDES):
        yield _at_side(mark, size, side, sign * step * size[1] / 2)


def over(mark: Mark, size: Size) -> Iterator[Place]:
    """Over and under the interval, then beside it."""
    yield from _over_and_under(mark, size)
    yield from beside(mark, size)


def _over_and_under(mark: Mark, size: Size) -> Iterator[Place]:
    width, height = size
    for bottom in (mark.box.top, mark.box.bottom - height):
        yield Place(Box(mark.x - width / 2, bottom, mark.x + width / 2, bottom + height), "center")


def _at_side(mark: Mark, size: Size, side: Side, up: float) -> Place:
    width, height = size
    middle = mark.y + up
    left = mark.box.right + GAP if side == "left" else mark.box.left - GAP - width
    return Place(Box(left, middle - height / 2, left + width, middle + height / 2), side)


def placed(wanted: Sequence[Iterator[Place]], marks: Sequence[Mark], frame: Box) -> list[Place | None]:
    """Of each name's places the first that is free; None where none is."""
    taken = [mark.box for mark in marks]
    found: list[Place | None] = []
    for places in wanted:
        free = (place for place in places if _is_free(place.box, taken, frame))
        found.append(next(free, None))
        taken += [place.box for place in found[-1:] if place]
    return found


def _is_free(box: Box, taken: Sequence[Box], frame: Box) -> bool:
    return box.is_within(frame) and not any(box.meets(other) for other in taken)
