"""A sweep gives every variant exactly what a replay of that variant alone gives it."""

import itertools
import pickle
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyterm.core.event import StrategyDisabled, TradeClosed, TradeCorrected
from polyterm.core.input import Payload
from polyterm.core.position import Trade
from polyterm.core.signal import HOLD, Signal
from polyterm.core.tick import Tick
from polyterm.engine.books import Book
from polyterm.engine.engine import Engine
from polyterm.engine.parameter_space import Space, draw, grid, read_axis
from polyterm.engine.replay import replay
from polyterm.engine.sweep import Assembly, divide, prepare
from polyterm.engine.sweep_results import Fold, VariantResult, joined
from polyterm.strategies.base import Context, Held, Strategy
from polyterm.strategies.entry import Entry
from polyterm.strategies.parameters import Fraction, Parameters
from polyterm.strategies.registry import REGISTRY
from tests.engine.sweep_market import EPOCH, market

Row = tuple[int, int, float, float]
KNOWN = {entry.name: entry for entry in REGISTRY}


def alone(*entries: Entry, payloads: Iterable[tuple[int, Payload]]) -> list[list[Row]]:
    """(epoch, exit ms, touch, costed) of every trade of each, by the engine that runs live, with a book for each."""
    books = [Book(msgspec.structs.replace(entry, name=str(place))) for place, entry in enumerate(entries)]
    trades: dict[tuple[str, object, int], Trade] = {}
    for event in replay(Engine("alone", books), payloads):
        match event:
            case TradeClosed(trade=trade) | TradeCorrected(after=trade):
                trades[trade.strategy, trade.key, trade.entry_ms] = trade
            case StrategyDisabled():
                raise AssertionError(event)
    rows: list[list[tuple[str, Row]]] = [[] for _ in entries]
    for trade in trades.values():
        row = (trade.key.epoch, trade.exit_ms, trade.pnl, trade.costed_pnl)
        rows[int(trade.strategy)].append((trade.key.coin, row))
    return [[row for _, row in sorted(some, key=lambda traded: (traded[1][1], traded[0]))] for some in rows]


def swept(space: Space, payloads: Sequence[tuple[int, Payload]], size: int) -> Iterator[tuple[Entry, list[Row]]]:
    """The same of a sweep, in pieces of so many variants."""
    recordings = prepare(payloads, space.variants[0].entry)
    for first in range(0, len(space.variants), size):
        entries = [variant.entry for variant in space.variants[first : first + size]]
        parts = [recording.run(entries) for recording in recordings]
        for place, entry in enumerate(entries):
            whole = joined([part[place] for part in parts])
            columns = (whole.epoch, whole.exit_ms, whole.touch, whole.costed)
            yield entry, list(zip(*(column.tolist() for column in columns), strict=True))


def varied(entry: Entry, axes: int = 2) -> Space:
    """Once and half of some of the strategy's own numbers."""
    names = entry.parameters.__struct_fields__[:axes]
    texts = []
    for name in names:
        value = getattr(entry.parameters, name)
        values = (max(2, value // 2), value) if isinstance(value, int) else (value * 0.5, value)
        texts.append(f"{name}={','.join(map(repr, values))}")
    try:
        return grid(entry, [read_axis(text, entry) for text in texts])
    except ValueError:  # such a number may be out of the parameter's range
        return grid(entry, [])


@pytest.fixture(scope="module")
def recorded() -> list[tuple[int, Payload]]:
    return market(11, windows=2)


@pytest.mark.parametrize("name", KNOWN)
def test_every_strategy_in_a_sweep_trades_as_it_does_alone(name: str, recorded: list[tuple[int, Payload]]) -> None:
    entries, rows = zip(*swept(varied(KNOWN[name]), recorded, size=4), strict=True)
    assert list(rows) == alone(*entries, payloads=recorded)


SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=6, deadline=None)
@given(SEEDS, st.sampled_from(["SpotLagSimple", "SpotLag_Confirmed", "Endgame", "Endgame_Momentum"]), st.integers(1, 7))
def test_any_draw_on_any_market_equals_single_replays(seed: int, name: str, size: int) -> None:
    entry = KNOWN[name]
    payloads = market(seed, windows=2, coins=("btc",), flaws=0.1)
    first, *_, last = entry.parameters.__struct_fields__
    axes = [f"{first}=5,20"] if name.startswith("Spot") else [f"{first}=0.6:0.95"]
    chances = itertools.cycle([0.07, 0.31, 0.77, 0.52, 0.93])
    space = draw(
        entry, [read_axis(t, entry, drawn=True) for t in (*axes, f"{last}=0.05:0.5")], 6, lambda: next(chances)
    )
    for variant, rows in swept(space, payloads, size):
        assert [rows] == alone(variant, payloads=payloads), variant.parameters


class PatienceParameters(Parameters, frozen=True):
    patience: Fraction = 0.5


class Patient(Strategy):
    """No rule: it remembers. Buys on the n-th tick it is asked about without a position, n by its patience."""

    def __init__(self, parameters: PatienceParameters) -> None:
        self.limit = int(100 * parameters.patience)
        self.asked = 0

    def on_tick(self, tick: Tick, position: Held | None, context: Context) -> Signal:
        if position is not None:
            return Signal("sell", reason="enough") if position.held_s > 60 else HOLD
        self.asked += 1
        if self.limit == 1:
            raise RuntimeError("cannot wait")
        return Signal("buy", "up", "waited") if self.asked > self.limit else HOLD

    def accepted(self, signal: Signal, key: object) -> None:
        self.asked = 0


PATIENT = Entry("Patient", "Test", Patient, PatienceParameters())


def results(space: Space, payloads: Sequence[tuple[int, Payload]], *, processes: int) -> list[VariantResult]:
    recordings = prepare(payloads, space.variants[0].entry)
    assembly = Assembly(len(recordings), "costed", (Fold(EPOCH, EPOCH + 900, 1), Fold(EPOCH + 900, EPOCH + 1800, 1)))
    pieces = divide(space.variants, len(recordings), processes)
    for piece in reversed(pieces):
        assembly.take(piece, recordings[piece.place].run(piece.entries))
    return assembly.results


def test_a_strategy_that_is_no_rule_is_swept_tick_by_tick(recorded: list[tuple[int, Payload]]) -> None:
    space = grid(PATIENT, [read_axis("patience=0.1,0.5,2", PATIENT)])
    for entry, rows in swept(space, recorded, size=2):
        assert [rows] == alone(entry, payloads=recorded)
        assert len(rows) > 3


def test_a_variant_that_raises_is_taken_out_alone(recorded: list[tuple[int, Payload]]) -> None:
    space = grid(PATIENT, [read_axis("patience=0.1,0.01", PATIENT)])
    good, bad = results(space, recorded, processes=1)
    assert (good.fault, good.score.trades > 0) == (None, True)
    assert bad.score.trades == 0
    assert bad.fault is not None
    assert bad.fault.startswith("RuntimeError: cannot wait")


@pytest.mark.parametrize("name", ["SpotLagSimple", "Endgame"])
def test_division_and_order_change_nothing(name: str, recorded: list[tuple[int, Payload]]) -> None:
    space = varied(KNOWN[name])
    assert results(space, recorded, processes=1) == results(space, recorded, processes=5)


def test_recordings_can_be_sent_elsewhere(recorded: list[tuple[int, Payload]]) -> None:
    entry = KNOWN["SpotLagSimple"]
    recordings = prepare(recorded, entry)
    sent = pickle.loads(pickle.dumps(recordings))
    here, there = ([part.touch.tolist() for r in both for part in r.run([entry])] for both in (recordings, sent))
    assert here == there
    assert any(here)


def test_pieces_cover_every_variant_on_every_recording_once() -> None:
    entry = KNOWN["SpotLagSimple"]
    space = grid(entry, [read_axis("min_move=0.0001:0.01:103", entry)])
    pieces = divide(space.variants, 2, 3)
    covered = [(piece.place, piece.first + offset) for piece in pieces for offset in range(len(piece.entries))]
    assert sorted(covered) == [(place, number) for place in range(2) for number in range(103)]
    assert [piece.place for piece in pieces[:4]] == [0, 1, 0, 1]
    assert {len(piece.entries) for piece in pieces} == {9, 4}
