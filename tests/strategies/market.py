"""Ticks worked out by hand, and what a registered strategy says on the last of them."""

from collections.abc import Iterable

import msgspec

from polyterm.core.market import MarketKey, Reference
from polyterm.core.signal import Signal
from polyterm.core.tick import Tick
from polyterm.quant.tick_features import TickFeatures
from polyterm.strategies.base import Context, Held, Strategy
from polyterm.strategies.entry import Entry
from polyterm.strategies.registry import REGISTRY

KEY = MarketKey("btc", "15m", 1_790_000_100)
ETH = MarketKey("eth", "15m", KEY.epoch)


def entry(name: str) -> Entry:
    return next(entry for entry in REGISTRY if entry.name == name)


def strategy(name: str) -> Strategy:
    return entry(name).make()


def tick(second: int, key: MarketKey = KEY, *, mid: float | None = None, **fields: object) -> Tick:
    """A quiet market at even odds: spot on the strike of 1000, a book of 49 at 51 cents. ``mid`` moves that book."""
    slot = key.epoch + second
    base = Tick(
        key=key, slot=slot, made_ms=slot * 1000, up_bid=0.49, up_bid_size=200.0, up_ask=0.51, up_ask_size=200.0,
        book_age_ms=0, spot=1000.0, spot_age_ms=0, strike=Reference(1000.0, "binance", "spot", key.epoch * 1000),
    )  # fmt: skip
    if mid is not None:
        base = msgspec.structs.replace(base, up_bid=mid - 0.01, up_ask=mid + 0.01)
    return msgspec.structs.replace(base, **fields)


def oracle(price: float, age_s: int = 10) -> dict[str, object]:
    """The fields of a tick with an oracle's price of that age."""
    return {"oracle": price, "oracle_age_ms": age_s * 1000}


def seen(ticks: Iterable[Tick], features: TickFeatures | None = None) -> TickFeatures:
    """Features that have seen the ticks; a new window is begun where one begins."""
    features = features or TickFeatures()
    key = None
    for each in ticks:
        if key is not None and each.key != key:
            features.start_window()
        key = each.key
        features.observe(each)
    return features


def signal(who: str | Strategy, *ticks: Tick, held: Held | None = None) -> Signal:
    asked = strategy(who) if isinstance(who, str) else who
    return asked.on_tick(ticks[-1], held, Context(seen(ticks)))


def holding(r: float, *, peak_r: float = 0.0, held_s: float = 1.0) -> Held:
    return Held("up", KEY.epoch * 1000, 0.5, held_s, r, max(r, peak_r))
