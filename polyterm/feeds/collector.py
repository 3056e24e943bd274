"""One tick per series and market second, made of what the board knows at that second."""

from collections.abc import Sequence

import msgspec

from polyterm.core.market import MarketKey, window_epoch
from polyterm.core.tick import BOOK_MAX_AGE_MS, SPOT_MAX_AGE_MS, Levels, Tick
from polyterm.feeds.board import Board, BookView
from polyterm.feeds.windows import Emit, Series, WindowDesk
from polyterm.quant.validity import judge
from polyterm.transport.clock import Clock, freshness_ms
from polyterm.transport.tap import SILENT, Tap


class Collector:
    """Makes ticks on absolute market seconds. A second that was slept through gets no tick, then or later.

    Every tick is made and emitted, also one that may not be traded on; it says why.
    """

    def __init__(
        self,
        clock: Clock,
        board: Board,
        desk: WindowDesk,
        series: Sequence[Series],
        emit: Emit,
        *,
        tap: Tap = SILENT,
    ) -> None:
        self._tap = tap
        self._clock = clock
        self._board = board
        self._desk = desk
        self._series = tuple(series)
        self._emit = emit
        self._book_max_age_ms = freshness_ms(BOOK_MAX_AGE_MS, clock.speed)
        self._spot_max_age_ms = freshness_ms(SPOT_MAX_AGE_MS, clock.speed)

    async def run(self) -> None:
        slot = self._clock.market_ms() // 1000
        while True:
            await self._clock.until((slot + 1) * 1000)
            slot = self._clock.market_ms() // 1000
            self._tap.hear("slot", "collector", "", str(slot))
            self.make(slot)

    def make(self, slot: int) -> None:
        """Bring the windows to the present and make the ticks of ``slot``."""
        self._desk.advance()
        for series in self._series:
            self._emit(self._tick(series, slot))

    def notes(self) -> dict[Series, str]:
        """Why a series has no market now; empty text where it has one."""
        return {series: self._desk.note(series) for series in self._series}

    def _tick(self, series: Series, slot: int) -> Tick:
        coin, horizon = series
        key = MarketKey(coin, horizon, window_epoch(slot, horizon))
        market = self._desk.market(key)
        up = None if market is None else self._board.book(market.up_token)
        down = None if market is None else self._board.book(market.down_token)
        now_ms = self._clock.market_ms()
        spot, oracle, twap = self._board.spot(coin), self._board.oracle(coin), self._board.twap(coin)
        up_bid, up_bid_size = _best(up.bids if up else ())
        up_ask, up_ask_size = _best(up.asks if up else ())
        down_bid, down_bid_size = _best(down.bids if down else ())
        down_ask, down_ask_size = _best(down.asks if down else ())
        tick = Tick(
            key=key,
            slot=slot,
            made_ms=now_ms,
            up_bid=up_bid,
            up_bid_size=up_bid_size,
            up_ask=up_ask,
            up_ask_size=up_ask_size,
            down_bid=down_bid,
            down_bid_size=down_bid_size,
            down_ask=down_ask,
            down_ask_size=down_ask_size,
            up_bids=up.bids if up else (),
            up_asks=up.asks if up else (),
            down_bids=down.bids if down else (),
            down_asks=down.asks if down else (),
            up_last_trade=up.last_trade if up else None,
            down_last_trade=down.last_trade if down else None,
            book_age_ms=_age(now_ms, up.recv_ms) if up else None,
            spot=spot.price if spot else None,
            spot_source=spot.source if spot else None,
            spot_age_ms=_age(now_ms, spot.recv_ms) if spot else None,
            spot_basis=self._desk.basis(coin),
            strike=self._desk.strike(key),
            oracle=oracle.price if oracle else None,
            oracle_source=oracle.source if oracle else None,
            oracle_at_ms=oracle.at_ms if oracle else None,
            oracle_age_ms=_age(now_ms, oracle.at_ms) if oracle else None,
            twap=twap.price if twap else None,
            twap_at_ms=twap.at_ms if twap else None,
            twap_age_ms=_age(now_ms, twap.at_ms) if twap else None,
        )
        return self._judged(tick, market is not None, up, down)

    def _judged(self, tick: Tick, market_known: bool, up: BookView | None, down: BookView | None) -> Tick:
        """Either book's doubt counts: the tokens are two views of one market."""
        doubt = (up.doubt if up else None) or (down.doubt if down else None)
        invalid = judge(
            tick,
            window_open=market_known,
            doubt=doubt,
            book_max_age_ms=self._book_max_age_ms,
            spot_max_age_ms=self._spot_max_age_ms,
        )
        return msgspec.structs.replace(tick, invalid=invalid)


def _best(levels: Levels) -> tuple[float, float] | tuple[None, None]:
    return levels[0] if levels else (None, None)


def _age(now_ms: int, at_ms: int) -> int:
    """Venues' clocks may be a little ahead of ours."""
    return max(0, now_ms - at_ms)
