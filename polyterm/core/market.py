"""Which market: coins, horizons, window arithmetic, slugs and fee schedules."""

from datetime import datetime
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec

Coin = Literal["btc", "eth", "sol", "xrp"]
Horizon = Literal["5m", "15m", "1h", "4h"]
Side = Literal["up", "down"]

COINS: Final[tuple[Coin, ...]] = get_args(Coin)
HORIZONS: Final[tuple[Horizon, ...]] = get_args(Horizon)
HORIZON_SECONDS: Final[dict[Horizon, int]] = {"5m": 300, "15m": 900, "1h": 3600, "4h": 14400}

_NEW_YORK: Final = ZoneInfo("America/New_York")

# 1h markets are named by their New York date and hour, not by epoch.
_EPOCH_SLUG_HORIZONS: Final[tuple[Horizon, ...]] = ("5m", "15m", "4h")


def opposite(side: Side) -> Side:
    return "down" if side == "up" else "up"


def window_epoch(unix_s: int, horizon: Horizon) -> int:
    """Start (unix s) of the window that contains ``unix_s``; windows are half-open, [start, end).

    Those of 4 hours begin at midnight, 4 and 8 o'clock of New York, an hour off the UTC grid in winter; on the two
    nights when its clocks change one of them is an hour longer or shorter there than here.
    """
    shift = _new_york_offset(unix_s) if horizon == "4h" else 0
    return unix_s - (unix_s + shift) % HORIZON_SECONDS[horizon]


def _new_york_offset(unix_s: int) -> int:
    """Seconds to add to UTC, below 0."""
    offset = datetime.fromtimestamp(unix_s, _NEW_YORK).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


class MarketKey(msgspec.Struct, frozen=True, gc=False, order=True):
    """One window of one series: coin, horizon and the window's start in unix seconds."""

    coin: Coin
    horizon: Horizon
    epoch: int

    @property
    def seconds(self) -> int:
        return HORIZON_SECONDS[self.horizon]

    @property
    def end(self) -> int:
        return self.epoch + HORIZON_SECONDS[self.horizon]

    def next(self) -> "MarketKey":
        return MarketKey(self.coin, self.horizon, self.end)

    def __str__(self) -> str:
        return f"{self.coin}-{self.horizon}-{self.epoch}"


def slug(key: MarketKey) -> str:
    """The venue's name of the window, e.g. ``btc-updown-15m-1790000100``.

    Raises:
        ValueError: for a horizon that the venue does not name by epoch.
    """
    if key.horizon not in _EPOCH_SLUG_HORIZONS:
        raise ValueError(f"{key.horizon} markets are not named by epoch")
    return f"{key.coin}-updown-{key.horizon}-{key.epoch}"


def parse_slug(text: str) -> MarketKey | None:
    """The window that a slug names, or None when it is not one of ours."""
    parts = text.split("-")
    if len(parts) != 4 or parts[1] != "updown" or not (parts[3].isascii() and parts[3].isdigit()):
        return None
    for coin in COINS:
        for horizon in _EPOCH_SLUG_HORIZONS:
            if parts[0] == coin and parts[2] == horizon:
                return MarketKey(coin, horizon, int(parts[3]))
    return None


class FeeSchedule(msgspec.Struct, frozen=True, gc=False):
    """A market's taker fee: ``shares * rate * (p * (1 - p)) ** exponent`` dollars at fill price ``p``.

    Source: the venue's fee page; makers pay nothing.
    """

    rate: float
    exponent: float


class Reference(msgspec.Struct, frozen=True, gc=False):
    """A price that a window is judged by (its strike or its final), its source and how far it can be trusted."""

    price: float
    source: str
    grade: "Grade"
    at_ms: int


# official > settlement stream > on-chain oracle > spot; the order of the tuple is the order of trust.
Grade = Literal["spot", "oracle", "stream", "official"]
GRADES: Final[tuple[Grade, ...]] = get_args(Grade)


def outranks(better: Grade, than: Grade) -> bool:
    return GRADES.index(better) > GRADES.index(than)
