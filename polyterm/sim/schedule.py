"""The windows of one coin: listed ahead, opened, ended and resolved on the horizon's grid."""

import hashlib
import random
from typing import Final

from polyterm.core.market import Coin, Horizon, MarketKey, Side, window_epoch
from polyterm.sim.character import CHARACTERS
from polyterm.sim.events import MarketEnded, MarketListed, MarketResolved, WorldEvent
from polyterm.sim.maker import Maker
from polyterm.sim.views import MarketState, MarketView

LISTED_AHEAD: Final = 2
"""Windows after the running one that are listed. The venue lists a day ahead."""

KEPT: Final = 24
"""Resolved windows that stay visible."""

_RESOLVES_AFTER_S: Final = (20, 90)


class Market:
    """One window's market. Ids follow from the key and the world's seed alone."""

    def __init__(self, key: MarketKey, seed: int, rng: random.Random) -> None:
        def digest(what: str) -> str:
            return hashlib.sha256(f"{seed}/{key}/{what}".encode()).hexdigest()

        self.key = key
        self.condition_id = "0x" + digest("condition")
        self.up_token = str(int(digest("up"), 16))
        self.down_token = str(int(digest("down"), 16))
        self.maker = Maker(key, CHARACTERS[key.coin], rng)
        self.state: MarketState = "listed"
        self.strike: float | None = None
        self.final: float | None = None
        self.outcome: Side | None = None
        self.resolved_ms: int | None = None

    def view(self) -> MarketView:
        book = self.maker.book
        return MarketView(
            key=self.key,
            condition_id=self.condition_id,
            up_token=self.up_token,
            down_token=self.down_token,
            state=self.state,
            ticks_per_dollar=book.ticks_per_dollar,
            bids=book.levels(book.bid),
            asks=book.levels(book.ask),
            strike=self.strike,
            final=self.final,
            outcome=self.outcome,
            up_last_trade=self.maker.last_trades.get("up"),
            down_last_trade=self.maker.last_trades.get("down"),
            resolved_ms=self.resolved_ms,
        )


def outcome(strike: float, final: float) -> Side:
    """A tie is up."""
    return "up" if final >= strike else "down"


class Schedule:
    """``running`` and ``listed`` are quoted; ``ended`` wait for their resolution; ``resolved`` are remembered."""

    def __init__(self, coin: Coin, horizon: Horizon, seed: int, rng: random.Random) -> None:
        self._coin: Coin = coin
        self._horizon: Horizon = horizon
        self._seed, self._rng = seed, rng
        self._strike = 0.0
        self.running: Market | None = None
        self.listed: list[Market] = []
        self._ended: list[tuple[int, Market, Side]] = []
        self._resolved: list[Market] = []

    @property
    def markets(self) -> list[Market]:
        """All of them, by epoch."""
        running = [] if self.running is None else [self.running]
        return [*self._resolved, *(market for _, market, _ in self._ended), *running, *self.listed]

    def begin(self, at_s: int, strike: float) -> None:
        """Starts within a window whose strike is known."""
        key = MarketKey(self._coin, self._horizon, window_epoch(at_s, self._horizon))
        self.running = Market(key, self._seed, self._rng)
        self.running.state, self.running.strike, self._strike = "open", strike, strike
        for _ in range(LISTED_AHEAD):
            key = key.next()
            self.listed.append(Market(key, self._seed, self._rng))

    def second(self, at_s: int, average: float, events: list[WorldEvent]) -> None:
        """Does what is due at a whole second; ``average`` is the settling average as of it."""
        while self._ended and self._ended[0][0] <= at_s:
            _, market, won = self._ended.pop(0)
            self._resolve(market, won, at_s, events)
        if self.running is None or at_s < self.running.key.end:
            return
        self._end(self.running, at_s, average, events)
        self.running = self.listed.pop(0)
        self.running.state, self.running.strike, self._strike = "open", average, average
        fresh = Market(self.listed[-1].key.next(), self._seed, self._rng)
        self.listed.append(fresh)
        events.append(MarketListed(fresh.key, at_s * 1000))
        fresh.maker.quote(at_s * 1000, 0.5, events)

    def _end(self, market: Market, at_s: int, final: float, events: list[WorldEvent]) -> None:
        won = outcome(self._strike, final)
        market.state, market.final, market.outcome = "ended", final, won
        events.append(MarketEnded(market.key, at_s * 1000, self._strike, final, won))
        self._ended.append((at_s + self._rng.randint(*_RESOLVES_AFTER_S), market, won))

    def _resolve(self, market: Market, won: Side, at_s: int, events: list[WorldEvent]) -> None:
        market.maker.book.clear(at_s * 1000, events)
        market.state, market.resolved_ms = "resolved", at_s * 1000
        events.append(MarketResolved(market.key, at_s * 1000, won))
        self._resolved.append(market)
        del self._resolved[:-KEPT]
