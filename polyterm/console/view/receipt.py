"""The receipt of a kill: who asked, whether the engine obeyed, what is left, and what that can still lose."""

from collections.abc import Sequence
from typing import Final

from polyterm.console.latest import Receipt, View
from polyterm.console.view.cells import Cell, Line, Role, cut, short_name
from polyterm.console.view.figures import age, clock_time, countdown, side
from polyterm.core.event import TradingStateChanged
from polyterm.core.snapshot import PositionRow

DONE: Final = Cell("✓ ", "up")
UNDER_WAY: Final = Cell("… ", "accent")
WRONG: Final = Cell("✗ ", "danger")
LEFT: Final = Cell("! ", "warn")
NAME: Final = 20


def receipt_lines(view: View, width: int, height: int) -> tuple[Line, ...]:
    """At most ``height`` lines; none while there is no kill to tell of. Positions that do not fit are counted."""
    receipt = view.receipt
    if receipt is None or height < 1:
        return ()
    rows = _open(view)
    lines = [_command(view, receipt), _orders(view, receipt), _positions(view, receipt, rows)]
    room = height - len(lines)
    listed = rows[: room if len(rows) <= room else max(0, room - 1)]
    lines.extend(_position(row, view) for row in listed)
    unseen = len(rows) - len(listed)
    if unseen and room > 0:
        lines.append((Cell(f"    and {unseen} more, all among the open positions", "muted"),))
    return tuple(cut((Cell(" "), *line), width) for line in lines[:height])


def greatest_loss(rows: Sequence[PositionRow]) -> float:
    """Dollars: a share that was bought can lose what it cost, and no more."""
    return sum(row.entry_price * row.shares for row in rows)


def _open(view: View) -> tuple[PositionRow, ...]:
    """The dearest first."""
    rows = view.positions.rows if view.positions is not None else ()
    return tuple(sorted(rows, key=lambda row: (-row.entry_price * row.shares, row.strategy, row.key)))


def _command(view: View, receipt: Receipt) -> Line:
    if receipt.trouble:
        return (WRONG, Cell("NOT CONFIRMED. Use: polyterm kill", "danger"), Cell(f" ({receipt.trouble})"))
    if receipt.answered is None:
        return (UNDER_WAY, Cell("Kill sent"), Cell(f" {age(view.now - receipt.asked)} ago", "muted"))
    killed = Cell("Killed", "strong")
    event = _killing(view)
    if event is None:
        return (DONE, killed, Cell(" from this console" if receipt.own else _by_reason(view), "muted"))
    why = f": {event.reason}" if event.reason else ""
    return (DONE, killed, Cell(f" {clock_time(event.at_ms)} UTC by {event.actor} ({event.origin}){why}", "muted"))


def _killing(view: View) -> TradingStateChanged | None:
    changes = (event for event in reversed(view.events) if isinstance(event, TradingStateChanged))
    newest = next(changes, None)
    return newest if newest is not None and newest.after == "KILLED" else None


def _by_reason(view: View) -> str:
    reason = view.status.trading_reason if view.status is not None else ""
    return f" before this console came: {reason}" if reason else " before this console came"


def _orders(view: View, receipt: Receipt) -> Line:
    if view.status is not None and view.status.mode == "LIVE":
        done = receipt.answered is not None
        return (DONE if done else UNDER_WAY, Cell("Orders: the engine cancels what rests"))
    return (DONE, Cell("Orders: none, this is paper"))


def _positions(view: View, receipt: Receipt, rows: Sequence[PositionRow]) -> Line:
    """Flat is claimed of a living engine only, which says that it is killed and that nothing is open."""
    if view.status is None or view.positions is None:
        return (LEFT, Cell("Positions: not known, the engine has not been heard yet"))
    if not rows and not view.status.open_positions:
        if view.lost or receipt.answered is None:
            return (LEFT, Cell("Positions: none when the engine was last heard"))
        return (DONE, Cell("FLAT: ", "strong"), Cell("nothing is open, nothing more can be lost"))
    count = max(len(rows), view.status.open_positions)
    said = f"{count} position{'s' if count > 1 else ''} left" + (" when last heard" if view.lost else "")
    loss = Cell(f"-${greatest_loss(rows):,.2f}", "danger")
    return (LEFT, Cell(f"{said}, at most "), loss, *_progress(receipt, count), *_last_end(view, rows))


def _progress(receipt: Receipt, left: int) -> Line:
    if not receipt.held or left >= receipt.held:
        return ()
    return (Cell(f"  {receipt.held - left} of {receipt.held} closed", "accent"),)


def _last_end(view: View, rows: Sequence[PositionRow]) -> Line:
    if view.market_ms is None or not rows:
        return ()
    left_s = max(row.key.end for row in rows) - view.market_ms / 1000
    return (Cell(f"  last ends {countdown(left_s)}" if left_s > 0 else "  all have ended", "muted"),)


def _position(row: PositionRow, view: View) -> Line:
    ends = "has ended" if row.pending else ""
    if not ends and view.market_ms is not None:
        ends = f"ends {countdown(row.key.end - view.market_ms / 1000)}"
    role: Role = "warn" if row.pending else "muted"
    return (
        Cell(f"    {short_name(row.strategy, NAME):<{NAME}} {row.key.coin.upper():<4} "),
        side(row.side),
        Cell("   " if row.side == "up" else " "),
        Cell(f"{row.shares:>5,.0f} at {row.entry_price:.3f}  "),
        Cell(f"-${row.entry_price * row.shares:,.2f}".rjust(10), "danger"),
        Cell(f"  {ends}", role),
    )
