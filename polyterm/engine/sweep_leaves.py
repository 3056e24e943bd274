"""Features of a whole series, as they are seen tick by tick."""

import heapq
from collections.abc import Iterator, Sequence

import numpy as np

from polyterm.core.tick import Tick
from polyterm.engine.sweep_series import SweptSeries
from polyterm.quant.columns import Column
from polyterm.quant.expression import Node
from polyterm.quant.scalar import Program
from polyterm.quant.tick_features import TickFeatures


class Leaves:
    """``lead`` is btc on the same horizon, None for btc itself and where it was not recorded."""

    def __init__(self, series: SweptSeries, lead: SweptSeries | None) -> None:
        self._series = series
        self._lead = lead
        self._columns: dict[int, tuple[Node, Column]] = {}

    def __call__(self, node: Node) -> Column:
        if id(node) not in self._columns:
            self.learn([node])
        return self._columns[id(node)][1]

    def learn(self, nodes: Sequence[Node]) -> None:
        """Work out all of ``nodes`` that are not known yet in one pass."""
        missing = [node for node in nodes if id(node) not in self._columns]
        if not missing:
            return
        program = Program(missing)
        program.define("values", (), lambda: [f"return ({', '.join(program.text(node) for node in missing)},)"])
        values = program.compiled()["values"]
        seen = np.array([values(features) for features in self._pass(program.kept)], np.float64)
        for place, node in enumerate(missing):
            self._columns[id(node)] = (node, np.ascontiguousarray(seen[:, place]))

    def _pass(self, kept: int) -> Iterator[TickFeatures]:
        lead = None if self._lead is None else TickFeatures()
        own = TickFeatures(lead)
        own.kept_answers = kept
        epoch = {id(own): -1, id(lead): -1}
        for _, features, tick in heapq.merge(
            _ordered(self._series, own), () if self._lead is None or lead is None else _ordered(self._lead, lead),
            key=lambda taken: taken[0],
        ):  # fmt: skip
            if tick.key.epoch != epoch[id(features)]:
                epoch[id(features)] = tick.key.epoch
                features.start_window()
            features.observe(tick)
            if features is own:
                yield own


def _ordered(series: SweptSeries, features: TickFeatures) -> Iterator[tuple[int, TickFeatures, Tick]]:
    return ((place, features, tick) for place, tick in zip(series.order.tolist(), series.ticks, strict=True))
