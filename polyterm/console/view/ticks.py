"""The ticks pane: per series what the market shows, how fresh it is, and whether it may be traded on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Literal, get_args

import msgspec

from polyterm.console.latest import View
from polyterm.console.layout import Column, ColumnSpec
from polyterm.console.view.cells import Cell, Line, Role, Row, laid_out, sized
from polyterm.console.view.figures import (
    MISSING,
    age,
    aged,
    bar,
    cents,
    count,
    countdown,
    distance,
    price,
    probability,
    sparkline,
)
from polyterm.core.market import HORIZON_SECONDS
from polyterm.core.snapshot import TickRow
from polyterm.core.tick import BOOK_MAX_AGE_MS, SPOT_MAX_AGE_MS, Invalid, Tick

COLUMNS: Final = (
    ColumnSpec("coin", "Ticks", 5, 100, "left"),
    ColumnSpec("spot", "spot", 9, 90),
    ColumnSpec("path", "path", 4, 62, "left", grow=6, grow_rank=28),
    ColumnSpec("strike", "strike", 9, 60),
    ColumnSpec("strike_from", "graded", 8, 12, "left"),
    ColumnSpec("distance", "distance", 9, 88),
    ColumnSpec("bid_size", "size", 5, 35),
    ColumnSpec("bid", "Up bid", 6, 86),
    ColumnSpec("ask", "ask", 6, 85),
    ColumnSpec("ask_size", "size", 5, 34, "left"),
    ColumnSpec("spread", "spread", 6, 33),
    ColumnSpec("fair", "fair", 5, 78),
    ColumnSpec("edge", "edge", 6, 84),
    ColumnSpec("regime", "regime", 9, 50, "left"),
    ColumnSpec("left", "left", 8, 80, "left", grow=4, grow_rank=29),
    ColumnSpec("oracle", "oracle/TWAP", 11, 40),
    ColumnSpec("divergence", "spot off", 8, 38),
    ColumnSpec("book_age", "age:book", 8, 52),
    ColumnSpec("spot_age", "spot", 5, 51),
    ColumnSpec("oracle_age", "oracle", 6, 37),
    ColumnSpec("state", "tradable?", 12, 87, "left", grow=33, grow_rank=10),
)

Aspect = Literal["market", "book", "inputs"]
ASPECTS: Final[tuple[Aspect, ...]] = get_args(Aspect)
_FIRST: Final[Mapping[Aspect, tuple[str, ...]]] = {
    "market": (),
    "book": ("coin", "bid", "ask", "bid_size", "ask_size", "spread", "state", "strike", "fair", "edge"),
    "inputs": ("coin", "book_age", "spot_age", "oracle_age", "state", "oracle", "divergence", "regime", "spot"),
}
"""What an aspect is about: these columns are the last to leave."""

# An oracle on a chain prints when its price has moved or a heartbeat is due, so only a long silence says anything.
ORACLE_MAX_AGE_MS: Final = 120_000
TICK_MAX_AGE_MS: Final = 5_000
SIGNIFICANT_EDGE: Final = 0.03
WAITING: Final = "waiting for its first tick: a few seconds"

_SHORT: Final[Mapping[Invalid, str]] = {
    "window_not_open": "no window",
    "book_missing": "no book",
    "book_one_sided": "one-sided",
    "book_crossed": "crossed",
    "book_quarantined": "book doubt",
    "book_stale": "stale book",
    "mid_at_edge": "near 0/1",
    "spot_missing": "no spot",
    "spot_stale": "stale spot",
    "strike_missing": "no strike",
}
_LONG: Final[Mapping[Invalid, str]] = {
    "window_not_open": "its window is not open",
    "book_missing": "no order book yet",
    "book_one_sided": "only one side is quoted",
    "book_crossed": "bid is not below ask",
    "book_quarantined": "the book is in doubt",
    "book_stale": "the book is stale",
    "mid_at_edge": "price below 1¢ or above 99¢",
    "spot_missing": "no spot price",
    "spot_stale": "the spot price is stale",
    "strike_missing": "the strike is not known yet",
}
_SENTENCE_FROM: Final = 30
_FULL_FROM: Final = 44


def columns_for(aspect: Aspect) -> tuple[ColumnSpec, ...]:
    first = _FIRST[aspect]
    return tuple(
        msgspec.structs.replace(spec, rank=200 - first.index(spec.key)) if spec.key in first else spec
        for spec in COLUMNS
    )


class _Shown:
    """One tick at one moment: ages carried forward to now, limits widened for a clock that runs fast."""

    def __init__(self, row: TickRow, tick: Tick, view: View, columns: Mapping[str, Column]) -> None:
        self.row = row
        self.tick = tick
        self.columns = columns
        self.since_ms = 0 if view.market_ms is None else max(0, view.market_ms - tick.made_ms)
        # Scaling must not make normal delay look stale: never less than a second of machine time.
        self._floor_ms = 1000 if view.status is None else int(1000 * view.status.speed)
        self.lost = view.lost
        self.old = view.lost or self.beyond(self.since_ms, TICK_MAX_AGE_MS)
        self.left_s = tick.key.end - tick.slot if view.market_ms is None else tick.key.end - view.market_ms / 1000

    def beyond(self, age_ms: int | None, limit_ms: int) -> bool:
        return age_ms is not None and age_ms > max(limit_ms, self._floor_ms)

    def now_ms(self, age_ms: int | None) -> int | None:
        return None if age_ms is None else age_ms + self.since_ms

    def stale(self, age_ms: int | None, limit_ms: int) -> bool:
        return self.old or self.beyond(self.now_ms(age_ms), limit_ms)

    @property
    def book_stale(self) -> bool:
        return self.stale(self.tick.book_age_ms, BOOK_MAX_AGE_MS)

    @property
    def spot_stale(self) -> bool:
        return self.stale(self.tick.spot_age_ms, SPOT_MAX_AGE_MS)


def _coin(shown: _Shown) -> Cell:
    return _coin_name(shown.row)


def _coin_name(row: TickRow) -> Cell:
    return Cell(row.coin.upper(), "strong")


def _spot(shown: _Shown) -> Cell:
    if shown.tick.spot is None:
        return MISSING
    return aged(price(shown.tick.spot), "strong", shown.spot_stale)


def _path(shown: _Shown) -> Cell:
    role: Role = "stale" if shown.spot_stale else "accent"
    return Cell(sparkline(shown.row.spots, shown.columns["path"].width), role)


def _strike(shown: _Shown) -> Cell:
    strike = shown.tick.strike
    return MISSING if strike is None else Cell(price(strike.price), "stale" if shown.old else "")


def _strike_from(shown: _Shown) -> Cell:
    strike = shown.tick.strike
    return MISSING if strike is None else Cell(strike.grade, "muted")


def _distance(shown: _Shown) -> Cell:
    cell = distance(shown.tick.distance)
    return Cell(cell.text, "stale") if shown.spot_stale and cell != MISSING else cell


def _bid(shown: _Shown) -> Cell:
    return _quote(shown, shown.tick.up_bid)


def _ask(shown: _Shown) -> Cell:
    return _quote(shown, shown.tick.up_ask)


def _quote(shown: _Shown, value: float | None) -> Cell:
    return MISSING if value is None else aged(probability(value), "", shown.book_stale)


def _spread(shown: _Shown) -> Cell:
    spread = shown.tick.spread
    return MISSING if spread is None else Cell(cents(spread), "stale" if shown.book_stale else "")


def _bid_size(shown: _Shown) -> Cell:
    return _size(shown, shown.tick.up_bid_size)


def _ask_size(shown: _Shown) -> Cell:
    return _size(shown, shown.tick.up_ask_size)


def _size(shown: _Shown, shares: float | None) -> Cell:
    return MISSING if shares is None else Cell(count(shares), "stale" if shown.book_stale else "muted")


def _fair(shown: _Shown) -> Cell:
    fair = shown.row.fair
    if fair is None:
        return MISSING
    stale = shown.spot_stale
    return aged(f"{fair:.{2 if stale else 3}f}", "", stale)  # the mark takes the third decimal's place


def _edge(shown: _Shown) -> Cell:
    """Fair value minus mid; coloured from the size on at which it is called significant."""
    edge = shown.row.edge
    if edge is None:
        return MISSING
    text = f"{100 * edge:+.1f}¢"
    if shown.spot_stale or shown.book_stale:
        return aged(text, "stale", stale=True)
    return Cell(text, "" if abs(edge) <= SIGNIFICANT_EDGE else "up" if edge > 0 else "down")


def _regime(shown: _Shown) -> Cell:
    regime = shown.row.regime
    return Cell(regime, "stale" if shown.old else "") if regime else MISSING


def _divergence(shown: _Shown) -> Cell:
    """How far spot stands from what settles the market, in hundredths of a percent."""
    settling, age_ms = _settling(shown.tick)
    spot = shown.tick.spot
    if settling is None or spot is None:
        return MISSING
    stale = shown.spot_stale or shown.stale(age_ms, ORACLE_MAX_AGE_MS)
    return aged(f"{1e4 * (spot - settling) / settling:+.1f}bp", "", stale)


def _left(shown: _Shown) -> Cell:
    width = shown.columns["left"].width - 6
    if shown.left_s <= 0:
        return Cell("ended", "stale" if shown.old else "muted")
    role: Role = "stale" if shown.old else "warn" if shown.left_s < 60 else ""
    fraction = shown.left_s / HORIZON_SECONDS[shown.row.horizon]
    return Cell(f"{countdown(shown.left_s)} {bar(fraction, width)}", role)


def _oracle(shown: _Shown) -> Cell:
    value, age_ms = _settling(shown.tick)
    return MISSING if value is None else aged(price(value), "", shown.stale(age_ms, ORACLE_MAX_AGE_MS))


def _oracle_age(shown: _Shown) -> Cell:
    return _age(shown, _settling(shown.tick)[1], ORACLE_MAX_AGE_MS)


def _settling(tick: Tick) -> tuple[float | None, int | None]:
    """The average that settles the market where it is known, else the oracle's point price."""
    return (tick.oracle, tick.oracle_age_ms) if tick.twap is None else (tick.twap, tick.twap_age_ms)


def _book_age(shown: _Shown) -> Cell:
    return _age(shown, shown.tick.book_age_ms, BOOK_MAX_AGE_MS)


def _spot_age(shown: _Shown) -> Cell:
    return _age(shown, shown.tick.spot_age_ms, SPOT_MAX_AGE_MS)


def _age(shown: _Shown, age_ms: int | None, limit_ms: int) -> Cell:
    now_ms = shown.now_ms(age_ms)
    if now_ms is None:
        return MISSING
    return aged(age(now_ms / 1000), "muted", shown.stale(age_ms, limit_ms))


def _state(shown: _Shown) -> Cell:
    if shown.lost:
        return _not_tradable(shown, "no engine", "no engine")
    if shown.old:
        ago = age(shown.since_ms / 1000)
        return _not_tradable(shown, f"tick {ago}", f"no tick for {ago}")
    invalid = shown.tick.invalid
    if invalid is not None:
        note = shown.row.note  # says why the series has no market, which the tick can only call a window that is shut
        return _not_tradable(shown, "no market" if note else _SHORT[invalid], note or _LONG[invalid])
    return Cell("✓ tradable", "up")


def _not_tradable(shown: _Shown, word: str, sentence: str) -> Cell:
    width = shown.columns["state"].width
    if width >= _FULL_FROM:
        return Cell(f"✗ not tradable: {sentence}", "warn")
    return Cell(f"✗ {sentence if width >= _SENTENCE_FROM else word}", "warn")


_CELLS: Final[Mapping[str, Callable[[_Shown], Cell]]] = {
    "bid_size": _bid_size,
    "ask_size": _ask_size,
    "fair": _fair,
    "edge": _edge,
    "regime": _regime,
    "divergence": _divergence,
    "coin": _coin,
    "spot": _spot,
    "path": _path,
    "strike": _strike,
    "strike_from": _strike_from,
    "distance": _distance,
    "bid": _bid,
    "ask": _ask,
    "spread": _spread,
    "left": _left,
    "oracle": _oracle,
    "oracle_age": _oracle_age,
    "book_age": _book_age,
    "spot_age": _spot_age,
    "state": _state,
}


def tick_rows(view: View, columns: Sequence[Column]) -> tuple[Row, ...]:
    if view.ticks is None:
        return ()
    by_key = {column.key: column for column in columns}

    def line(row: TickRow) -> Line:
        if row.tick is None:
            return _without_tick(row, columns)
        shown = _Shown(row, row.tick, view, by_key)
        return laid_out([_CELLS[column.key](shown) for column in columns], columns)

    return tuple(Row(f"{row.coin}-{row.horizon}", partial(line, row)) for row in view.ticks.rows)


def _without_tick(row: TickRow, columns: Sequence[Column]) -> Line:
    """The coin, and over all other columns what it waits for."""
    coin, *others = columns
    width = sum(column.width + 1 for column in others) - 1
    note = row.note or WAITING
    return (Cell(sized(_coin_name(row).text, coin.width), "strong"), Cell(" "), Cell(sized(note, width), "muted"))
