"""A window as its ticks showed it, worked out once when it is over."""

import numpy as np

from polyterm.core.event import WindowStats
from polyterm.quant.columns import Column, is_known


def window_stats(
    ticks: int, mids: Column, mid_returns: Column, spot_returns: Column, distances: Column
) -> WindowStats:  # fmt: skip
    """From the features of a window's seconds, nan where one is missing; ``ticks`` is how many of them were seen."""
    mids = mids[is_known(mids)]
    distances = np.abs(distances[is_known(distances)])
    known = len(mids) > 0
    return WindowStats(
        ticks=ticks,
        price_changes=int(np.count_nonzero(mids[1:] != mids[:-1])),
        opening_mid=mids[0].item() if known else None,
        closing_mid=mids[-1].item() if known else None,
        high_mid=mids.max().item() if known else None,
        low_mid=mids.min().item() if known else None,
        mid_return_sd=_population_sd(mid_returns),
        spot_return_sd=_population_sd(spot_returns),
        max_abs_distance=distances.max().item() if len(distances) else None,
    )


def _population_sd(values: Column) -> float | None:
    """As ``moments.population_sd`` of the known ones; accumulating is numpy's left fold."""
    values = values[is_known(values)]
    if not len(values):
        return None
    centre = np.add.accumulate(values)[-1] / len(values)
    squares = np.add.accumulate((values - centre) * (values - centre))[-1]
    return float(np.sqrt(squares / len(values)))
