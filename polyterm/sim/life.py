"""One coin's part of the world: exchange, oracle, on-chain feed, windows, and what the makers believe its price is."""

import math
import random
from typing import Final

from polyterm.core.market import Coin, Horizon
from polyterm.quant.primitives import number
from polyterm.quant.settlement import settlement_probability
from polyterm.sim.events import WorldEvent
from polyterm.sim.oracle import DELAY_S, LOOKBACK_S, ChainFeed, Oracle
from polyterm.sim.prices import Exchange, Lag
from polyterm.sim.schedule import Market, Schedule

# Some makers take in a price move at once and the rest with a lag; their quotes come later still, by their pace.
_QUICK_SHARE: Final = 0.42
_QUICK_S: Final = 0.05
_SLOW_S: Final = 1.6

_LISTED_PACE: Final = 0.1
_OPENING_S: Final = 60


class CoinLife:
    def __init__(self, coin: Coin, horizon: Horizon, seed: int, log_price: float, rng: random.Random) -> None:
        self.exchange = Exchange(coin, math.exp(log_price), rng)
        self.oracle = Oracle(coin, log_price, rng)
        self.chain = ChainFeed(coin, math.exp(log_price), rng)
        self.schedule = Schedule(coin, horizon, seed, rng)
        self._quick = Lag(log_price, _QUICK_S)
        self._slow = Lag(log_price, _SLOW_S)
        self._known_mean: float | None = None

    def begin(self, at_s: int) -> None:
        """Opens the first window; the oracle must have lived long enough to give its strike."""
        self.schedule.begin(at_s, self.oracle.average())
        self._learn(at_s)

    def move(self, at_ms: int, log_index: float, exchange_price: float, dt_s: float, events: list[WorldEvent]) -> None:
        """Passes a new price on to everything that follows it; at whole seconds also does what is due by the clock."""
        self.exchange.step(at_ms, exchange_price, dt_s, events)
        self._quick.follow(log_index, dt_s)
        self._slow.follow(log_index, dt_s)
        self.oracle.follow(log_index, dt_s)
        if at_ms % 1000 == 0:
            self.oracle.observe(at_ms)
            self.chain.observe(at_ms // 1000, self.oracle, events)
            self.schedule.second(at_ms // 1000, self.oracle.average(), events)
            self._learn(at_ms // 1000)
        self.oracle.deliver(at_ms, events)

    def quote(self, at_ms: int, volatility: float, events: list[WorldEvent]) -> None:
        """Gives every market its first book."""
        for market in self.schedule.markets:
            market.maker.quote(at_ms, self._fair(market, at_ms, volatility), events)

    def trade(self, at_ms: int, volatility: float, dt_s: float, events: list[WorldEvent]) -> None:
        """Lets makers and takers act. Markets that are only listed wake up once a second."""
        running = self.schedule.running
        if running is not None:
            running.maker.step(at_ms, self._fair(running, at_ms, volatility), 1.0, dt_s, events)
        if at_ms % 1000 == 0:
            for market in self.schedule.listed:
                pace = 1.0 if at_ms // 1000 >= market.key.epoch - _OPENING_S else _LISTED_PACE
                market.maker.step(at_ms, self._fair(market, at_ms, volatility), pace, 1.0, events)

    def _learn(self, at_s: int) -> None:
        """Notes how much of the average that ends the running window, and starts the next, has already elapsed."""
        running = self.schedule.running
        self._known_mean = None if running is None else self.oracle.known_mean(running.key.end - DELAY_S - at_s)

    def _fair(self, market: Market, at_ms: int, volatility: float) -> float:
        running = self.schedule.running
        if running is None:
            return 0.5
        spot = math.exp(_QUICK_SHARE * self._quick.value + (1 - _QUICK_SHARE) * self._slow.value)
        left_s = running.key.end - DELAY_S - at_ms / 1000
        left_s = max(0.0 if self._known_mean is not None else float(LOOKBACK_S), left_s)
        if market is running and market.strike is not None:
            return settlement_probability(spot, market.strike, volatility, left_s, number(self._known_mean))
        if market.key.epoch != running.key.end or self._known_mean is None:
            return 0.5
        expected_strike = (self._known_mean * (LOOKBACK_S - left_s) + spot * left_s) / LOOKBACK_S
        return settlement_probability(spot, expected_strike, volatility, market.key.seconds)
