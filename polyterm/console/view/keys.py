"""The footer's line and the help screen's rows, both made from the table of actions."""

from collections.abc import Sequence
from typing import Final

from polyterm.console.actions import ACTIONS, Action, key_name, key_names
from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Item, Line, Row, joined, laid_out

HELP_COLUMNS: Final = (
    ColumnSpec("keys", "Help", 18, 100, "left"),
    ColumnSpec("meaning", "what it does, and what the words mean", 40, 90, "left", grow=400),
)

WORDS: Final = (
    ("costed", "P&L after the venue's fee; the leaderboard is sorted by it"),
    ("touch", "P&L at the quoted prices, without the fee"),
    ("luck?", "few: under 30 trades; luck: the best of so many get as far by chance; else how many σ"),
    ("95%", "win rates that chance could turn into the one you see"),
    ("max dd", "deepest fall of costed P&L below its peak, dollars"),
    ("fair, edge", "what Up is worth by spot and its volatility, and how far the market is from it"),
    ("spot off", "spot against the price that settles, in hundredths of a percent"),
    ("camp", "strategies that almost always take the same side"),
    ("» marks", "what belongs to the strategy under the leaderboard's cursor"),
    ("exposure", "dollars paid for what is open"),
    ("strike", "price to beat: Up wins when the window ends at or above it"),
    ("tradable?", "may strategies act on this second's tick, and if not, why"),
    ("* dimmed", "stale: older than its limit, or the engine is not there"),
    ("conflict", "% of common windows in which two took opposite sides"),
    ("Up bid/ask", "prices of one Up share, which pays $1 when Up wins"),
)


def footer(view: View, quit_note: str, width: int) -> Line:
    items: list[Item] = []
    for rank, action in enumerate(reversed([action for action in ACTIONS if action.label])):
        items.insert(0, Item(rank + 1, _key(action, view)))
    note = Item(0, (Cell(quit_note, "muted"),)) if quit_note else None
    return (Cell(" "), *joined([*items, *([note] if note else [])], width - 1))


def _key(action: Action, view: View) -> Line:
    label, key = action.label, key_name(action.keys[0])
    if action.id == "kill":
        return (Cell(key, "danger"), Cell(f" {label}"))
    if action.id == "pause" and view.trading_state == "KILLED":
        return (Cell(f"{key} {label}", "stale"),)
    if action.id == "pause" and view.trading_state == "PAUSED":
        label = "resume"
    return (Cell(key, "accent"), Cell(f" {label}"))


def help_rows(quit_note: str, columns: Sequence[Column]) -> tuple[Row, ...]:
    """Every bound key, then the words."""
    entries: list[tuple[str, str]] = []
    for action in ACTIONS:
        if not action.help:
            keys, what = entries.pop()
            entries.append((f"{keys} {key_names(action)}", what))
            continue
        note = f": {quit_note}" if action.id == "quit" and quit_note else ""
        entries.append((key_names(action), action.help + note))
    rows = [_help_row(Cell(keys, "accent"), what, columns) for keys, what in entries]
    return (*rows, *(_help_row(Cell(word, "strong"), meaning, columns) for word, meaning in WORDS))


def _help_row(first: Cell, meaning: str, columns: Sequence[Column]) -> Row:
    return Row(first.text + meaning, lambda: laid_out((first, Cell(meaning)), columns))
