"""A replay needs as much memory as a piece of its inputs takes, however long it is."""

import gc
import sys
from collections.abc import Iterator

import msgspec

from polyterm.core.input import Outcome, Payload
from polyterm.engine.columnar import ColumnarReplay
from polyterm.engine.engine import Engine
from polyterm.quant.column_features import Evaluator
from tests.benchmarks.day import day

PIECE = 2_048  # inputs: eight minutes of four coins


def final_day(hours: float) -> Iterator[tuple[int, Payload]]:
    """Outcomes that nothing will correct any more, so that nobody has to remember trades for a correction."""
    for at_ms, payload in day(hours=hours):
        yield at_ms, msgspec.structs.replace(payload, grade="official") if isinstance(payload, Outcome) else payload


def most_blocks(hours: float) -> int:
    """The most blocks of memory that were in use at any event, above those in use before."""
    gc.collect()
    before = most = sys.getallocatedblocks()
    for _ in ColumnarReplay(Engine("m"), PIECE).run(final_day(hours)):
        most = max(most, sys.getallocatedblocks())
    return most - before


def test_a_longer_replay_needs_no_more_memory() -> None:
    most_blocks(0.75)  # rules are compiled and legs are worked out once in a process
    assert most_blocks(2.5) < 1.25 * most_blocks(1.25)


def test_what_a_piece_needed_is_gone_with_it() -> None:
    gc.disable()
    try:
        events = ColumnarReplay(Engine("m"), PIECE).run(final_day(0.75))
        for _ in events:
            pass
        kept = [thing for thing in gc.get_objects() if isinstance(thing, Evaluator)]
    finally:
        gc.enable()
    assert not kept
