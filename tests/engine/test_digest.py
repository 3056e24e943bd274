"""Digests: equal for equal runs, different for any difference, and by window."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from polyterm.core.command import Command
from polyterm.core.event import (
    CommandRefused,
    EventId,
    StrikeSet,
    WindowClosed,
    WindowSettled,
    WindowStarted,
    WindowStats,
)
from polyterm.core.input import Input, Outcome, WindowEnded, WindowOpened
from polyterm.core.market import FeeSchedule, MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.engine.digest import RunningDigests

EPOCH = 1_790_000_100
KEY = MarketKey("btc", "15m", EPOCH)
ETH = MarketKey("eth", "15m", EPOCH)
STRIKE = Reference(100.0, "binance", "spot", EPOCH * 1000)
STATS = WindowStats(0, 0, None, None, None, None, None, None, None)


class Session:
    """Inputs and made-up events, numbered as the engine would."""

    def __init__(self) -> None:
        self.digests = RunningDigests("s")
        self.number = 0

    def add(self, payload, *makers):
        self.number += 1
        at_ms = EPOCH * 1000 + self.number
        events = [maker(EventId("s", self.number, place), at_ms) for place, maker in enumerate(makers)]
        return self.digests.add(Input(self.number, at_ms, payload), events)


def started(key):
    return lambda id_, at_ms: WindowStarted(id_, at_ms, key, STRIKE, FeeSchedule(0.07, 1.0))


def closed(key):
    return lambda id_, at_ms: WindowClosed(id_, at_ms, key, STRIKE, None, STATS, 0)


def settled(key):
    return lambda id_, at_ms: WindowSettled(id_, at_ms, key, "up", "official", "gamma", None, corrects=False)


def tick(slot: int, key: MarketKey = KEY, **changes) -> Tick:
    return Tick(**{"key": key, "slot": slot, "made_ms": slot * 1000, **changes})


def run(*, up_bid: float = 0.5, other: float = 0.5):
    session = Session()
    session.add(WindowOpened(KEY), started(KEY))
    session.add(WindowOpened(ETH), started(ETH))
    session.add(tick(EPOCH + 1, up_bid=up_bid))
    session.add(tick(EPOCH + 1, ETH, up_bid=other))
    (first,) = session.add(WindowEnded(KEY), closed(KEY))
    (second,) = session.add(WindowEnded(ETH), closed(ETH))
    return first, second, session.digests.summary()


def test_a_closed_window_counts_its_own_inputs_and_events() -> None:
    first, second, whole = run()
    assert (first.key, first.first_input, first.last_input, first.inputs, first.events) == (KEY, 1, 5, 3, 2)
    assert (second.key, second.first_input, second.last_input, second.inputs, second.events) == (ETH, 2, 6, 3, 2)
    assert (first.session_events, second.session_events) == (3, 4)
    assert (whole.inputs, whole.events, whole.digest) == (6, 4, second.session_digest)
    assert len({first.events_digest, second.events_digest, first.session_digest, second.session_digest}) == 4


def test_the_same_run_gives_the_same_digests() -> None:
    assert run() == run()


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_changed_tick_changes_its_own_window_only(here: float, there: float) -> None:
    first, second, _ = run(up_bid=here, other=there)
    again, other, _ = run(up_bid=here)
    assert first == again
    assert (second.inputs_digest == other.inputs_digest) == (repr(there) == repr(0.5))
    assert second.events_digest == other.events_digest


def test_what_is_said_of_a_closed_window_counts_for_the_session_alone() -> None:
    session = Session()
    session.add(WindowOpened(KEY), started(KEY))
    session.add(WindowEnded(KEY), closed(KEY))
    before = session.digests.summary()
    assert session.add(Outcome(KEY, "up", "official", "gamma"), settled(KEY)) == ()
    assert session.add(tick(EPOCH + 5)) == ()
    after = session.digests.summary()
    assert (before.inputs, before.events, after.inputs, after.events) == (2, 2, 4, 3)
    assert before.digest != after.digest


def test_a_window_that_gives_way_to_the_next_is_closed_by_its_start() -> None:
    session = Session()
    session.add(WindowOpened(KEY), started(KEY))
    (digest,) = session.add(WindowOpened(KEY.next()), closed(KEY), started(KEY.next()))
    assert (digest.key, digest.last_input, digest.inputs, digest.events) == (KEY, 2, 1, 2)
    (following,) = session.add(WindowEnded(KEY.next()), closed(KEY.next()))
    assert (following.first_input, following.inputs, following.events) == (2, 2, 2)


def test_events_without_a_window_count_for_the_session() -> None:
    session = Session()
    session.add(WindowOpened(KEY), started(KEY))
    session.add(
        Command("c", "pause", "ann", "cli"),
        lambda id_, at_ms: CommandRefused(id_, at_ms, "c", "ann", "cli", "already paused"),
    )
    (digest,) = session.add(WindowEnded(KEY), closed(KEY))
    assert (digest.inputs, digest.events, digest.session_events) == (2, 2, 3)


def test_windows_that_never_open_are_not_remembered() -> None:
    session = Session()
    key = KEY
    for _ in range(50):
        session.add(tick(key.epoch + 1, key))
        session.add(Outcome(key, "up", "official", "gamma"))
        key = key.next()
    session.add(Outcome(ETH, "up", "official", "gamma"), settled(ETH))
    assert len(session.digests._windows) == 1


def test_every_field_of_an_event_counts() -> None:
    digests = set()
    for price in (100.0, 100.00000000000001, 100):
        session = Session()
        session.add(
            WindowOpened(KEY),
            started(KEY),
            lambda id_, at_ms, price=price: StrikeSet(id_, at_ms, KEY, msgspec.structs.replace(STRIKE, price=price)),
        )
        digests.add(session.digests.summary().digest)
    assert len(digests) == 3
