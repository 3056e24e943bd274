"""Gaps as rows of their own, and on the windows that they touch, in either database."""

import asyncio

import pytest

from polyterm.core.event import EventId, WindowClosed, WindowStarted, WindowStats
from polyterm.core.gap import Gap
from polyterm.core.market import FeeSchedule, MarketKey
from polyterm.store.location import locate
from polyterm.store.queries import Reader
from polyterm.store.store import Store
from tests.store.builders import KEY, SESSION, rows, taken, tick

NEXT = KEY.next()
FLAGS = "SELECT epoch, gap_count, gap_s FROM windows ORDER BY epoch"


def gap(feed: str, first: int, end: int, missing: int | None = None, reason: str = "why") -> Gap:
    """Seconds of the first window, the last excluded."""
    start = KEY.epoch
    return Gap("btc", "15m", feed, (start + first) * 1000, (start + end) * 1000, missing or end - first, reason)


def started(key: MarketKey) -> WindowStarted:
    return WindowStarted(EventId("s1", 1, 0), key.epoch * 1000, key, None, FeeSchedule(0.07, 1.0))


def closed(key: MarketKey) -> WindowClosed:
    stats = WindowStats(900, 3, 0.5, 0.6, 0.7, 0.4, 0.01, 0.001, 0.002)
    return WindowClosed(EventId("s1", 3, 0), key.end * 1000, key, None, None, stats, 0)


class Database:
    """``what`` is done to it by one session; ``rows`` is what another program sees afterwards."""

    def __init__(self, place, ask):
        self.place = place
        self.rows = ask

    async def after(self, what):
        store = await Store.open(self.place, session=SESSION, on_durable=lambda _: None)
        running = asyncio.create_task(store.run())
        try:
            what(store)
        finally:
            await store.close()
            await running
        return self


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, tmp_path):
    if request.param == "sqlite":
        path = tmp_path / "polyterm.db"
        return Database(path, lambda sql: rows(path, sql))
    url, cluster = request.getfixturevalue("postgres"), request.getfixturevalue("cluster")
    return Database(locate(url, tmp_path), lambda sql: cluster.rows(sql, url.rpartition("/")[2]))


async def test_a_gap_flags_every_window_that_it_touches(database):
    """Ticks lack from 890 s of one window to 20 s of the next, spot for 5 s of the next, another series not at all."""

    def happen(store):
        other = MarketKey("eth", "15m", KEY.epoch)
        store.submit(taken(), [started(KEY), started(NEXT), started(NEXT.next()), started(other)])
        store.note_gaps([gap("ticks", 890, 920, reason="the engine was late"), gap("spot", 900, 905, 4)])
        store.submit(taken(number=2), [closed(other)])

    await database.after(happen)
    assert database.rows("SELECT crypto, horizon, feed, missing, reason, session FROM gaps ORDER BY feed") == [
        {"crypto": "btc", "horizon": "15m", "feed": "spot", "missing": 4, "reason": "why", "session": "s1"},
        {"crypto": "btc", "horizon": "15m", "feed": "ticks", "missing": 30, "reason": "the engine was late",
         "session": "s1"},
    ]  # fmt: skip
    assert database.rows(FLAGS + ", crypto") == [
        {"epoch": KEY.epoch, "gap_count": 1, "gap_s": 10},
        {"epoch": KEY.epoch, "gap_count": 0, "gap_s": 0},
        {"epoch": NEXT.epoch, "gap_count": 2, "gap_s": 20},
        {"epoch": NEXT.next().epoch, "gap_count": None, "gap_s": None},
    ]


async def test_a_gap_that_was_told_before_its_window_is_counted_when_that_closes(database):
    await database.after(
        lambda store: (
            store.note_gaps([gap("ticks", 0, 60)]),
            store.submit(taken(), [started(KEY)]),
            store.submit(taken(number=2), [closed(KEY)]),
        )
    )
    assert database.rows(FLAGS) == [{"epoch": KEY.epoch, "gap_count": 1, "gap_s": 60}]


async def test_a_gap_said_twice_is_one(database):
    def happen(store):
        store.submit(taken(), [started(KEY)])
        store.note_gaps([gap("ticks", 10, 12)])
        store.note_gaps([gap("ticks", 10, 15)])

    await database.after(happen)
    assert database.rows("SELECT missing FROM gaps") == [{"missing": 5}]
    assert database.rows(FLAGS) == [{"epoch": KEY.epoch, "gap_count": 1, "gap_s": 5}]


async def test_the_newest_tick_of_each_series_is_found(database):
    await database.after(lambda store: [store.submit(taken(tick(second), number=second)) for second in (1, 2, 5)])
    reader = Reader.open(database.place)
    try:
        assert await reader.newest_slots([("btc", "15m"), ("eth", "15m")]) == {("btc", "15m"): KEY.epoch + 5}
    finally:
        await reader.close()
