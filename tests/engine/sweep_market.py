"""Markets for sweeps: seeded, with everything in them that a recording may lack."""

import math
import random
from collections.abc import Iterator, Sequence

import msgspec

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import Coin, FeeSchedule, MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.quant.validity import judge

EPOCH = 1_790_000_100
FEE = FeeSchedule(rate=0.07, exponent=1.0)


def market(
    seed: int, *, windows: int = 4, coins: Sequence[Coin] = ("btc", "eth"), flaws: float = 0.03
) -> list[tuple[int, Payload]]:
    """Payloads in order of time. ``flaws`` is how often a second is missing, a side empty or a value too old."""
    merged = [stamped for place, coin in enumerate(coins) for stamped in _series(seed + place, coin, windows, flaws)]
    return sorted(merged, key=lambda stamped: stamped[0])


def _series(seed: int, coin: Coin, windows: int, flaws: float) -> Iterator[tuple[int, Payload]]:
    chance = random.Random(seed)
    spot = 1000.0
    for window in range(windows):
        key = MarketKey(coin, "15m", EPOCH + 900 * window)
        strike = Reference(spot, "binance", chance.choice(("spot", "stream")), key.epoch * 1000)
        early = None if chance.random() < 0.3 else strike
        yield key.epoch * 1000, WindowOpened(key, early, FEE if chance.random() < 0.8 else None)
        volatility = chance.choice((0.00005, 0.0001, 0.0003))
        mid = 0.5
        for second in range(900):
            spot = round(spot * math.exp(chance.gauss(0, volatility)), 2)
            if second % 4 == 0:
                pull = 0.5 + 0.45 * math.tanh((spot / strike.price - 1) * 400 * (1 + second / 300))
                mid = min(0.98, max(0.02, mid + 0.5 * (pull - mid) + chance.gauss(0, 0.01)))
            if chance.random() >= flaws:
                tick = _tick(chance, key, second, mid=mid, spot=spot, strike=strike, flaws=flaws)
                yield tick.at_ms, tick
        yield from _end(chance, key, strike, spot)


def _tick(
    chance: random.Random, key: MarketKey, second: int, *, mid: float, spot: float, strike: Reference, flaws: float
) -> Tick:
    half = chance.choice((0.005, 0.01, 0.02))
    bid, ask = round(mid - half, 3), round(mid + half, 3)
    slot = key.epoch + second
    tick = Tick(
        key=key, slot=slot, made_ms=slot * 1000, up_bid=bid, up_ask=ask, up_bid_size=float(chance.randrange(1, 400)),
        up_ask_size=float(chance.randrange(1, 400)), down_bid=round(1 - ask, 3), down_bid_size=50.0,
        down_ask=round(1 - bid, 3), down_ask_size=60.0, book_age_ms=0, spot=spot, spot_age_ms=0, spot_basis=0.0001,
        strike=strike, oracle=round(spot * 1.0002, 1), oracle_age_ms=chance.randrange(0, 3_000),
    )  # fmt: skip
    flaw: dict[str, object] = {}
    if chance.random() < flaws:
        flaw = chance.choice((
            {"up_bid": None, "up_bid_size": None}, {"up_ask": None}, {"book_age_ms": 9_000}, {"spot": None},
            {"spot_age_ms": 8_000}, {"strike": None}, {"oracle": None}, {"up_bid": ask, "up_ask": bid},
            {"up_bid": 0.0, "up_ask": 0.01}, {"up_bid_size": None}, {"spot_basis": None},
        ))  # fmt: skip
    flawed = msgspec.structs.replace(tick, **flaw)
    return msgspec.structs.replace(flawed, invalid=judge(flawed))


def _end(chance: random.Random, key: MarketKey, strike: Reference, spot: float) -> Iterator[tuple[int, Payload]]:
    """Most windows are settled, some later by another side, one in ten never."""
    side, other = ("up", "down") if spot >= strike.price else ("down", "up")
    end_ms = key.end * 1000
    yield end_ms, WindowEnded(key, Reference(spot, "binance", "spot", end_ms))
    if chance.random() < 0.1:
        return
    yield end_ms, Outcome(key, side, "spot", "binance", spot)
    if chance.random() < 0.2:
        yield end_ms, Outcome(key, other, "official", "venue", spot)
