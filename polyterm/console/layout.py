"""Which pane stands where, and which of its columns fit: functions of the size alone.

Designed for 80×24, 120×36 and 200×50. Below 80×24 nothing is arranged. Nothing is ever clipped: when a column does not
fit, the least valuable one leaves first.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

MIN_WIDTH: Final = 80
MIN_HEIGHT: Final = 24
WIDE_WIDTH: Final = 120
WIDE_HEIGHT: Final = 36

PaneName = Literal["status", "feeds", "ticks", "leaderboard", "conflicts", "positions", "events", "footer"]
Align = Literal["left", "right"]


class Place(msgspec.Struct, frozen=True):
    """A rectangle in terminal cells."""

    x: int
    y: int
    width: int
    height: int


class Arrangement(msgspec.Struct, frozen=True):
    """``titled`` panes have a line of their own for the title; otherwise it stands in the first column's heading."""

    titled: bool
    places: dict[PaneName, Place]


def arrange(width: int, height: int, coins: int = 4, below: int = 0) -> Arrangement | None:
    """Where every pane of the main screen stands, ``below`` lines left free under them; None when the terminal is too
    small."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return None
    if width >= WIDE_WIDTH and height >= WIDE_HEIGHT:
        return Arrangement(True, _wide(width, height - below, coins))
    return Arrangement(False, _compact(width, height - below, coins))


def maximised(width: int, height: int, pane: PaneName) -> Arrangement | None:
    """One pane between the status bar and the keys; None when the terminal is too small."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return None
    titled = width >= WIDE_WIDTH and height >= WIDE_HEIGHT
    status, feeds, footer = 3 if titled else 2, 1, 1
    top = status + feeds
    return Arrangement(
        titled,
        {
            "status": Place(0, 0, width, status),
            "feeds": Place(0, status, width, feeds),
            pane: Place(0, top, width, height - top - footer),
            "footer": Place(0, height - footer, width, footer),
        },
    )


def _compact(width: int, height: int, coins: int) -> dict[PaneName, Place]:
    status, feeds, ticks, footer = 2, 1, coins + 1, 1
    body = height - status - feeds - ticks - footer
    positions = 4 + max(0, body - 15) // 3
    middle = body - positions
    conflicts = 30 + (width - MIN_WIDTH) // 3
    y_ticks = status + feeds
    y_middle = y_ticks + ticks
    return {
        "status": Place(0, 0, width, status),
        "feeds": Place(0, status, width, feeds),
        "ticks": Place(0, y_ticks, width, ticks),
        "leaderboard": Place(0, y_middle, width - conflicts - 1, middle),
        "conflicts": Place(width - conflicts, y_middle, conflicts, middle),
        "positions": Place(0, y_middle + middle, width, positions),
        "footer": Place(0, height - footer, width, footer),
    }


def _wide(width: int, height: int, coins: int) -> dict[PaneName, Place]:
    status, feeds, ticks, footer = 3, 1, coins + 2, 1
    body = height - status - feeds - ticks - footer
    events = max(7, body // 3)
    conflicts = max(14, body * 11 // 20)
    left = (width - 1) // 2 + min(8, max(0, width - 160) // 8)  # a leaderboard with all columns; a heatmap takes less
    right = width - left - 1
    y_body = status + feeds + ticks
    return {
        "status": Place(0, 0, width, status),
        "feeds": Place(0, status, width, feeds),
        "ticks": Place(0, status + feeds, width, ticks),
        "leaderboard": Place(0, y_body, left, body - events),
        "events": Place(0, y_body + body - events, left, events),
        "conflicts": Place(left + 1, y_body, right, conflicts),
        "positions": Place(left + 1, y_body + conflicts, right, body - conflicts),
        "footer": Place(0, height - footer, width, footer),
    }


class ColumnSpec(msgspec.Struct, frozen=True):
    """A column that may be shown. The lowest ``rank`` leaves first.

    ``grow`` is how many cells more it can use; it takes them before any column ranked below ``grow_rank`` comes in.
    """

    key: str
    title: str
    width: int
    rank: int
    align: Align = "right"
    grow: int = 0
    grow_rank: int = 0


class Column(msgspec.Struct, frozen=True):
    key: str
    title: str
    width: int
    align: Align


def fit(specs: Sequence[ColumnSpec], width: int) -> tuple[Column, ...]:
    """The most valuable columns whose widths, with a gap of one cell between them, are at most ``width``.

    Once a column does not fit, no lesser one comes in: what is left lets the others grow.
    """
    demands = [(spec.rank, False, spec) for spec in specs] + [(spec.grow_rank, True, spec) for spec in specs]
    widths: dict[str, int] = {}
    spare = width + 1  # the first column has no gap before it
    full = False
    for _, growth, spec in sorted(demands, key=lambda demand: -demand[0]):
        if not growth:
            full = full or spec.width + 1 > spare
            if full:
                continue
            widths[spec.key] = spec.width
            spare -= spec.width + 1
        elif spec.key in widths:
            more = min(spec.grow, spare)
            widths[spec.key] += more
            spare -= more
    return tuple(Column(spec.key, spec.title, widths[spec.key], spec.align) for spec in specs if spec.key in widths)


def widest(items: Sequence[tuple[int, int]], width: int, gap: int) -> tuple[int, ...]:
    """Which of the (rank, width) items fit side by side, by index in their order; the lowest rank leaves first."""
    kept = list(range(len(items)))
    while kept and sum(items[i][1] for i in kept) + gap * (len(kept) - 1) > width:
        kept.remove(min(kept, key=lambda i: (items[i][0], -i)))
    return tuple(kept)
