"""Only what changed travels; what arrives is the whole again."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyterm.core.snapshot import (
    ConflictPair,
    Conflicts,
    Feeds,
    Leaderboard,
    LeaderboardRow,
    Positions,
    Snapshot,
    SnapshotDelta,
    Ticks,
)
from polyterm.errors import LinkError
from polyterm.service.link.thin import Whole, thinned
from tests.console.scenes import STATUS


def row(strategy: str, trades: int) -> LeaderboardRow:
    return LeaderboardRow(
        strategy=strategy, family=strategy, trades=trades, wins=0, open=0, pnl_touch=0.0, pnl_costed=0.0,
        last_side=None, last_reason="", last_ms=None,
    )  # fmt: skip


def snapshot(version: int, trades: dict[str, int], pairs: dict[tuple[str, str], int]) -> Snapshot:
    return Snapshot(
        msgspec.structs.replace(STATUS, version=1),
        Ticks(1, ()),
        Leaderboard(version, tuple(row(*each) for each in trades.items())),
        Conflicts(version, ("A", "B"), tuple(ConflictPair(*names, 9, count) for names, count in pairs.items()), (), ()),
        Positions(1, ()),
        Feeds(1, ()),
    )


def over_the_wire(delta: SnapshotDelta) -> SnapshotDelta:
    return msgspec.json.decode(msgspec.json.encode(delta), type=SnapshotDelta)


def test_of_a_long_section_only_the_rows_that_changed_travel():
    before = snapshot(1, {"A": 1, "B": 1}, {("A", "B"): 3, ("A", "C"): 2})
    after = snapshot(2, {"A": 1, "B": 2}, {("A", "B"): 3, ("A", "C"): 3, ("B", "C"): 1})
    delta = thinned(before, after)
    assert delta is not None
    assert (delta.status, delta.ticks, delta.positions, delta.feeds) == (None, None, None, None)
    assert delta.leaderboard == Leaderboard(2, (row("B", 2),))
    assert delta.conflicts is not None
    assert delta.conflicts.pairs == (ConflictPair("A", "C", 9, 3), ConflictPair("B", "C", 9, 1))


def test_nothing_travels_when_nothing_changed():
    assert thinned(snapshot(1, {"A": 1}, {}), snapshot(1, {"A": 1}, {})) is None


def test_rows_that_have_gone_are_gone_for_the_client():
    before, after = snapshot(1, {"A": 1, "B": 1}, {("A", "B"): 3}), snapshot(2, {"A": 1}, {})
    whole = Whole()
    whole.of(over_the_wire(thinned(None, before)))
    found = whole.of(over_the_wire(thinned(before, after)))
    assert (found.leaderboard, found.conflicts) == (after.leaderboard, after.conflicts)


COUNTS = st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 3))
PAIRS = st.dictionaries(st.tuples(st.sampled_from("ABC"), st.sampled_from("DEF")), st.integers(0, 3))


@given(st.lists(st.tuples(COUNTS, PAIRS), min_size=1, max_size=6))
def test_a_client_holds_what_the_engine_has(said: list[tuple[dict[str, int], dict[tuple[str, str], int]]]):
    whole, sent = Whole(), None
    for version, (trades, pairs) in enumerate(said):
        newest = snapshot(version, trades, pairs)
        found = whole.of(over_the_wire(thinned(sent, newest)))
        assert set(found.leaderboard.rows) == set(newest.leaderboard.rows)
        assert set(found.conflicts.pairs) == set(newest.conflicts.pairs)
        assert (found.leaderboard_since, found.conflicts_since) == (None, None)
        sent = newest


def test_changes_to_what_never_came_are_an_error():
    delta = thinned(snapshot(1, {"A": 1}, {}), snapshot(2, {"A": 2}, {}))
    with pytest.raises(LinkError):
        Whole().of(delta)
