"""The feeds strip: is the data good, and if not, which part, why, and when it is tried again."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from polyterm.console.latest import View
from polyterm.console.view.cells import Cell, Item, Line, Role, cut, joined, length
from polyterm.console.view.figures import age, rate
from polyterm.core.snapshot import FeedRow, FeedState

MARKS: Final[dict[FeedState, tuple[str, Role]]] = {
    "live": ("●", "up"),
    "connecting": ("◌", "accent"),
    "stale": ("▲", "warn"),
    "down": ("✗", "danger"),
    "off": ("○", "muted"),
}
_TROUBLED: Final = ("down", "stale")
TURN_S: Final = 4.0


def feed_strip(view: View, width: int) -> Line:
    label = Cell("feeds ", "muted")
    if view.feeds is None or not view.feeds.rows:
        return (label, Cell(_no_feeds(view), "muted"))
    room = width - length((label,))
    # What is wrong comes first and keeps its reason; the healthy ones shorten, then leave.
    ordered = sorted(view.feeds.rows, key=lambda row: row.state not in _TROUBLED)
    for detail in (3, 2, 1, 0):
        items = [Item(_rank(row), _feed(row, view, detail)) for row in ordered]
        if sum(length(item.line) for item in items) + 2 * (len(items) - 1) <= room:
            return (label, *joined(items, room))
    troubled = [row for row in ordered if row.state in _TROUBLED]
    if not troubled:
        return (label, *joined([Item(_rank(row), _feed(row, view, 0)) for row in ordered], room))
    # Too narrow for every reason: those that are worst off take turns, and the other feeds shrink to what fits beside.
    worst = [row for row in troubled if row.state == "down"] or troubled
    chosen = worst[int(view.now // TURN_S) % len(worst)]
    others = [row for row in ordered if row is not chosen]
    first = _feed(chosen, view, 0)
    names = tuple(Cell(f"  {MARKS[row.state][0]} {row.name}", _role(row, view)) for row in others)
    if length(first) + length(names) > room:
        names = _counts(others, view)
    return (label, *cut(first, room - length(names)), *names)


def _no_feeds(view: View) -> str:
    if view.status is not None and view.status.role == "observer":
        return "none: this engine only observes"
    return "appear here once the engine has been reached"


def _counts(rows: Sequence[FeedRow], view: View) -> Line:
    """How many feeds are in which state."""
    counts = Counter(row.state for row in rows)
    role = {row.state: _role(row, view) for row in rows}
    return tuple(Cell(f"  {MARKS[state][0]} {number}", role[state]) for state, number in counts.items())


def _role(row: FeedRow, view: View) -> Role:
    return "stale" if view.lost else MARKS[row.state][1]


def _rank(row: FeedRow) -> int:
    return {"down": 5, "stale": 4, "connecting": 3, "live": 2, "off": 1}[row.state]


def _feed(row: FeedRow, view: View, detail: int) -> Line:
    """``detail`` 3: everything; 2: age and rate; 1: age; 0: the name. What is wrong is said in any case."""
    role = _role(row, view)
    head = Cell(f"{MARKS[row.state][0]} {row.name}", role)
    if row.state in _TROUBLED:
        return (head, Cell(f" {row.state}{_trouble(row)}", role))
    if row.state != "live":
        why = f": {row.reason}" if row.reason and detail == 3 else ""
        return (head, Cell(f" {row.state}{why}", "muted"))
    if detail == 0:
        return (head,)
    text = f" {age(row.age_s)}"
    if detail >= 2:
        text += f" {rate(row.messages_per_s)}"
    if detail >= 3 and row.reconnects:
        text += f" {row.reconnects} reconnects"
    return (head, Cell(text, "muted"))


def _trouble(row: FeedRow) -> str:
    text = "" if row.age_s is None else f" {age(row.age_s)}"
    if row.retry_in_s is not None:
        text += f", retry in {max(0, round(row.retry_in_s))}s"
    return f"{text}: {row.reason}" if row.reason else text
