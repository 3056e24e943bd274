"""The people in one market: makers who quote around what they believe, a little late, and takers who come by."""

import math
import random
from typing import Final

from polyterm.core.market import Horizon, MarketKey, Side
from polyterm.sim.book import UpBook, ceil_price, floor_price
from polyterm.sim.character import Character
from polyterm.sim.events import MarketTraded, WorldEvent

_QUOTES_PER_S: Final = 4.0
_STIRS_PER_S: Final = 5.0

# Standard deviations in mills at even odds: what the crowd believes beside fair value, and each quote's own.
_NOISE_SD: Final = 8.0
_NOISE_TAU_S: Final = 12.0
_FLICKER_SD: Final = 6.0
_SPREAD_TAU_S: Final = 20.0

# Sweeps: someone pushes through the book and it takes seconds to come back; oftener and further in the last minute.
_SWEEPS_PER_S: Final = 1 / 25
_SWEEP_SD: Final = 85.0
_LATE_SWEEPS_PER_S: Final = 1 / 4
_LATE_SWEEP_SD: Final = 140.0
_LATE_MS: Final = 60_000
_SWEEP_TAU_S: Final = 2.5

# Now and then the quotes stand still while the price moves on.
_PAUSES_PER_S: Final = 1 / 240
_PAUSE_S: Final = (2.0, 9.0)

# In most markets nobody sells a certain winner: beyond this many standard deviations its ask goes. Share of the markets
# in which somebody always does, and the usual certainty, by horizon (measured for 5m and 15m).
_ALWAYS_TWO_SIDED: Final[dict[Horizon, float]] = {"5m": 0.62, "15m": 0.18, "1h": 0.18, "4h": 0.18}
_CERTAINTY: Final[dict[Horizon, float]] = {"5m": 7.5, "15m": 3.5, "1h": 3.5, "4h": 3.5}


class Maker:
    """Quotes one market. Prices in here are mills."""

    def __init__(self, key: MarketKey, character: Character, rng: random.Random) -> None:
        self._key, self._character, self._rng = key, character, rng
        window = rng.lognormvariate(0, 0.3)
        self.book = UpBook(key, character.best_size * window, character.deep_size * window, rng)
        self.last_trades: dict[Side, float] = {}
        self._noise = rng.gauss(0, _NOISE_SD)
        self._sweep = 0.0
        self._spread = rng.gauss(0, 1)
        self._noise_ms: int | None = None
        self._paused_until_ms = 0
        certainty = rng.gauss(_CERTAINTY[key.horizon], 0.3)
        if rng.random() < _ALWAYS_TWO_SIDED[key.horizon]:
            certainty = math.inf
        self._loses = 0.5 * math.erfc(certainty / math.sqrt(2))

    def step(self, at_ms: int, fair: float, pace: float, dt_s: float, events: list[WorldEvent]) -> None:
        """Gives the market ``dt_s`` of life: maybe new quotes around ``fair``, changed sizes, a trade.

        ``pace`` is 1 in a running market and less in one that is only listed.
        """
        rng = self._rng
        if rng.random() < _PAUSES_PER_S * pace * dt_s:
            self._paused_until_ms = at_ms + int(1000 * rng.uniform(*_PAUSE_S))
        late = at_ms > self._key.end * 1000 - _LATE_MS
        if rng.random() < (_LATE_SWEEPS_PER_S if late else _SWEEPS_PER_S) * pace * dt_s:
            self._sweep += rng.gauss(0, _LATE_SWEEP_SD if late else _SWEEP_SD)
        if at_ms >= self._paused_until_ms and rng.random() < 1 - math.exp(-_QUOTES_PER_S * pace * dt_s):
            self.quote(at_ms, fair, events)
        wait = rng.expovariate(_STIRS_PER_S * pace)
        while wait < dt_s:
            self.book.stir(at_ms, events)
            wait += rng.expovariate(_STIRS_PER_S * pace)
        if rng.random() < self._character.market_trades_per_s * pace * dt_s:
            self._trade(at_ms, fair, events)

    def quote(self, at_ms: int, fair: float, events: list[WorldEvent]) -> None:
        rng = self._rng
        self._wander(at_ms)
        # Uncertainty, and with it noise and spread, is largest at even odds and shrinks towards the edges.
        doubt = max(0.03, 4 * fair * (1 - fair))
        centre = 1000 * fair + (self._noise + rng.gauss(0, _FLICKER_SD)) * doubt + self._sweep * math.sqrt(doubt)
        centre = min(998.5, max(1.5, centre))
        if not self.book.fine and not 40 < centre < 960:
            self.book.refine(at_ms, events)
        half = 10 * self._character.half_spread * math.exp(self._character.half_spread_sd * self._spread)
        half *= math.sqrt(doubt)
        fine = self.book.fine
        unit = 1 if fine else 10
        bid: int | None = max(unit, floor_price(centre - half, fine))
        ask: int | None = min(1000 - unit, ceil_price(centre + half, fine))
        if bid == ask:
            ask = ceil_price(centre + half + 1, fine)
        if fair > 1 - self._loses:
            ask = None
        elif fair < self._loses:
            bid = None
        self.book.move(bid, ask, at_ms, events)

    def _wander(self, at_ms: int) -> None:
        """Moves the noise and the spread by the time since the last quote (Ornstein-Uhlenbeck, exact)."""
        gauss = self._rng.gauss
        passed_s = 60.0 if self._noise_ms is None else (at_ms - self._noise_ms) / 1000
        self._noise_ms = at_ms
        keep = math.exp(-passed_s / _NOISE_TAU_S)
        self._noise = keep * self._noise + math.sqrt(1 - keep * keep) * gauss(0, _NOISE_SD)
        self._sweep *= math.exp(-passed_s / _SWEEP_TAU_S)
        keep = math.exp(-passed_s / _SPREAD_TAU_S)
        self._spread = keep * self._spread + math.sqrt(1 - keep * keep) * gauss(0, 1)

    def _trade(self, at_ms: int, fair: float, events: list[WorldEvent]) -> None:
        """A taker lifts or hits the best price, rather the side that lags behind the fair value."""
        rng, book = self._rng, self.book
        bid, ask = book.bid.best or 0, book.ask.best or 1000
        buys_up = rng.random() < min(0.95, max(0.05, 0.5 + (fair - (bid + ask) / 2000) * 10))
        told: list[WorldEvent] = []
        size = book.take(book.ask if buys_up else book.bid, 20 * math.exp(rng.gauss(0, 1.2)), at_ms, told)
        if size == 0:
            return
        mills = ask if buys_up else bid
        # A taker of either token may be on the other side of the same level: buying Up is selling Down.
        side: Side = "up" if rng.random() < 0.5 else "down"
        buys, price = (buys_up, mills) if side == "up" else (not buys_up, 1000 - mills)
        self.last_trades[side] = price / 1000
        events.append(MarketTraded(self._key, at_ms, side, buys, book.ticks(price), size))
        events.extend(told)
