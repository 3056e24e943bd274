"""What a chart shows, as values: curves, levels and marks, with the ticks of its axes."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import msgspec

from polyterm.console.view.cells import Role

Point = tuple[float, float | None]
Pen = Literal["line", "dots"]
"""Told apart without colours."""

MARGIN: Final = 0.05


class Curve(msgspec.Struct, frozen=True):
    """Where a value is missing, or the next point is more than ``gap`` away, the curve is broken."""

    points: tuple[Point, ...]
    role: Role
    pen: Pen = "line"
    gap: float = math.inf

    def stretches(self) -> list[list[tuple[float, float]]]:
        """The unbroken parts."""
        found: list[list[tuple[float, float]]] = [[]]
        for x, y in self.points:
            if y is None:
                found.append([])
                continue
            if found[-1] and x - found[-1][-1][0] > self.gap:
                found.append([])
            found[-1].append((x, y))
        return [stretch for stretch in found if stretch]


class Mark(msgspec.Struct, frozen=True):
    """A glyph at a place of the chart."""

    x: float
    y: float
    glyph: str
    role: Role


class Plot(msgspec.Struct, frozen=True):
    """``levels`` are horizontal lines over the whole width. ``y_ticks`` and ``x_ticks`` are (value, label)."""

    curves: tuple[Curve, ...] = ()
    levels: tuple[tuple[float, Role], ...] = ()
    marks: tuple[Mark, ...] = ()
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    x_ticks: tuple[tuple[float, str], ...] = ()
    y_ticks: tuple[tuple[float, str], ...] = ()


NOTHING: Final = Plot()


def y_range(values: Iterable[float | None], least: float) -> tuple[float, float]:
    """From lowest to highest, with a margin; at least ``least`` apart."""
    known = [value for value in values if value is not None]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    spare = max((high - low) * MARGIN, (least - (high - low)) / 2)
    return low - spare, high + spare


def ticks(low: float, high: float, most: int, label: Callable[[float], str]) -> tuple[tuple[float, str], ...]:
    """At most ``most`` round values between the two, evenly apart."""
    span = high - low
    if most < 1 or span <= 0:
        return ()
    step = 10.0 ** math.floor(math.log10(span / most))
    while span / step > most:
        step *= 2.5 if _leading(step) == 2 else 2
    first = math.ceil(low / step - 1e-9)
    return tuple((place * step, label(place * step)) for place in range(first, math.floor(high / step + 1e-9) + 1))


def _leading(number: float) -> int:
    return round(number / 10.0 ** math.floor(math.log10(number) + 1e-9))


def evenly(low: float, high: float, count: int, label: Callable[[float], str]) -> tuple[tuple[float, str], ...]:
    """``count`` ticks from end to end."""
    if count < 2 or high <= low:
        return ()
    places: Sequence[float] = [low + (high - low) * step / (count - 1) for step in range(count)]
    return tuple((place, label(place)) for place in places)
