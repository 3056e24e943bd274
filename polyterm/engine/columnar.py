"""Replay of rules on columns: the events of the tick-by-tick engine, found by looking at whole columns at once.

Each rule's ways in and out are worked out for all ticks of a piece, and a walk from candidate to candidate gives its
moves; the engine then makes them in their order, so that every event comes from the code that makes it live.
Strategies that are no rules are asked tick by tick in between.
"""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from itertools import chain, islice
from typing import Final

import numpy as np

from polyterm.core.event import Event
from polyterm.core.input import Input, Outcome, Payload, WindowEnded, WindowOpened
from polyterm.engine.books import Limiter, Series, series_of
from polyterm.engine.desk import STATISTICS, Desk, Moment
from polyterm.engine.engine import LEADER, Engine
from polyterm.engine.execution import INPUT, Execution
from polyterm.engine.ground import Ground
from polyterm.engine.moves import Move
from polyterm.engine.outbox import Outbox
from polyterm.engine.recording import PIECE_INPUTS, Reader, Recording, Rows
from polyterm.engine.walk import Findings, Walk
from polyterm.quant.column_features import NO_PAST, ColumnFeatures, LongColumn
from polyterm.quant.columns import Column
from polyterm.quant.definitions import LEAD_MOVE
from polyterm.quant.expression import Node, looks_back, reach
from polyterm.quant.tick_columns import Whole
from polyterm.strategies.traced import TracedRule


class ColumnarReplay:
    """Drives a fresh ``engine``; afterwards its open positions are marked as of the newest tick.

    ``inputs`` is how many of them are looked at together.
    """

    def __init__(self, engine: Engine, inputs: int = PIECE_INPUTS) -> None:
        self._engine = engine
        self._inputs = inputs
        self._past: dict[Series, LongColumn] = {}

    def run(self, payloads: Iterable[tuple[int, Payload]]) -> Iterator[Event]:
        """As ``replay.replay``, with bounded memory."""
        reader, stream = Reader(), iter(payloads)
        while reader.read(islice(stream, self._inputs)):
            yield from self.replay(reader.recording())

    def replay(self, recording: Recording) -> Iterator[Event]:
        """The events of a recording, which begins where the one before it ended."""
        for piece in recording.pieces(self._inputs):
            yield from self._events(piece)

    def _events(self, piece: Recording) -> list[Event]:
        with np.errstate(all="ignore"):
            with _no_collecting():
                lanes = self._lanes(piece)
            asked = any(lane.desk.asks_strategies for lane in lanes.values())
            if asked or any(lane.is_doubtful for lane in lanes.values()):
                events = list(self._one_by_one(piece, lanes, asked=asked))
            else:
                with _no_collecting():
                    events = self._together(piece, lanes)
        for series, lane in lanes.items():
            lane.finish(observed=asked)
            lane.hand_on()
            fresh = lane.rows.ticks.part(lane.rows.fresh, len(lane.rows.ticks))
            self._past[series] = self._past.get(series, NO_PAST).then(fresh.slot, fresh.source("spot"))
        return events

    def _together(self, piece: Recording, lanes: dict[Series, "_Lane"]) -> list[Event]:
        """Where nobody is asked, all moves between two inputs that are no ticks are made at once."""
        events: list[Event] = []
        makers = [lane.execution() for lane in lanes.values()]
        for item in piece.others:
            events += self._made(makers, item.number)
            events += self._other(item, lanes)
        events += self._made(makers, piece.last)
        for maker in makers:
            maker.finish()
        return events

    def _made(self, makers: Sequence[Execution], number: int) -> list[Event]:
        engine = self._engine
        made = [maker.until(number, engine.session, engine.raise_strike) for maker in makers]
        events = sorted(chain.from_iterable(made), key=INPUT)
        engine.accounts.hear(events)
        return events

    def _one_by_one(self, piece: Recording, lanes: dict[Series, "_Lane"], *, asked: bool) -> Iterator[Event]:
        agenda: list[tuple[int, _Lane | None, int]] = [
            (number, lane, row) for lane in lanes.values() for number, row in lane.agenda(everything=asked)
        ]
        agenda += [(other.number, None, place) for place, other in enumerate(piece.others)]
        agenda.sort(key=lambda stop: stop[0])
        for _, lane, place in agenda:
            if lane is None:
                yield from self._other(piece.others[place], lanes)
            else:
                yield from self._row(lane, place, observed=asked)

    def _lanes(self, piece: Recording) -> dict[Series, "_Lane"]:
        lanes: dict[Series, _Lane] = {}
        switch = self._engine.accounts.switch
        for series in sorted(piece.rows, key=lambda series: series[0] != LEADER):
            rows = piece.rows[series]
            if not len(rows.ticks):
                continue
            desk = self._engine.desk(series)
            needs = _needs_of(tuple(seat.rule for seat in desk.seats))
            lead = lanes.get((LEADER, series[1]))
            features = ColumnFeatures(
                rows.ticks,
                rows.number,
                past=self._past.get(series, NO_PAST).before(int(rows.ticks.slot[0])),
                leads=series[0] == LEADER,
                lead=None if lead is None else lead.features,
                lead_starts=np.array(piece.starts.get((LEADER, series[1]), ()), np.int64),
                shared=needs.shared,
                margin=needs.margin,
            )
            ground = Ground(rows, features, entries=switch.entries_allowed, exits=switch.exits_allowed)
            lanes[series] = _Lane(desk, rows, ground, needs)
        return lanes

    def _other(self, item: Input, lanes: dict[Series, "_Lane"]) -> list[Event]:
        if isinstance(item.payload, WindowOpened | WindowEnded | Outcome):
            lane = lanes.get(series_of(item.payload.key))
            if lane is not None:
                lane.advance(item.number)
        return self._engine.apply(item)

    def _row(self, lane: "_Lane", row: int, *, observed: bool) -> list[Event]:
        desk, rows = lane.desk, lane.rows
        window = desk.windows.running
        if window is None:
            raise RuntimeError("a tick was taken without a window")
        out = Outbox(self._engine.session, rows.number.item(row), rows.at_ms.item(row))
        tick = rows.ticks.tick(row)
        if row in lane.strikes:
            self._engine.raise_strike(window, tick.strike, out)
        if observed:
            desk.features.observe(tick)
        desk.follow(lane.moves.get(row, NO_MOVES), Moment(tick, window, out))
        return out.events


@contextmanager
def _no_collecting() -> Iterator[None]:
    """What a piece is made of refers to nothing that refers back: looking for such garbage would be in vain."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Needs:
    """What the rules of a desk ask for: ``shared`` what is asked for twice, ``last`` what each seat is the last to ask.

    Nodes are named by their ids: the rules keep them alive. ``margin`` is the longest look-back in seconds.
    """

    def __init__(self, rules: tuple[TracedRule | None, ...]) -> None:
        uses: Counter[int] = Counter()
        last: dict[int, int] = {}
        furthest = reach(LEAD_MOVE)
        for place, rule in enumerate(rules):
            waiting = [] if rule is None else [*rule.entry_nodes(), *(leave for leave, _ in rule.exits)]
            seen: set[int] = set()
            while waiting:
                node = waiting.pop()
                uses[id(node)] += 1
                if node.kind == "fold":
                    furthest = max(furthest, looks_back(node))
                if id(node) not in seen:
                    seen.add(id(node))
                    waiting += node.children
                    if node.kind not in {"record", "lead"}:
                        last[id(node)] = place
        self.margin = furthest
        self.shared = {node for node, number in uses.items() if number > 1}
        self.last: dict[int, list[int]] = {}
        for node_id, place in last.items():
            self.last.setdefault(place, []).append(node_id)


NO_MOVES: Final[dict[int, Move]] = {}

_needs_of: Final = lru_cache(maxsize=64)(_Needs)


class _Lane:
    """One series of a piece: its columns, the moves that were found on them, and how far its desk has come.

    ``moves`` are by row, and then by seat in the order of the seats. ``strikes`` are rows that may raise the strike.
    """

    def __init__(self, desk: Desk, rows: Rows, ground: Ground, needs: _Needs) -> None:
        self.desk = desk
        self.rows = rows
        self.features = ground.features
        self._ground = ground
        found = Findings(ground)
        self._done = rows.fresh
        desk.recorded = self._recorded
        self.strikes = frozenset(self._strikes().tolist())
        self._moves: list[Move] = []
        self._limiters: list[Limiter | None] = [None] * len(desk.seats)
        for seat in desk.seats:
            if seat.rule is not None and seat.book.disabled is None and rows.fresh < len(rows.ticks):
                walk = Walk(ground, seat, seat.rule, found)
                self._moves += walk.moves()
                self._limiters[seat.place] = walk.limiter
                self.features.forget(needs.last.get(seat.place, ()))

    @property
    def is_doubtful(self) -> bool:
        """Whether some size cannot be bought, so that a strategy will be disabled."""
        signals = (move.signal for move in self._moves if move.signal is not None)
        return any(signal.size is not None and not signal.size > 0 for signal in signals)

    def execution(self) -> Execution:
        return Execution(self.desk, self.rows, self._moves, self.strikes, self._limiters)

    @cached_property
    def moves(self) -> dict[int, dict[int, Move]]:
        together: dict[int, dict[int, Move]] = {}
        for move in self._moves:
            together.setdefault(move.row, {})[move.seat.place] = move
        return together

    def agenda(self, *, everything: bool) -> Iterator[tuple[int, int]]:
        """(number, row) of the ticks on which something is done or asked."""
        fresh = self.rows.fresh
        rows = list(range(fresh, len(self.rows.ticks)) if everything else {*self.moves, *self.strikes})
        return zip(self.rows.number[rows].tolist(), rows, strict=True)

    def _strikes(self) -> Whole:
        ticks, fresh = self.rows.ticks, self.rows.fresh
        changed = np.diff(ticks.epoch, prepend=-1) != 0
        changed |= np.diff(ticks.grade, prepend=-1) != 0
        changed[:fresh] = False
        changed[fresh : fresh + 1] = True
        return np.flatnonzero(changed & ~np.isnan(ticks.grade))

    def advance(self, number: int) -> None:
        """Let the desk know what it has not seen of the ticks before ``number``."""
        end = int(np.searchsorted(self.rows.number, number))
        window = self.desk.windows.running
        if window is None or end <= self._done:
            return
        spots = self.rows.ticks.values["spot"][self._done : end]
        known = np.flatnonzero((spots > 0) & (spots < np.inf))
        if len(known):
            window.last_spot = spots[known[-1]].item()
        window.ticks += end - self._done
        self.desk.last_slot = int(self.rows.ticks.slot[end - 1])
        self._done = end

    def _recorded(self, series: Node) -> Column:
        """``series`` in the window of the newest tick, as far as the desk has come."""
        last = int(self.features.grid.cell[self._done - 1])
        first = self._ground.starts[self._ground.window(last)]
        column: Column = self.features.value(series)[first : last + 1]
        return column

    def hand_on(self) -> None:
        """Leave with the desk what is recorded of its window, and nothing else of this piece."""
        kept = {id(series): self._recorded(series).copy() for series in STATISTICS}
        self.desk.recorded = lambda series: kept[id(series)]

    def finish(self, *, observed: bool) -> None:
        """The piece is over: mark what is held, for the next one to go on."""
        if len(self.rows.ticks) == self.rows.fresh:
            return
        self.advance(int(self.rows.number[-1]) + 1)
        if not observed:
            self.desk.features.observe(self.rows.ticks.tick(len(self.rows.ticks) - 1))
        last = int(self.features.grid.cell[-1])
        window = self._ground.window(last)
        for seat in self.desk.seats:
            holding = seat.holding
            if holding is not None:
                entered = holding.entry_ms // 1000 - self._ground.slot_less_cell[window]
                first = max(entered + 1, self._ground.fresh_cell, self._ground.starts[window])
                mark = self._ground.mark["up" if holding.up else "down"][first : last + 1]
                r = (mark - holding.entry_price) / holding.entry_price
                holding.peak_r = float(np.fmax.reduce(r, initial=holding.peak_r))
