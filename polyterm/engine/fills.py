"""What a paper trade gets and pays under each fill model.

*touch* trades whole at the quoted price and pays nothing; *costed* trades at the same price and pays the venue's taker
fee: on top of a buy, out of the proceeds of a sale, none at settlement.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from polyterm.core.market import FeeSchedule, Horizon, MarketKey
from polyterm.core.position import Leg

FEE_DECIMALS: Final = 5
LEAST_FEE: Final = 0.00001

_KEPT_LEGS: Final = 1_024
"""Prices are cents and stakes are few: most legs have been worked out before. They are immutable, so they are shared.

Nothing that compares equal and is written differently may meet here: prices and shares are above 0, and types count.
"""

FREE: Final = FeeSchedule(rate=0.0, exponent=1.0)
_FIRST: Final = FeeSchedule(rate=0.25, exponent=2.0)


class _Period(msgspec.Struct, frozen=True):
    """A schedule of the venue for windows that start at or after ``since_s`` (unix s)."""

    since_s: int
    schedule: FeeSchedule
    horizons: tuple[Horizon, ...] | None = None

    def covers(self, key: MarketKey) -> bool:
        return key.epoch >= self.since_s and (self.horizons is None or key.horizon in self.horizons)


def _utc(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


# The venue's fee history, newest first. The step to 0.07 came "from about July": its day is not documented.
_HISTORY: Final = (
    _Period(_utc(2026, 7, 1), FeeSchedule(rate=0.07, exponent=1.0)),
    _Period(_utc(2026, 3, 30), FeeSchedule(rate=0.072, exponent=1.0)),
    _Period(_utc(2026, 3, 6), _FIRST),
    _Period(_utc(2026, 1, 5), _FIRST, horizons=("15m",)),
)


def historical_schedule(key: MarketKey) -> FeeSchedule:
    """The fee of a window whose market did not say; free before the venue's first fees."""
    return next((period.schedule for period in _HISTORY if period.covers(key)), FREE)


def taker_fee(schedule: FeeSchedule, price: float, shares: float) -> float:
    """Dollars for a fill of ``shares`` at ``price``; the venue rounds to 5 decimals and takes at least the last one."""
    fee = shares * schedule.rate * (price * (1 - price)) ** schedule.exponent
    return max(round(fee, FEE_DECIMALS), LEAST_FEE) if fee > 0 else 0.0


@lru_cache(_KEPT_LEGS, typed=True)
def open_legs(price: float, shares: float, schedule: FeeSchedule) -> tuple[Leg, ...]:
    return (
        Leg("touch", shares, price, fee=0.0),
        Leg("costed", shares, price, fee=taker_fee(schedule, price, shares)),
    )


@lru_cache(_KEPT_LEGS, typed=True)
def sell_legs(legs: tuple[Leg, ...], price: float, schedule: FeeSchedule) -> tuple[Leg, ...]:
    """The legs after an early exit at ``price``."""
    return tuple(
        _closed(leg, price, leg.fee + (taker_fee(schedule, price, leg.shares) if leg.model == "costed" else 0.0))
        for leg in legs
    )


@lru_cache(_KEPT_LEGS, typed=True)
def settle_legs(legs: tuple[Leg, ...], won: bool) -> tuple[Leg, ...]:
    """The legs after settlement at 1 or 0, which is free. Legs that were settled otherwise are settled anew."""
    return tuple(_closed(leg, 1.0 if won else 0.0, leg.fee) for leg in legs)


def _closed(leg: Leg, price: float, fee: float) -> Leg:
    return Leg(
        leg.model, leg.shares, leg.entry_price, fee, leg.status, price, (price - leg.entry_price) * leg.shares - fee
    )
