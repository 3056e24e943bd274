"""Prices of the coins: correlated log-normal moves with jumps, a volatility that wanders, and the exchange's basis."""

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from polyterm.core.market import Coin
from polyterm.quant.annual import YEAR_S
from polyterm.sim.character import CHARACTERS
from polyterm.sim.events import SpotChanged, SpotTraded, WorldEvent

_DAY_SD: Final = 0.3
_HOUR_SD: Final = 0.45
_HOUR_TAU_S: Final = 2400.0
_JUMPS_PER_S: Final = 4 / 3600
_JUMP_SHARE: Final = 0.1

# Log of exchange over index. It moved nine basis points within two days and was seen between these ends.
_BASIS_LOW: Final = -9e-4
_BASIS_HIGH: Final = 8e-4
_BASIS_SD: Final = 4e-4
_BASIS_TAU_S: Final = 86_400.0
_BASIS_NOISE_TAU_S: Final = 90.0


@lru_cache(maxsize=64)
def lag_weights(tau_s: float, dt_s: float) -> tuple[float, float, float]:
    """Weights of (filter value, input before, input after) for one step of a first-order lag.

    Exact for an input that is linear within the step, so the filter hardly depends on the step.
    """
    keep = math.exp(-dt_s / tau_s)
    mean = (1 - keep) * tau_s / dt_s
    return keep, mean - keep, 1 - mean


class Lag:
    """A first-order lag of one input: an exponential average with mean delay ``tau_s``."""

    def __init__(self, value: float, tau_s: float) -> None:
        self._tau_s = tau_s
        self._input = self.value = value

    def follow(self, value: float, dt_s: float) -> float:
        keep, old, new = lag_weights(self._tau_s, dt_s)
        self.value = keep * self.value + old * self._input + new * value
        self._input = value
        return self.value


class Prices:
    """Index and exchange prices of all coins. ``log_index`` is ordered as the coins are."""

    def __init__(self, coins: Sequence[Coin], rng: random.Random) -> None:
        self._rng = rng
        self._characters = [CHARACTERS[coin] for coin in coins]
        self._own = [math.sqrt(1 - character.loading**2) for character in self._characters]
        self.log_index = [math.log(c.price) + rng.uniform(-0.1, 0.1) for c in self._characters]
        self._day_factor = min(1.8, max(0.5, math.exp(rng.gauss(-(_DAY_SD**2), _DAY_SD))))
        self._hour = rng.gauss(0, _HOUR_SD)
        self._usdt = min(_BASIS_HIGH, max(_BASIS_LOW, rng.gauss(0, _BASIS_SD)))
        self._basis_noise = [0.0 for _ in self._characters]
        self.volatility = [0.0 for _ in self._characters]
        self._set_volatility()

    def step(self, dt_s: float) -> None:
        gauss = self._rng.gauss
        scale = math.sqrt((1 - _JUMP_SHARE) * dt_s / YEAR_S)
        self._move(gauss(0, 1), scale)
        if self._rng.random() < _JUMPS_PER_S * dt_s:
            self._move(gauss(0, 1), math.sqrt(_JUMP_SHARE / _JUMPS_PER_S / YEAR_S))

    def _move(self, shared: float, scale: float) -> None:
        gauss = self._rng.gauss
        for i, character in enumerate(self._characters):
            z = character.loading * shared + self._own[i] * gauss(0, 1)
            self.log_index[i] += self.volatility[i] * scale * z

    def drift(self, dt_s: float) -> None:
        """Moves what moves slowly: the volatility and the basis. Call it once a second or so."""
        gauss = self._rng.gauss
        self._hour += -self._hour * dt_s / _HOUR_TAU_S + _HOUR_SD * math.sqrt(2 * dt_s / _HOUR_TAU_S) * gauss(0, 1)
        self._set_volatility()
        self._usdt += -self._usdt * dt_s / _BASIS_TAU_S + _BASIS_SD * math.sqrt(2 * dt_s / _BASIS_TAU_S) * gauss(0, 1)
        self._usdt = min(_BASIS_HIGH, max(_BASIS_LOW, self._usdt))
        spread = math.sqrt(2 * dt_s / _BASIS_NOISE_TAU_S)
        for i, character in enumerate(self._characters):
            noise = self._basis_noise[i]
            self._basis_noise[i] += -noise * dt_s / _BASIS_NOISE_TAU_S
            self._basis_noise[i] += character.basis_noise_bp * 1e-4 * spread * gauss(0, 1)

    def exchange(self, i: int) -> float:
        """Dollars per coin on the exchange (quoted in USDT)."""
        return math.exp(self.log_index[i] + self._usdt + self._basis_noise[i])

    def _set_volatility(self) -> None:
        # exp(2 * hour) averages exp(2 * sd^2): taken out, so that the root mean square is the character's.
        factor = self._day_factor * math.exp(self._hour - _HOUR_SD**2)
        self.volatility = [character.volatility * factor for character in self._characters]


class Exchange:
    """The exchange's best prices of one coin, a tick apart around its price, and its trades."""

    def __init__(self, coin: Coin, price: float, rng: random.Random) -> None:
        self._coin: Coin = coin
        self._character = CHARACTERS[coin]
        self._per_dollar = 10**self._character.decimals
        self._rng = rng
        self._bid_ticks = math.floor(price * self._per_dollar)
        self.quote = self._quote(0)

    def step(self, at_ms: int, price: float, dt_s: float, events: list[WorldEvent]) -> None:
        rng, character = self._rng, self._character
        bid_ticks = math.floor(price * self._per_dollar)
        if bid_ticks != self._bid_ticks or rng.random() < 0.3:
            self._bid_ticks = bid_ticks
            self.quote = self._quote(at_ms)
            events.append(self.quote)
        wait = rng.expovariate(character.trades_per_s)
        while wait < dt_s:
            sells = rng.random() < 0.5
            size = self._size(character.trade_size, 1.5)
            traded = self.quote.bid if sells else self.quote.ask
            events.append(SpotTraded(self._coin, at_ms, traded, size, sells))
            wait += rng.expovariate(character.trades_per_s)

    def _quote(self, at_ms: int) -> SpotChanged:
        return SpotChanged(
            self._coin,
            at_ms,
            self._bid_ticks / self._per_dollar,
            self._size(self._character.quote_size, 1.2),
            (self._bid_ticks + 1) / self._per_dollar,
            self._size(self._character.quote_size, 1.2),
        )

    def _size(self, median: float, sd: float) -> float:
        return max(1e-4, round(median * math.exp(self._rng.gauss(0, sd)), 4))
