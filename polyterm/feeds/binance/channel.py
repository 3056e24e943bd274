"""Spot prices of the coins from one combined Binance stream."""

import random
from collections.abc import Sequence
from typing import Final

from polyterm.core.market import Coin
from polyterm.feeds.binance.skew import ClockSkew
from polyterm.feeds.binance.wire import BookTicker, Reply, Shutdown, Trade, Unknown, decode
from polyterm.feeds.board import Board, SpotQuote
from polyterm.settings import FeedSettings
from polyterm.transport.clock import Clock
from polyterm.transport.health import FeedHealth
from polyterm.transport.socket import HangUpError, Hosts, Send, supervise
from polyterm.transport.tap import SILENT, Tap

MID_SOURCE: Final = "binance"
TRADE_SOURCE: Final = "binance-trade"
MID_MAX_AGE_S: Final = 3.0
# The venue ends every connection at 24 h.
LIFETIME_S: Final = 23 * 3600.0
LIFETIME_JITTER_S: Final = 1800.0


class BinanceFeed:
    """Posts the mid of the best bid and ask.

    While that is crossed, one-sided or older than ``MID_MAX_AGE_S`` of machine time, it posts the price of each trade
    instead, under its own source name.
    """

    name = "binance"
    keepalive = None

    def __init__(
        self,
        settings: FeedSettings,
        coins: Sequence[Coin],
        board: Board,
        clock: Clock,
        rng: random.Random,
        *,
        tap: Tap = SILENT,
    ) -> None:
        self._tap = tap
        self.health = FeedHealth(self.name, clock)
        self._silence_s = settings.silence_s
        self._coins = {f"{coin.upper()}USDT": coin for coin in coins}
        streams = "/".join(f"{symbol.lower()}@{kind}" for symbol in self._coins for kind in ("bookTicker", "aggTrade"))
        self._hosts = Hosts([f"{host}/stream?streams={streams}" for host in settings.binance_ws])
        self._board = board
        self._clock = clock
        self._rng = rng
        self._mid_at: dict[Coin, float] = {}
        self._skew = ClockSkew()

    async def run(self) -> None:
        lifetime_s = LIFETIME_S - self._rng.uniform(0, LIFETIME_JITTER_S)
        await supervise(
            self, self.health, self._clock, self._rng, silence_s=self._silence_s, lifetime_s=lifetime_s, tap=self._tap
        )

    @property
    def skew_ms(self) -> int | None:
        """See ClockSkew; the delay of the network is part of it."""
        return self._skew.estimate_ms(self._clock.monotonic())

    def url(self) -> str:
        return self._hosts.next()

    def on_open(self, send: Send) -> None:
        """The URL names the streams; nothing to ask for."""

    def on_close(self) -> None:
        self._mid_at.clear()

    def on_text(self, text: str) -> bool:
        match decode(text):
            case BookTicker() as book:
                return self._on_book(book)
            case Trade() as trade:
                return self._on_trade(trade)
            case Shutdown():
                raise HangUpError(f"{self.health.host} is about to shut down", 0.0)
            case Reply(error=error):
                if error:
                    self.health.warn("feed.refused", error=error)
            case Unknown(kind=kind):
                self.health.note_unknown(kind)
        return False

    def _on_book(self, book: BookTicker) -> bool:
        coin = self._coins.get(book.symbol)
        if coin is None:
            self.health.note_unknown(book.symbol)
            return False
        mid = book.mid
        if mid is None:
            self._mid_at.pop(coin, None)
        else:
            self._mid_at[coin] = self._clock.monotonic()
            self._board.post_spot(SpotQuote(coin, mid, MID_SOURCE, self._clock.market_ms()))
        self._hosts.gave_data()
        return True

    def _check_clock(self, now_s: float, recv_ms: int, trade: Trade) -> None:
        self._skew.observe(now_s, recv_ms, trade.event_ms)
        before, self.health.notice = self.health.notice, self._skew.notice(now_s, self._clock.speed)
        if self.health.notice and not before:
            self.health.warn("feed.clock", what=self.health.notice)

    def _on_trade(self, trade: Trade) -> bool:
        coin = self._coins.get(trade.symbol)
        if coin is None:
            self.health.note_unknown(trade.symbol)
            return False
        now_s, recv_ms = self._clock.monotonic(), self._clock.market_ms()
        self._check_clock(now_s, recv_ms, trade)
        mid_at = self._mid_at.get(coin)
        if mid_at is None or now_s - mid_at > MID_MAX_AGE_S:
            self._board.post_spot(SpotQuote(coin, trade.price, TRADE_SOURCE, recv_ms, trade.trade_ms))
        self._hosts.gave_data()
        return True
