"""Features of a whole series, one value for each of its ticks."""

import numpy as np

from polyterm.engine.sweep_series import SweptSeries
from polyterm.quant.column_features import ColumnFeatures
from polyterm.quant.columns import Column
from polyterm.quant.expression import Node
from polyterm.quant.tick_columns import TickColumns


class Leaves:
    """``lead`` is btc on the same horizon, None for btc itself; where it was not recorded, nothing is known of it."""

    def __init__(self, series: SweptSeries, lead: SweptSeries | None) -> None:
        self._features = (
            _features(series)
            if lead is None
            else ColumnFeatures(
                _ticks(series), series.order, lead=_features(lead), lead_starts=lead.starts, shared=frozenset()
            )
        )

    def __call__(self, node: Node) -> Column:
        with np.errstate(all="ignore"):
            value = self._features.value(node)
        if not isinstance(value, np.ndarray):
            return np.full(len(self._features.numbers), value)
        column: Column = value[self._features.grid.cell]
        return column


def _features(series: SweptSeries) -> ColumnFeatures:
    return ColumnFeatures(_ticks(series), series.order, shared=frozenset())


def _ticks(series: SweptSeries) -> TickColumns:
    return TickColumns.of(series.series[1], series.ticks)
