"""A recording as columns: the ticks that an engine would take, and what comes between them."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from polyterm.core.command import Command
from polyterm.core.input import Input, Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.tick import Tick
from polyterm.engine.books import Series, series_of
from polyterm.quant.regime import KEPT_ACROSS_WINDOWS
from polyterm.quant.tick_columns import TickColumns, Whole

PIECE_INPUTS: Final = 393_216
"""So many inputs are looked at together, more than a day of four coins: some fifteen megabytes of columns for each."""

_WARM_ROWS: Final = KEPT_ACROSS_WINDOWS + 2
"""Rows before a window that its look-backs may still see, and one more that those were made of."""


class Rows:
    """Ticks of one series. ``number`` and ``at_ms`` are those of their inputs.

    Those before ``fresh`` were dealt with earlier: later ones look back on them.
    """

    __slots__ = ("at_ms", "fresh", "number", "ticks")

    def __init__(self, number: Whole, at_ms: Whole, ticks: TickColumns, fresh: int = 0) -> None:
        self.number = number
        self.at_ms = at_ms
        self.ticks = ticks
        self.fresh = fresh

    def between(self, first: int, last: int) -> "Rows":
        """The rows of inputs from ``first`` to before ``last``, with what their look-backs may see."""
        fresh, end = np.searchsorted(self.number, (first, last)).tolist()
        warm = _warm_from(self.ticks.epoch, fresh)
        return Rows(self.number[warm:end], self.at_ms[warm:end], self.ticks.part(warm, end), fresh - warm)


def _warm_from(epoch: Whole, fresh: int) -> int:
    """The first row that those from ``fresh`` on may look back on."""
    if fresh == 0:
        return 0
    begun = int(np.searchsorted(epoch[:fresh], epoch[fresh - 1]))
    return max(0, begun - _WARM_ROWS)


class Recording:
    """Inputs from ``first`` to before ``last``. ``others`` are those that are no ticks, in their order.

    ``starts`` are the numbers of the inputs that began a window, by series.
    """

    def __init__(
        self, first: int, last: int, rows: dict[Series, Rows], others: list[Input], starts: dict[Series, list[int]]
    ) -> None:
        self.first = first
        self.last = last
        self.rows = rows
        self.others = others
        self.starts = starts

    @classmethod
    def of(cls, payloads: Iterable[tuple[int, Payload]]) -> "Recording":
        """The whole of it at once; ``(at_ms, payload)`` pairs are numbered from 1."""
        reader = Reader()
        reader.read(payloads)
        return reader.recording()

    def pieces(self, inputs: int = PIECE_INPUTS) -> Iterator["Recording"]:
        """Parts of at most so many inputs, in order. A command ends its piece: what follows obeys it."""
        numbers = [other.number for other in self.others]
        commands = [other.number + 1 for other in self.others if isinstance(other.payload, Command)]
        cuts = sorted({*range(self.first + inputs, self.last, inputs), *commands, self.last})
        first = self.first
        for last in cuts:
            others = self.others[bisect_left(numbers, first) : bisect_left(numbers, last)]
            rows = {series: rows.between(first, last) for series, rows in self.rows.items()}
            yield Recording(first, last, rows, others, self.starts)
            first = last


class _SeriesReader:
    """Takes the ticks that an engine takes: of the running window, and newer than all before."""

    def __init__(self) -> None:
        self.running: int | None = None
        self.newest = -1
        self.last_slot = -1
        self.numbers: list[int] = []
        self.at_ms: list[int] = []
        self.ticks: list[Tick] = []
        self.starts: list[int] = []
        self.fresh = 0

    def follow(self, number: int, payload: WindowOpened | WindowEnded | Outcome) -> None:
        epoch = payload.key.epoch
        if not isinstance(payload, WindowOpened):
            self.running = None if epoch == self.running else self.running
        elif epoch != self.running and epoch > self.newest:
            self.running = self.newest = epoch
            self.starts.append(number)

    def rows(self, series: Series) -> Rows:
        ticks = TickColumns.of(series[1], tuple(self.ticks))
        return Rows(np.array(self.numbers, np.int64), np.array(self.at_ms, np.int64), ticks, self.fresh)

    def forget(self, epoch: Whole) -> None:
        """Keep what later ticks may look back on; ``epoch`` are those of the ticks."""
        warm = _warm_from(epoch, len(epoch))
        del self.numbers[:warm], self.at_ms[:warm], self.ticks[:warm], self.starts[:-1]
        self.fresh = len(self.ticks)


class Reader:
    """Turns a stream of inputs into recordings, one after the other, with bounded memory."""

    def __init__(self) -> None:
        self._series: dict[Series, _SeriesReader] = {}
        self._others: list[Input] = []
        self._first = self._next = 1

    def read(self, payloads: Iterable[tuple[int, Payload]]) -> int:
        """Take these; how many there were."""
        number = self._next
        for at_ms, payload in payloads:
            if isinstance(payload, Tick):
                reader = self._series.get((payload.key.coin, payload.key.horizon))
                if reader is not None and payload.key.epoch == reader.running and payload.slot > reader.last_slot:
                    reader.last_slot = payload.slot
                    reader.numbers.append(number)
                    reader.at_ms.append(at_ms)
                    reader.ticks.append(payload)
            else:
                self._others.append(Input(number, at_ms, payload))
                if isinstance(payload, WindowOpened | WindowEnded | Outcome):
                    self._series.setdefault(series_of(payload.key), _SeriesReader()).follow(number, payload)
            number += 1
        taken, self._next = number - self._next, number
        return taken

    def recording(self) -> Recording:
        """What was read since the last one."""
        rows = {series: reader.rows(series) for series, reader in self._series.items()}
        starts = {series: list(reader.starts) for series, reader in self._series.items()}
        recording = Recording(self._first, self._next, rows, self._others, starts)
        for series, reader in self._series.items():
            reader.forget(rows[series].ticks.epoch)
        self._first, self._others = self._next, []
        return recording
