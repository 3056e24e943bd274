"""Every feed in full: how much it says, how far away it is, what it has missed, and what went wrong last."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Line, Role, Row, laid_out
from polyterm.console.view.feeds import MARKS
from polyterm.console.view.figures import MISSING, age, aged, clock_time, rate
from polyterm.console.view.prose import filled
from polyterm.core.snapshot import FeedRow

COLUMNS: Final = (
    ColumnSpec("name", "Feeds", 12, 100, "left", grow=4, grow_rank=30),
    ColumnSpec("state", "state", 12, 95, "left"),
    ColumnSpec("age", "age", 5, 90),
    ColumnSpec("rate", "rate", 6, 85),
    ColumnSpec("latency", "trip", 6, 80),
    ColumnSpec("reconnects", "again", 5, 75),
    ColumnSpec("gaps", "gaps", 5, 74),
    ColumnSpec("unknown", "unknown", 7, 50),
    ColumnSpec("malformed", "garbled", 7, 60),
    ColumnSpec("host", "host", 18, 40, "left", grow=18, grow_rank=35),
    ColumnSpec("trouble", "last trouble", 20, 38, "left", grow=80, grow_rank=20),
)


def _role(row: FeedRow, view: View) -> Role:
    return "stale" if view.lost else MARKS[row.state][1]


def _name(row: FeedRow, view: View) -> Cell:
    return Cell(f"{MARKS[row.state][0]} {row.name}", _role(row, view))


def _state(row: FeedRow, view: View) -> Cell:
    retry = "" if row.retry_in_s is None else f", {max(0, round(row.retry_in_s))}s"
    return Cell(f"{row.state}{retry}", _role(row, view))


def _trouble(row: FeedRow, _: View) -> Cell:
    if not row.trouble or row.trouble_ms is None:
        return MISSING
    return Cell(f"{clock_time(row.trouble_ms)} {row.trouble}", "warn")


def _count(number: int) -> Cell:
    return Cell(str(number), "warn" if number else "muted")


_CELLS: Final[Mapping[str, Callable[[FeedRow, View], Cell]]] = {
    "name": _name,
    "state": _state,
    "age": lambda row, view: MISSING if row.age_s is None else aged(age(row.age_s), "", view.lost),
    "rate": lambda row, view: Cell(rate(row.messages_per_s), "stale" if view.lost else ""),
    "latency": lambda row, _: MISSING if row.latency_ms is None else Cell(f"{row.latency_ms:,.0f}ms"),
    "reconnects": lambda row, _: _count(row.reconnects),
    "gaps": lambda row, _: _count(row.gaps),
    "unknown": lambda row, _: _count(row.unknown),
    "malformed": lambda row, _: _count(row.malformed),
    "host": lambda row, _: Cell(row.host or MISSING.text, "muted"),
    "trouble": _trouble,
}


def feed_rows(view: View, columns: Sequence[Column]) -> tuple[Row, ...]:
    """A row a feed, and below it in words what no column has room for."""
    if view.feeds is None:
        return ()
    width = sum(column.width + 1 for column in columns) - 1
    shown = {column.key for column in columns}
    return tuple(row for feed in view.feeds.rows for row in _rows(feed, view, columns, width, shown))


def _rows(feed: FeedRow, view: View, columns: Sequence[Column], width: int, shown: set[str]) -> Sequence[Row]:
    rows = [Row(feed.name, lambda: laid_out([_CELLS[column.key](feed, view) for column in columns], columns))]
    said = list(_said(feed, width, shown))
    rows += [Row(f"{feed.name} {place}", lambda line=line: line) for place, line in enumerate(said)]  # type: ignore[misc]
    return rows


def _said(feed: FeedRow, width: int, shown: set[str]) -> Sequence[Line]:
    lines: list[Line] = []
    if "host" not in shown and feed.host:
        lines += filled(feed.host, width, "muted", indent=4)
    if feed.reason:
        lines += filled(feed.reason, width, MARKS[feed.state][1], indent=4, hanging=2)
    if "trouble" not in shown and feed.trouble and feed.trouble_ms is not None and feed.trouble != feed.reason:
        lines += filled(f"last trouble {clock_time(feed.trouble_ms)}: {feed.trouble}", width, "warn", 4, 2)
    return lines


def no_feeds(view: View) -> str:
    if view.status is not None and view.status.role == "observer":
        return "This engine only observes: the one that trades listens to the venues."
    return "Feeds appear here once the engine has been reached."
