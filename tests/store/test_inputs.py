"""Everything that entered the engine is stored as it was, once, and comes back in its order."""

import math

import pytest

from polyterm.core.command import Command
from polyterm.core.digest import SessionDigest, WindowDigest
from polyterm.core.input import Fill, Input, OrderUpdate, Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import FeeSchedule, MarketKey, Reference
from polyterm.store.rows import SessionInfo
from polyterm.store.sessions import open_archive
from polyterm.store.store import Limits
from tests.store.builders import EPOCH, KEY, SESSION, closed, early_exit, rows, settled, taken, tick
from tests.store.test_store import locked
from tests.waiting import eventually

STRIKE = Reference(100.1, "twap60", "stream", EPOCH * 1000)
ETH = MarketKey("eth", "15m", EPOCH)
PAYLOADS: tuple[Payload, ...] = (
    Command("c1", "kill", "ann", "console", 'she said "now"'),
    WindowOpened(KEY, STRIKE, FeeSchedule(0.07, 1.0)),
    tick(1),
    tick(1, ETH, up_bid=None, up_bid_size=None, up_bids=(), spot=0.1 + 0.2, invalid="book_one_sided"),
    tick(2),
    WindowOpened(ETH),
    tick(2, ETH, up_bids=(), up_asks=(), down_bids=(), down_asks=(), strike=None),
    OrderUpdate("o1", "matched"),
    Fill("o1", "t1", KEY, "up", 12.5, 0.43, 0.01),
    WindowEnded(KEY, STRIKE),
    Outcome(KEY, "up", "official", "gamma", 100.3, STRIKE),
)
ITEMS = [Input(number, (EPOCH + 3) * 1000 + number, payload) for number, payload in enumerate(PAYLOADS, start=1)]


def digest(key: MarketKey = KEY, events: int = 5) -> WindowDigest:
    return WindowDigest(
        session="s1", key=key, first_input=1, last_input=10, closed_ms=key.end * 1000, inputs=4, events=events,
        inputs_digest="aa", events_digest="bb", session_events=events, session_digest="cc",
    )  # fmt: skip


async def test_a_session_comes_back_input_by_input(open_store, place):
    store = await open_store(place=place)
    for item in ITEMS:
        store.submit(item)
    await store.close(SessionDigest(len(ITEMS), 7, "dd"))
    async with open_archive(place) as archive:
        session = await archive.session(None)
        assert session.digest == SessionDigest(len(ITEMS), 7, "dd")
        assert [item async for item in archive.inputs(session)] == ITEMS


async def test_a_longer_session_is_read_in_pages(open_store, place, monkeypatch):
    monkeypatch.setattr("polyterm.store.sessions.PAGE", 3)
    store = await open_store(place=place)
    items = [Input(n, EPOCH * 1000 + n, tick(n, KEY if n % 3 else ETH)) for n in range(1, 40)]
    items += [Input(n, (EPOCH + n) * 1000, Command(f"c{n}", "pause", "ann", "cli")) for n in range(40, 50)]
    for item in items:
        store.submit(item)
    await store.close()
    async with open_archive(place) as archive:
        assert [item async for item in archive.inputs(await archive.session(None))] == items


async def test_sessions_are_kept_apart(open_store, place):
    first = await open_store(place=place)
    first.submit(ITEMS[0])
    first.submit(Input(2, (EPOCH + 1) * 1000, tick(1)))
    await first.close()
    second = await open_store(
        place=place, session=SessionInfo(id="s2", started_ms=(EPOCH + 60) * 1000, strategies=("A", "B"))
    )
    second.submit(Input(1, (EPOCH + 61) * 1000, tick(61)))
    await second.close()
    async with open_archive(place) as archive:
        old, new = await archive.session("s1"), await archive.session(None)
        assert (new.id, new.strategies, new.next_ms) == ("s2", ("A", "B"), None)
        assert (old.id, old.started_ms, old.next_ms) == ("s1", SESSION.started_ms, (EPOCH + 60) * 1000)
        assert [item.number async for item in archive.inputs(old)] == [1, 2]
        assert [item.payload async for item in archive.inputs(new)] == [tick(61)]


async def test_inputs_and_digests_are_stored_once(open_store, path):
    store = await open_store()
    for _ in range(2):
        store.submit(ITEMS[1], (), (digest(),))
    store.submit(ITEMS[1], (), (digest(events=99), digest(ETH, 6)))
    await store.close()
    assert len(rows(path, "SELECT * FROM inputs")) == 1
    async with open_archive(path) as archive:
        assert await archive.digests("s1") == {KEY: digest(), ETH: digest(ETH, 6)}


async def test_an_input_is_on_the_disk_with_what_came_of_it(open_store, path, announced):
    seen = []
    announced.hook = lambda _: seen.append(len(rows(path, "SELECT * FROM inputs")))
    store = await open_store(Limits(batch_s=30))
    store.submit(ITEMS[10], [closed(11, settled())])
    await eventually(lambda: seen == [1])


async def test_inputs_beyond_the_bound_are_refused_and_counted(open_store, path):
    store = await open_store(Limits(inputs=2, batch_s=0.01, busy_ms=10, retry_s=0.01, retry_max_s=0.01))
    with locked(path):
        for number in range(1, 5):
            store.submit(taken(number=number), [closed(number, early_exit(second=number))])
        assert store.intake.lost_inputs == 2
        assert store.status.state == "failed"
        assert store.pending == 2 + 4
    await eventually(lambda: store.pending == 0)
    assert [row["number"] for row in rows(path, "SELECT number FROM inputs")] == [1, 2]
    assert store.status.reason == "0 ticks, 2 other inputs and 0 events of this session were not stored."


@pytest.mark.parametrize("price", [math.nan, math.inf])
async def test_an_input_that_would_not_come_back_is_refused(open_store, path, price):
    store = await open_store()
    store.submit(Input(1, EPOCH * 1000, WindowEnded(KEY, Reference(price, "x", "spot", 0))))
    assert (store.status.state, store.intake.lost_inputs) == ("failed", 1)
    assert store.status.reason == "The input 1 was not stored: a number in it is not finite."
