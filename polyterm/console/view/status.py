"""The status bar: what this is, whether it trades, what it has made today, and whether anybody is there."""

from typing import Final

import msgspec

from polyterm import __version__
from polyterm.console.latest import Severity, View
from polyterm.console.layout import MIN_HEIGHT, MIN_WIDTH
from polyterm.console.view.cells import Cell, Item, Line, Role, joined
from polyterm.console.view.figures import age, aged, bar, clock_time, countdown, elapsed, money
from polyterm.console.view.playback import playback_items
from polyterm.core.command import CommandKind, TradingState
from polyterm.core.snapshot import Status

BADGE: Final = 14
WORTH_TELLING: Final = 50
"""Rows that wait to be written; fewer always do."""

# No network delivers before it was sent; none that can be traded over is slower than a second.
CLOCK_BEHIND_MS: Final = -250
CLOCK_AHEAD_MS: Final = 1_000
_STATE_ROLES: Final[dict[TradingState, Role]] = {
    "RUNNING": "badge-running",
    "PAUSED": "badge-paused",
    "KILLED": "badge-killed",
}
_SENDING: Final[dict[CommandKind, tuple[str, Role]]] = {
    "kill": ("KILLING…", "badge-killed"),
    "pause": ("PAUSING…", "badge-paused"),
    "resume": ("RESUMING…", "badge-running"),
}
_SEVERITY_ROLES: Final[dict[Severity, Role]] = {"info": "accent", "warn": "warn", "danger": "danger"}


class StatusBar(msgspec.Struct, frozen=True):
    """``tone`` colours the whole bar, so that anything but RUNNING is seen from across the room."""

    lines: tuple[Line, ...]
    tone: str


def status_bar(view: View, width: int, height: int) -> StatusBar:
    """``height`` is 2 or 3 lines."""
    view, frozen_s = view.live, view.frozen_s
    word, role, tone = _state(view)
    mode = "" if view.status is None else view.status.mode
    badge = [word, mode] if height < 3 else [mode, word, ""]
    view_is_frozen = _frozen(frozen_s)
    room = width - BADGE - 1
    message = _message(view)
    if height >= 3:
        rest = [_money(view), _health(view), [*view_is_frozen, *(message or _engine(view))]]
    elif view.lost and message:
        rest = [_money(view), [*view_is_frozen, *message]]
    else:
        rest = [_money(view), [*view_is_frozen, *message, *_health(view)]]
    lines = tuple(
        (Cell(text.center(BADGE), role), Cell(" "), *joined(items, room))
        for text, items in zip(badge, rest, strict=True)
    )
    return StatusBar(lines, tone)


def engine_line(view: View, width: int) -> Line:
    """What the third line says while there is no message."""
    return joined(_engine(view.live), width)


def too_small(view: View, width: int, height: int) -> str:
    """What a terminal says that has no room for anything else."""
    state = "not connected" if view.lost or view.status is None else view.status.trading_state
    return (
        f"polyterm needs {MIN_WIDTH}×{MIN_HEIGHT}; this terminal is {width}×{height}. "
        f"The engine: {state}. Keys still work: K kills, P pauses, q quits."
    )


def _frozen(frozen_s: float | None) -> list[Item]:
    """Only the picture stands still, which must never be taken for trading that stands still."""
    return [] if frozen_s is None else [Item(21, (Cell(f" VIEW FROZEN {elapsed(int(frozen_s))} ", "badge-frozen"),))]


def _state(view: View) -> tuple[str, Role, str]:
    """The badge's word and role, and the bar's tone."""
    if view.sending is not None and view.trading_state != "KILLED":
        word, role = _SENDING[view.sending]
        return word, role, "running"
    if view.lost or view.status is None:
        return _absence(view), "badge-lost", "lost"
    state = view.status.trading_state
    return state, _STATE_ROLES[state], state.lower()


def _absence(view: View) -> str:
    if view.connection.state == "connected":
        return "WAITING" if view.status is None else "SILENT"
    # A try after a failure still carries its reason: the badge must not flicker while it goes on.
    first_try = view.connection.state == "connecting" and not view.connection.reason
    return "CONNECTING" if first_try else "NO ENGINE"


def _money(view: View) -> list[Item]:
    status = view.status
    if status is None:
        return [Item(1, (Cell("Waiting for the engine's first snapshot", "muted"),))]
    touch, costed = (_dollars(dollars, view) for dollars in (status.pnl_touch, status.pnl_costed))
    held = f" in {status.open_positions}" if status.open_positions else ""
    return [
        Item(9, (Cell("P&L today ", "muted"), costed, Cell(" costed", "muted"))),
        Item(7, (touch, Cell(" touch", "muted"))),
        Item(8, (Cell("exposure ", "muted"), aged(f"${status.exposure:,.2f}{held}", "", view.lost))),
    ]


def _dollars(dollars: float, view: View) -> Cell:
    cell = money(dollars)
    return aged(cell.text, cell.role, view.lost)


def _health(view: View) -> list[Item]:
    items = [Item(9, _window(view))] if view.status is not None and view.status.windows else []
    if view.status is not None and not view.lost:
        items += playback_items(view) or [_store(view.status)]
    items.append(Item(8, _connection(view)))
    if view.connection.state == "connected" and view.connection.role is not None:
        viewer = view.connection.role == "viewer"
        items.append(Item(11 if viewer else 6, (Cell(view.connection.role, "warn" if viewer else "muted"),)))
    return [*items, *_versions(view)]


def _window(view: View) -> Line:
    status, market_ms = view.status, view.market_ms
    if status is None or market_ms is None:
        return ()
    key = min(status.windows, key=lambda window: window.end)
    left_s = key.end - market_ms / 1000
    return (
        Cell(f"{key.horizon} window ends in ", "muted"),
        aged(countdown(left_s), "strong", view.lost),
        Cell(f" {bar(left_s / key.seconds, 6)}", "stale" if view.lost else "accent"),
    )


def _store(status: Status) -> Item:
    if status.spool_rows:
        why = f": {status.store_reason}" if status.store_reason else ""
        spooled = f"store away, {status.spool_rows:,} rows safe in the spool for {age(status.spool_age_s)}{why}"
        return Item(11, (Cell(spooled, "danger" if status.store_state == "failed" else "warn"),))
    if status.store_state == "ok":
        waiting = f", {status.store_pending} waiting" if status.store_pending >= WORTH_TELLING else ""
        return Item(7, (Cell(f"store ok{waiting}", "muted"),))
    pending = f" {status.store_pending} pending" if status.store_pending else ""
    reason = f": {status.store_reason}" if status.store_reason else ""
    role: Role = "danger" if status.store_state == "failed" else "warn"
    return Item(11, (Cell(f"store {status.store_state}{pending}{reason}", role),))


def _connection(view: View) -> Line:
    connection = view.connection
    if connection.state == "connected":
        latency = "" if connection.latency_ms is None else f" {connection.latency_ms:.0f} ms"
        return (Cell(f"engine connected{latency}", "muted"),)
    reason = f": {connection.reason}" if connection.reason else ""
    retry = "" if connection.retry_in_s is None else f", retry in {round(connection.retry_in_s)}s"
    where = f" at {connection.address}" if connection.address else ""
    if connection.state == "connecting":
        return (Cell(f"connecting to the engine{where}{reason}{retry}", "accent"),)
    return (Cell(f"not connected{reason}{retry}", "danger"),)


def _versions(view: View) -> list[Item]:
    other = view.connection.engine_version
    if view.connection.state != "connected" or other in {"", __version__}:
        return []
    return [Item(12, (Cell(f"engine {other}, console {__version__}: update the older", "warn"),))]


def _message(view: View) -> list[Item]:
    """What must be read now; where there are only two lines it comes before everything else of the second."""
    status = view.status
    if view.notice is not None:
        return [Item(20, (Cell(view.notice.text, _SEVERITY_ROLES[view.notice.severity]),))]
    if status is None:
        return []
    if view.lost:
        return [Item(20, _history(view, status))]
    if status.role == "observer":
        return [Item(20, (Cell(f"OBSERVER: this engine {status.role_reason}", "warn"),))]
    what = {
        "RUNNING": "",
        "PAUSED": "No entries; exits go on. P resumes",
        "KILLED": "No entries, no exits. R resumes, and asks first",
    }[status.trading_state]
    items = [Item(20, (Cell(what, "strong"),))] if what else []
    if what and status.trading_reason:
        items.append(Item(10, (Cell(f"({status.trading_reason})"),)))
    return items


def _history(view: View, status: Status) -> Line:
    """What was last known, and why nothing newer is."""
    ago = "" if view.data_age_s is None else f" {age(view.data_age_s)} ago"
    retry = view.connection.retry_in_s
    more = "" if retry is None else f", retry in {round(retry)}s"
    why = view.connection.reason if view.connection.state != "connected" else "the engine says nothing"
    return (Cell(f"Was {status.trading_state}{ago}{more}", "warn"), Cell(f": {why}" if why else "", "danger"))


def _engine(view: View) -> list[Item]:
    status = view.status
    if status is None or view.market_ms is None:
        return []
    speed = f" at {status.speed:g}× speed" if status.speed != 1 and status.playback is None else ""
    return [
        Item(6, (Cell(f"{clock_time(view.market_ms)} UTC{speed}", "muted"),)),
        Item(5, (Cell(f"engine {status.engine_us:,.0f} µs per input", "muted"),)),
        *_clock(status),
        Item(3, (Cell(f"{status.inputs:,} inputs", "muted"),)),
        Item(2, (Cell(f"session {status.session}", "muted"),)),
    ]


def _clock(status: Status) -> list[Item]:
    """How far this machine's clock is off, as far as an exchange can tell; its price's way here is part of it."""
    if status.clock_skew_ms is None:
        return []
    off_ms = status.clock_skew_ms / status.speed
    wrong = not CLOCK_BEHIND_MS <= off_ms <= CLOCK_AHEAD_MS
    return [Item(9 if wrong else 4, (Cell(f"clock {off_ms:+,.0f} ms", "warn" if wrong else "muted"),))]
