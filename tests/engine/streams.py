"""Markets at random, with everything that goes wrong in one: for holding two ways of replaying to each other."""

import math
import random
from collections.abc import Iterator

import msgspec

from polyterm.core.command import Command
from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import COINS, GRADES, Coin, FeeSchedule, Grade, Horizon, MarketKey, Reference, Side
from polyterm.core.tick import Tick
from polyterm.quant.validity import judge

FIRST_EPOCH = 1_790_000_100
FEE = FeeSchedule(rate=0.07, exponent=1.0)
NO_SPOTS = (None, math.nan, math.inf, 0.0, -1.0)
SPOTS: dict[Coin, float] = {"btc": 88_000.0, "eth": 2_900.0, "sol": 125.0, "xrp": 1.9}


class Mood(msgspec.Struct, frozen=True, kw_only=True):
    """Probabilities per tick, or per window where it says so; ``wild`` scales the moves."""

    wild: float
    gap: float
    long_gap: float
    one_sided: float
    stale: float
    no_spot: float
    no_oracle: float
    repeated: float
    command: float
    flat: float
    lost_end: float
    lost_open: float


def mood(rng: random.Random) -> Mood:
    def often(most: float) -> float:
        return rng.choice((0.0, 0.0, most / 10, most))

    return Mood(
        wild=rng.choice((0.3, 1.0, 3.0, 10.0)), gap=often(0.2), long_gap=often(0.02), one_sided=often(0.1),
        stale=often(0.1), no_spot=often(0.1), no_oracle=often(0.5), repeated=often(0.05), command=often(0.01),
        flat=rng.choice((0.2, 0.6, 0.95)), lost_end=often(0.5), lost_open=often(0.2),
    )  # fmt: skip


class _Market:
    def __init__(self, coin: Coin, horizon: Horizon, mood: Mood, rng: random.Random) -> None:
        self.coin: Coin = coin
        self.horizon: Horizon = horizon
        self.mood = mood
        self.rng = rng
        self.spot = SPOTS[coin]
        self.mid = 0.5
        self.strike: Reference | None = None

    def open(self, key: MarketKey) -> WindowOpened:
        self.mid = self.rng.choice((0.5, 0.5, 0.1, 0.9))
        self.strike = self._reference(key, self.rng.choice(GRADES)) if self.rng.random() < 0.8 else None
        return WindowOpened(key, self.strike, self.rng.choice((None, FEE)))

    def _reference(self, key: MarketKey, grade: Grade) -> Reference:
        tie = self.rng.random() < 0.2
        price = self.spot if tie else self.spot * math.exp(self.rng.gauss(0, 0.0015))
        price = 0.0 if self.rng.random() < 0.03 else price
        return Reference(price, "test", grade, key.epoch * 1000)

    def tick(self, key: MarketKey, slot: int) -> Tick:
        rng, mood = self.rng, self.mood
        if rng.random() > mood.flat:
            self.spot *= math.exp(rng.gauss(0, 2e-4) * mood.wild)
            self.mid = min(0.995, max(0.005, self.mid + rng.choice((-0.01, -0.005, 0.005, 0.01)) * mood.wild))
        if rng.random() < 0.01:
            self.strike = self._reference(key, rng.choice(GRADES))
        half = rng.choice((0.005, 0.005, 0.01, 0.02))
        bid: float | None = max(0.0, self.mid - half)
        ask: float | None = min(1.0, self.mid + half)
        if rng.random() < mood.one_sided:
            bid, ask = rng.choice(((None, ask), (bid, None), (None, None), (ask, bid)))
        oracle = None if rng.random() < mood.no_oracle else self.spot * math.exp(rng.gauss(0, 5e-4))
        tick = Tick(
            key=key, slot=slot, made_ms=slot * 1000 + 5, up_bid=bid, up_ask=ask,
            up_bid_size=rng.choice((None, 0.0, 10.0, 200.0, 400.0)), up_ask_size=rng.choice((0.0, 10.0, 200.0, 30.5)),
            down_bid=None if ask is None else 1 - ask, down_ask=None if bid is None else 1 - bid,
            down_bid_size=25.0, down_ask_size=10.0, book_age_ms=9_000 if rng.random() < mood.stale else 10,
            spot=rng.choice(NO_SPOTS) if rng.random() < mood.no_spot else self.spot, spot_source="binance",
            spot_age_ms=9_000 if rng.random() < mood.stale else 10,
            spot_basis=rng.choice((None, 0.0, 0.0003, -0.0002)), strike=self.strike, oracle=oracle,
            oracle_source=None if oracle is None else "test", oracle_at_ms=None,
            oracle_age_ms=None if oracle is None else rng.choice((0, 4_000, 20_000, 60_000)),
        )  # fmt: skip
        return msgspec.structs.replace(tick, invalid=judge(tick))


def stream(seed: int, windows: int = 3, ticks: int = 120) -> Iterator[tuple[int, Payload]]:
    """Some windows of some coins, each seen for about so many seconds at its beginning, its middle or its end."""
    rng = random.Random(seed)
    how = mood(rng)
    coins = sorted(rng.sample(COINS, rng.randint(1, 4)), key=COINS.index)
    horizon: Horizon = rng.choice(("15m", "15m", "15m", "5m", "1h"))
    markets = [_Market(coin, horizon, how, rng) for coin in coins]
    key = MarketKey(coins[0], horizon, FIRST_EPOCH - FIRST_EPOCH % 3600)
    for _ in range(windows):
        yield from _window(key, markets, how, ticks)
        key = key.next() if rng.random() < 0.8 else key.next().next()


def _window(
    key: MarketKey, markets: list[_Market], how: Mood, ticks: int
) -> Iterator[tuple[int, Payload]]:  # fmt: skip
    rng = markets[0].rng
    keys = [MarketKey(market.coin, key.horizon, key.epoch) for market in markets]
    for market, own in zip(markets, keys, strict=True):
        opened = market.open(own)
        if rng.random() >= how.lost_open:
            yield key.epoch * 1000, opened
    slot = key.epoch + rng.choice((0, 0, 1, 300, max(0, key.seconds - ticks)))
    for _ in range(ticks):
        if slot >= key.end:
            break
        for market, own in zip(markets, keys, strict=True):
            if rng.random() >= how.gap:
                yield slot * 1000, market.tick(own, slot)
            if rng.random() < how.repeated:
                yield slot * 1000, market.tick(own, slot - rng.choice((0, 1, 5)))
                yield slot * 1000, WindowOpened(own, market.strike)
            if rng.random() < how.command:
                kind = rng.choice(("kill", "pause", "resume", "resume"))
                yield slot * 1000, Command(f"c{rng.randrange(10**6)}", kind, "ann", "console", "test")
        slot += rng.randint(2, 400) if rng.random() < how.long_gap else 1
    for own in keys:
        yield from _ending(own, how, rng)


def _ending(key: MarketKey, how: Mood, rng: random.Random) -> Iterator[tuple[int, Payload]]:
    if rng.random() >= how.lost_end:
        yield key.end * 1000, WindowEnded(key)
    sides: tuple[Side, ...] = ("up", "down")
    for grade in sorted(rng.sample(GRADES, rng.randint(0, 2)), key=GRADES.index):
        yield key.end * 1000, Outcome(key, rng.choice(sides), grade, "test")
