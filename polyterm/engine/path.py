"""How a window went, second by second, from its ticks: price, strike, market and fair value."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from polyterm.core.details import PathPoint
from polyterm.core.tick import Tick
from polyterm.quant.column_features import ColumnFeatures
from polyterm.quant.definitions import FEATURES
from polyterm.quant.primitives import known
from polyterm.quant.tick_columns import TickColumns

POINTS: Final = 300
_FAIR: Final = FEATURES.settlement_fair_value(FEATURES.model_volatility)


def window_path(ticks: Sequence[Tick], points: int = POINTS) -> tuple[PathPoint, ...]:
    """The newest tick of each of ``points`` equal stretches of the window, all ticks being of one window.

    The fair value is the one that ``outlook`` gave when the tick was the newest.
    """
    if not ticks:
        return ()
    fair = _fair(ticks)
    key = ticks[0].key
    newest: dict[int, PathPoint] = {}
    for tick, value in zip(ticks, fair, strict=True):
        stretch = (tick.slot - key.epoch) * points // key.seconds
        strike = None if tick.strike is None else tick.strike.price
        newest[stretch] = PathPoint(tick.slot, _price(tick), strike, tick.up_mid, known(value))
    return tuple(newest.values())


def _fair(ticks: Sequence[Tick]) -> list[float]:
    features = ColumnFeatures(
        TickColumns.of(ticks[0].key.horizon, ticks), np.arange(len(ticks)), leads=True, shared=frozenset()
    )
    with np.errstate(all="ignore"):
        values: list[float] = features.value(_FAIR)[features.grid.cell].tolist()
    return values


def _price(tick: Tick) -> float | None:
    """Spot as the strike counts it."""
    strike, distance = tick.strike, tick.distance
    if strike is None:
        return None if tick.spot is None or tick.spot_basis is None else tick.spot * math.exp(-tick.spot_basis)
    return None if distance is None else strike.price * (1 + distance)
