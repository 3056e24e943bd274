"""A generated day of four coins, one tick a second each: always the same for a seed."""

import math
import random
from collections.abc import Iterator
from typing import Final

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import COINS, Coin, FeeSchedule, MarketKey, Reference
from polyterm.core.tick import Invalid, Tick
from polyterm.quant.fair_value import digital
from polyterm.quant.settlement import winning_side

FIRST_EPOCH: Final = 1_790_000_100
START: Final[dict[Coin, float]] = {"btc": 88_000.0, "eth": 2_900.0, "sol": 125.0, "xrp": 1.9}
VOLATILITY: Final[dict[Coin, float]] = {"btc": 0.45, "eth": 0.6, "sol": 0.75, "xrp": 0.7}
FEE: Final = FeeSchedule(rate=0.07, exponent=1.0)
BASIS: Final = 0.0003
YEAR_S: Final = 365 * 86_400


class _Market:
    """Spot by a random walk with rare jumps; the book follows fair value within three seconds, in cents.

    As recorded, one side of a decided market's book is often empty towards its end.
    """

    def __init__(self, coin: Coin, rng: random.Random) -> None:
        self.coin = coin
        self.rng = rng
        self.spot = START[coin]
        self.step = VOLATILITY[coin] / math.sqrt(YEAR_S)
        self.strike = self.spot
        self.believed = 0.5
        self.mid = 0.5

    def open(self) -> None:
        self.strike = self.spot * math.exp(-BASIS)
        self.believed = self.mid = 0.5

    def tick(self, key: MarketKey, slot: int) -> Tick:
        rng = self.rng
        jump = rng.gauss(0, 8) if rng.random() < 0.0005 else rng.gauss(0, 1)
        self.spot *= math.exp(self.step * jump)
        settling = self.spot * math.exp(-BASIS)
        fair = digital(settling, self.strike, VOLATILITY[self.coin], key.end - slot)
        self.believed += 0.6 * (fair - self.believed)
        if rng.random() < 0.5:
            self.mid = self.believed + rng.gauss(0, 0.004)
        half = 0.005 if rng.random() < 0.8 else 0.01
        bid = min(0.98, max(0.01, math.floor((self.mid - half) * 100) / 100))
        ask = min(0.99, bid + (0.01 if half == 0.005 else 0.02))
        bid_size, ask_size = float(rng.randrange(5, 400)), float(rng.randrange(5, 400))
        at_ms, remaining_s = slot * 1000, key.end - slot
        empty = 0.8 if remaining_s <= 15 else 0.58 if remaining_s <= 60 else 0.27 if remaining_s <= 180 else 0.0
        one_sided = abs(self.mid - 0.5) > 0.42 and rng.random() < empty
        no_bid, no_ask = one_sided and self.mid < 0.5, one_sided and self.mid > 0.5
        reason: Invalid | None = "book_one_sided" if one_sided else None
        if not 0.01 < (bid + ask) / 2 < 0.99:
            reason = reason or "mid_at_edge"
        return Tick(
            key=key, slot=slot, made_ms=at_ms,
            up_bid=None if no_bid else bid, up_ask=None if no_ask else ask, up_bid_size=bid_size, up_ask_size=ask_size,
            down_bid=None if no_ask else 1 - ask, down_ask=None if no_bid else 1 - bid,
            down_bid_size=ask_size, down_ask_size=bid_size, book_age_ms=200,
            spot=self.spot, spot_source="binance", spot_age_ms=300, spot_basis=BASIS,
            strike=Reference(self.strike, "twap60", "stream", key.epoch * 1000), oracle=settling,
            oracle_source="chainlink", oracle_at_ms=at_ms - 4000, oracle_age_ms=4000,
            invalid=reason,
        )  # fmt: skip


def day(seed: int = 7, hours: float = 24, coins: tuple[Coin, ...] = COINS) -> Iterator[tuple[int, Payload]]:
    """``(at_ms, payload)`` pairs: windows that open, tick, end and are settled."""
    rng = random.Random(seed)
    markets = [_Market(coin, rng) for coin in coins]
    for epoch in range(FIRST_EPOCH, FIRST_EPOCH + int(hours * 3600), 900):
        keys = [MarketKey(coin, "15m", epoch) for coin in coins]
        for market, key in zip(markets, keys, strict=True):
            market.open()
            strike = Reference(market.strike, "twap60", "stream", epoch * 1000)
            yield epoch * 1000, WindowOpened(key, strike, FEE)
        for slot in range(epoch, min(epoch + 900, FIRST_EPOCH + int(hours * 3600))):
            for market, key in zip(markets, keys, strict=True):
                yield slot * 1000, market.tick(key, slot)
        for market, key in zip(markets, keys, strict=True):
            final = Reference(market.spot * math.exp(-BASIS), "twap60", "stream", key.end * 1000)
            yield key.end * 1000, WindowEnded(key, final)
            yield (
                key.end * 1000,
                Outcome(key, winning_side(market.strike, final.price), "stream", "twap60", final.price),
            )
