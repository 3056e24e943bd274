"""The moves of one series, made many at a time: the events that ``Desk.follow`` would make of them one by one."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from operator import attrgetter
from typing import Final

import numpy as np

from polyterm.core.event import Event, PositionOpened, TradeClosed
from polyterm.core.market import Reference
from polyterm.core.position import Position
from polyterm.core.tick import Tick
from polyterm.engine.books import Holding, Limiter, Seat
from polyterm.engine.desk import Desk, Moment
from polyterm.engine.moves import Move
from polyterm.engine.outbox import Outbox
from polyterm.engine.positions import Measures, bought, sold
from polyterm.engine.recording import Rows
from polyterm.engine.windows import Window
from polyterm.quant.tick_columns import TickColumns, Whole

RaiseStrike = Callable[[Window, Reference | None, Outbox], None]

INPUT: Final = attrgetter("id.input")
"""The number of the input that caused an event."""


class Execution:
    """``moves`` are all that the rules make on ``rows``, ``strikes`` the rows that may raise the strike.

    Where every size can be bought, nothing that happens on a tick depends on what happened before: only what is held at
    the end of a stretch is left with the desk. Books and boards hear of nothing; ``limiters`` are as the moves leave
    them.
    """

    def __init__(
        self,
        desk: Desk,
        rows: Rows,
        moves: Sequence[Move],
        strikes: Collection[int],
        limiters: Sequence[Limiter | None],
    ) -> None:
        self._desk = desk
        self._tick: Callable[[int], Tick] = rows.ticks.tick
        self._strikes = strikes
        self._limiters = limiters
        at = np.array([move.row for move in moves], np.int64)
        order = np.lexsort((np.array([move.seat.place for move in moves], np.int64), at))
        stops = np.union1d(at, np.array(sorted(strikes), np.int64))
        self._moves = [moves[place] for place in order.tolist()]
        self._first_moves = [*np.searchsorted(at[order], stops).tolist(), len(moves)]
        self._rows: list[int] = stops.tolist()
        self._numbers: list[int] = rows.number[stops].tolist()
        self._at_ms: list[int] = rows.at_ms[stops].tolist()
        self._measured = _measured(rows.ticks, stops)
        self._done = 0

    def until(self, number: int, session: str, raise_strike: RaiseStrike) -> list[Event]:
        """Make the moves on inputs before ``number``; they all lie in the running window."""
        first, numbers = self._done, self._numbers
        if first == len(numbers) or numbers[first] >= number:
            return []
        window = self._desk.windows.running
        if window is None:
            raise RuntimeError("a tick was taken without a window")
        self._done = bisect_left(numbers, number, first)
        events: list[Event] = []
        opened: dict[int, Position] = {}
        for stop in range(first, self._done):
            row = self._rows[stop]
            out = Outbox(session, numbers[stop], self._at_ms[stop])
            moment = Moment(self._tick(row), window, out, self._measured[stop])
            if row in self._strikes:
                raise_strike(window, moment.tick.strike, out)
            self._make(self._moves[self._first_moves[stop] : self._first_moves[stop + 1]], moment, opened)
            events += out.events
        for place, position in opened.items():
            self._desk.seats[place].holding = Holding(position)
        return events

    def _make(self, moves: Sequence[Move], moment: Moment, opened: dict[int, Position]) -> None:
        tick, out, fee, sizing = moment.tick, moment.out, moment.window.fee, self._desk.accounts.sizing
        for move in moves:
            seat, signal, side = move.seat, move.signal, move.side
            price = tick.exit_price(side) if signal is None else tick.entry_price(side)
            if price is None:
                raise RuntimeError(f"{seat.book.name} cannot do on {tick.key} what its columns say")
            market = moment.conditions(side)
            if signal is None:
                position = opened.pop(seat.place, None) or _let_go(seat)
                trade = sold(position, tick, move.reason, price=price, fee=fee, exit_=market)
                out.events.append(TradeClosed(out.id(), out.at_ms, trade))
            else:
                shares = seat.book.shares(signal, price, sizing)
                opened[seat.place] = position = bought(
                    seat.book.name, tick, side, signal, price=price, shares=shares, fee=fee, entry=market,
                    session=out.session,
                )  # fmt: skip
                out.events.append(PositionOpened(out.id(), out.at_ms, position))

    def finish(self) -> None:
        """All moves were made: what limits the next ones is left with the desk."""
        for seat, limiter in zip(self._desk.seats, self._limiters, strict=True):
            if limiter is not None:
                seat.limiter = limiter


def _let_go(seat: Seat) -> Position:
    holding, seat.holding = seat.holding, None
    if holding is None:
        raise RuntimeError(f"{seat.book.name} leaves what it does not hold")
    return holding.bought


def _measured(ticks: TickColumns, rows: Whole) -> list[Measures | None]:
    """``measures`` of many ticks at once; None where something is missing, so that the tick itself must tell."""
    bid, ask, bid_size, ask_size, spot = (
        ticks.values[name][rows] for name in ("up_bid", "up_ask", "up_bid_size", "up_ask_size", "spot")
    )
    mid, spread = (bid + ask) / 2, ask - bid
    columns = (spot, mid, spread, spread / mid * 100, (bid_size - ask_size) / (bid_size + ask_size))
    whole = (spot > 0) & (bid_size > 0) & (ask_size > 0) & (mid != 0) & np.isfinite(sum(columns))
    remaining = np.maximum(0, ticks.epoch[rows] + ticks.seconds - ticks.slot[rows])
    listed = zip(*(column.tolist() for column in columns), remaining.tolist(), strict=True)
    return [measured if told else None for measured, told in zip(listed, whole.tolist(), strict=True)]
