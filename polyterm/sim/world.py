"""The seeded world: prices, oracle, windows and their books. Pure: no I/O and no clock; ``advance`` is the only mover.

The world moves on a fixed grid of ``step_ms`` and draws all chance from one generator in the order of that grid, so the
same seed gives the same events however the advances are cut.
"""

import random
from collections.abc import Sequence
from typing import Final

from polyterm.core.market import COINS, Coin, Horizon, MarketKey, window_epoch
from polyterm.sim.events import ChainUpdated, OraclePrinted, SpotChanged, TwapPrinted, WorldEvent
from polyterm.sim.life import CoinLife
from polyterm.sim.oracle import DELAY_S, LOOKBACK_S
from polyterm.sim.prices import Prices
from polyterm.sim.schedule import Market
from polyterm.sim.views import MarketView

__all__ = ["MarketView", "World"]

_WARM_UP_S: Final = 200


class World:
    """A market in a box. At construction the running window of each coin is open (its strike known) and the next two
    are listed, all with books: read the views for that state; ``advance`` tells only what happens after ``start_ms``.

    Args:
        seed: the same seed, start and parameters give the same events.
        start_ms: market time at which the world begins (unix ms).
        step_ms: grid of the simulation; must divide 1000. The statistics hardly depend on it, the cost does.

    Raises:
        ValueError: for a ``step_ms`` that does not divide 1000.
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
        self._step_ms = step_ms
        rng = random.Random(seed)
        self._now_ms = 0
        self._prices = Prices(self.coins, rng)
        self._lives = {
            coin: CoinLife(coin, horizon, seed, log_price, rng)
            for coin, log_price in zip(self.coins, self._prices.log_index, strict=True)
        }
        self._warm_up(start_ms - start_ms % step_ms)

    @property
    def now_ms(self) -> int:
        """Market time of the last step that was simulated."""
        return self._now_ms

    def advance(self, to_ms: int) -> list[WorldEvent]:
        """Simulates every step up to and including ``to_ms`` and tells what happened, in the order of happening.

        Prints of the oracle and of the average carry the stamp of the second they observe and appear at the moment of
        their delivery, 1.0-2.2 s later: a server sends each event when it gets it. Level changes of one market with the
        same ``at_ms`` belong to one message: after each of them the book is uncrossed, after the last it is whole. A
        trade comes before the level change that it causes.
        """
        events: list[WorldEvent] = []
        dt_s = self._step_ms / 1000
        while self._now_ms + self._step_ms <= to_ms:
            self._move(self._now_ms + self._step_ms, dt_s, events)
            for i, life in enumerate(self._lives.values()):
                life.trade(self._now_ms, self._prices.volatility[i], dt_s, events)
        return events

    def spot(self, coin: Coin) -> SpotChanged:
        """The exchange's newest quote."""
        return self._lives[coin].exchange.quote

    def twap_history(self, coin: Coin, seconds: int) -> tuple[TwapPrinted, ...]:
        """Delivered prints stamped within the last ``seconds`` (at most 300 prints), oldest first."""
        return tuple(p for p in self._lives[coin].oracle.averages if p.at_ms > self._now_ms - seconds * 1000)

    def oracle_history(self, coin: Coin, seconds: int) -> tuple[OraclePrinted, ...]:
        """Delivered prints stamped within the last ``seconds`` (at most 300 prints), oldest first."""
        return tuple(p for p in self._lives[coin].oracle.prints if p.at_ms > self._now_ms - seconds * 1000)

    def chain_round(self, coin: Coin) -> ChainUpdated:
        """The latest round of the on-chain feed; its id carries the proxy's phase, as on the chain."""
        return self._lives[coin].chain.latest

    def market(self, key: MarketKey) -> MarketView | None:
        return next((m.view() for m in self._known(key.coin) if m.key == key), None)

    def markets(self) -> tuple[MarketView, ...]:
        """Every market that the venue knows, by coin and epoch: listed, open, ended, and the last resolved ones."""
        return tuple(market.view() for coin in self.coins for market in self._known(coin))

    def volatility(self, coin: Coin) -> float:
        """The coin's true annualised volatility at this moment, jumps included. For tests; no venue tells it."""
        return self._prices.volatility[self.coins.index(coin)]

    def _known(self, coin: Coin) -> list[Market]:
        life = self._lives.get(coin)
        return [] if life is None else life.schedule.markets

    def _warm_up(self, start_ms: int) -> None:
        """Lives through the time before the start, so that the running window has a strike and the feeds a past."""
        untold: list[WorldEvent] = []
        epoch_s = window_epoch(start_ms // 1000, self.horizon)
        first_s = min(epoch_s - LOOKBACK_S - DELAY_S, start_ms // 1000 - _WARM_UP_S)
        for at_s in range(first_s, start_ms // 1000 + 1):
            self._move(at_s * 1000, 1.0, untold)
            if at_s == epoch_s:
                for life in self._lives.values():
                    life.begin(at_s)
        if start_ms % 1000:
            self._move(start_ms, start_ms % 1000 / 1000, untold)
        for i, life in enumerate(self._lives.values()):
            life.quote(start_ms, self._prices.volatility[i], untold)

    def _move(self, at_ms: int, dt_s: float, events: list[WorldEvent]) -> None:
        self._now_ms = at_ms
        prices = self._prices
        prices.step(dt_s)
        if at_ms % 1000 == 0:
            prices.drift(1.0)
        for i, life in enumerate(self._lives.values()):
            life.move(at_ms, prices.log_index[i], prices.exchange(i), dt_s, events)
