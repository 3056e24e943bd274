"""The seeded world: prices, oracle, windows and their books. Pure: no I/O and no clock; ``advance`` is the only mover.

The world moves on a fixed grid of ``step_ms``, so the events do not depend on how the advances are cut.
"""

import hashlib
import math
import random
from collections import deque
from collections.abc import Sequence

from polyterm.core.market import COINS, Coin, Horizon, MarketKey, Side, window_epoch
from polyterm.sim.events import (
    ChainUpdated,
    LevelChanged,
    MarketEnded,
    MarketListed,
    MarketResolved,
    OraclePrinted,
    SpotChanged,
    SpotTraded,
    TwapPrinted,
    WorldEvent,
)
from polyterm.sim.views import MarketState, MarketView

_YEAR_S = 365 * 86400
_START = {"btc": 64_000.0, "eth": 1_900.0, "sol": 80.0, "xrp": 1.4}
_TICK = {"btc": 0.01, "eth": 0.01, "sol": 0.01, "xrp": 0.0001}


class _Market:
    def __init__(self, key: MarketKey, seed: int) -> None:
        def digest(what: str) -> str:
            return hashlib.sha256(f"{seed}/{key}/{what}".encode()).hexdigest()

        self.key = key
        self.condition_id = "0x" + digest("condition")
        self.up_token = str(int(digest("up"), 16))
        self.down_token = str(int(digest("down"), 16))
        self.state: MarketState = "listed"
        self.bids: dict[int, float] = {}
        self.asks: dict[int, float] = {}
        self.strike: float | None = None
        self.final: float | None = None
        self.outcome: Side | None = None
        self.resolves_ms: int | None = None

    def requote(self, at_ms: int, fair: float) -> list[WorldEvent]:
        cent = min(97, max(2, round(fair * 100)))
        events: list[WorldEvent] = []
        wanted = (
            (True, self.bids, range(cent - 1, max(0, cent - 11), -1)),
            (False, self.asks, range(cent + 1, min(100, cent + 11))),
        )
        for is_bid, side, prices in wanted:
            for price in [p for p in side if p not in prices]:
                del side[price]
                events.append(LevelChanged(self.key, at_ms, is_bid, price, 0.0))
        for is_bid, side, prices in wanted:
            for price in [p for p in prices if p not in side]:
                side[price] = 200.0
                events.append(LevelChanged(self.key, at_ms, is_bid, price, 200.0))
        return events

    def view(self) -> MarketView:
        return MarketView(
            key=self.key,
            condition_id=self.condition_id,
            up_token=self.up_token,
            down_token=self.down_token,
            state=self.state,
            ticks_per_dollar=100,
            bids=tuple(sorted(self.bids.items(), reverse=True)),
            asks=tuple(sorted(self.asks.items())),
            strike=self.strike,
            final=self.final,
            outcome=self.outcome,
            up_last_trade=None,
            down_last_trade=None,
            resolved_ms=self.resolves_ms if self.state == "resolved" else None,
        )


class World:
    """A market in a box. At construction the running window of each coin is open (its strike known) and the next two
    are listed, all with books: read the views for that state; ``advance`` tells only what happens after ``start_ms``.

    Args:
        seed: the same seed, start and parameters give the same events.
        start_ms: market time at which the world begins (unix ms).
        step_ms: grid of the simulation; must divide 1000.
    """

    def __init__(
        self,
        seed: int,
        start_ms: int,
        coins: Sequence[Coin] = COINS,
        horizon: Horizon = "15m",
        step_ms: int = 100,
    ) -> None:
        if step_ms <= 0 or 1000 % step_ms:
            raise ValueError(f"step_ms must divide 1000, not {step_ms}")
        self.coins = tuple(coins)
        self.horizon: Horizon = horizon
        self._seed = seed
        self._step_ms = step_ms
        self._random = random.Random(seed)
        self._prices = {coin: _START[coin] for coin in self.coins}
        self._seconds: dict[Coin, deque[float]] = {coin: deque([_START[coin]] * 63, maxlen=63) for coin in self.coins}
        self._spots: dict[Coin, SpotChanged] = {}
        self._twaps: dict[Coin, deque[TwapPrinted]] = {coin: deque(maxlen=300) for coin in self.coins}
        self._oracles: dict[Coin, deque[OraclePrinted]] = {coin: deque(maxlen=300) for coin in self.coins}
        self._rounds: dict[Coin, ChainUpdated] = {}
        self._markets: dict[MarketKey, _Market] = {}
        self._now_ms = start_ms - start_ms % step_ms - 130_000
        self._begin_ms = start_ms
        for coin in self.coins:
            key = MarketKey(coin, horizon, window_epoch(start_ms // 1000, horizon))
            for _ in range(3):
                self._markets[key] = _Market(key, seed)
                key = key.next()
        self.advance(start_ms)

    @property
    def now_ms(self) -> int:
        """Market time of the last step that was simulated."""
        return self._now_ms

    def advance(self, to_ms: int) -> list[WorldEvent]:
        """Simulates every step up to and including ``to_ms`` and tells what happened, in the order of happening.

        Prints of the oracle and of the average carry the stamp of the second they observe and appear at the moment of
        their delivery, 1-2 s later: a server sends each event as it gets it. Level changes of one market with the same
        ``at_ms`` belong to one message; after each of them the book is uncrossed, but only after the last is it whole.
        """
        events: list[WorldEvent] = []
        while self._now_ms + self._step_ms <= to_ms:
            self._now_ms += self._step_ms
            self._step(self._now_ms, events)
        return events

    def spot(self, coin: Coin) -> SpotChanged:
        """The exchange's newest quote."""
        return self._spots[coin]

    def twap_history(self, coin: Coin, seconds: int) -> tuple[TwapPrinted, ...]:
        """Delivered prints stamped within the last ``seconds`` (at most 300), oldest first."""
        return tuple(p for p in self._twaps[coin] if p.at_ms > self._now_ms - seconds * 1000)

    def oracle_history(self, coin: Coin, seconds: int) -> tuple[OraclePrinted, ...]:
        """Delivered prints stamped within the last ``seconds`` (at most 300), oldest first."""
        return tuple(p for p in self._oracles[coin] if p.at_ms > self._now_ms - seconds * 1000)

    def chain_round(self, coin: Coin) -> ChainUpdated:
        """The latest round of the on-chain feed."""
        return self._rounds[coin]

    def market(self, key: MarketKey) -> MarketView | None:
        market = self._markets.get(key)
        return None if market is None else market.view()

    def markets(self) -> tuple[MarketView, ...]:
        """Every market that the venue knows, by coin and epoch: listed, open, ended, and the last resolved ones."""
        return tuple(self._markets[key].view() for key in sorted(self._markets))

    def _step(self, at_ms: int, events: list[WorldEvent]) -> None:
        for coin in self.coins:
            sd = 0.6 * math.sqrt(self._step_ms / 1000 / _YEAR_S)
            self._prices[coin] *= math.exp(self._random.gauss(0, sd))
            tick = _TICK[coin]
            bid = math.floor(self._prices[coin] / tick) * tick
            self._spots[coin] = SpotChanged(coin, at_ms, round(bid, 4), 1.0, round(bid + tick, 4), 1.0)
            events.append(self._spots[coin])
            if at_ms % 1000 == 0:
                events.append(SpotTraded(coin, at_ms, round(bid, 4), 0.1, True))
                self._second(coin, at_ms, events)
        if at_ms % 1000 == 0 and at_ms >= self._begin_ms:
            for market in list(self._markets.values()):
                self._run(market, at_ms, events)

    def _second(self, coin: Coin, at_ms: int, events: list[WorldEvent]) -> None:
        price = self._prices[coin]
        self._seconds[coin].append(price)
        self._oracles[coin].append(OraclePrinted(coin, at_ms - 1000, price))
        self._twaps[coin].append(TwapPrinted(coin, at_ms - 1000, self._twap(coin)))
        events.extend((self._oracles[coin][-1], self._twaps[coin][-1]))
        last = self._rounds.get(coin)
        if last is None or at_ms // 1000 - last.updated_at >= 34:
            number = 1 if last is None else last.round_id + 1
            self._rounds[coin] = ChainUpdated(coin, number, round(price * 1e8), at_ms // 1000)
            events.append(self._rounds[coin])

    def _twap(self, coin: Coin) -> float:
        return math.fsum(list(self._seconds[coin])[:60]) / 60

    def _run(self, market: _Market, at_ms: int, events: list[WorldEvent]) -> None:
        key, second = market.key, at_ms // 1000
        if market.state == "listed" and second >= key.epoch:
            market.state, market.strike = "open", self._twap(key.coin)
            ahead = MarketKey(key.coin, key.horizon, key.epoch + 2 * key.seconds)
            if ahead not in self._markets and at_ms > self._begin_ms:
                self._markets[ahead] = _Market(ahead, self._seed)
                events.append(MarketListed(ahead, at_ms))
        if market.state == "open" and second >= key.end and market.strike is not None:
            market.state, market.final = "ended", self._twap(key.coin)
            market.outcome = "up" if market.final >= market.strike else "down"
            market.resolves_ms = at_ms + 1000 * self._random.randint(20, 90)
            events.append(MarketEnded(key, at_ms, market.strike, market.final, market.outcome))
        if market.state == "ended" and market.resolves_ms is not None and at_ms >= market.resolves_ms:
            market.state = "resolved"
            events.append(MarketResolved(key, at_ms, "up" if market.outcome == "up" else "down"))
        if market.state in ("listed", "open"):
            fair = 0.5
            if market.strike is not None:
                left = max(1, key.end - second) / _YEAR_S
                fair = 0.5 * math.erfc(-math.log(self._prices[key.coin] / market.strike) / (0.6 * math.sqrt(2 * left)))
            events.extend(market.requote(at_ms, fair))
