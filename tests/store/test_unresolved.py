"""Windows that still owe their official result, as a new session finds them."""

import pytest

from polyterm.core.event import EventId, StrikeSet, WindowClosed, WindowSettled, WindowStarted, WindowStats
from polyterm.core.market import FeeSchedule, Grade, MarketKey, Reference
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.service.unresolved import owed
from polyterm.store.queries import Reader
from tests.store.builders import KEY, rows, taken

STRIKE = Reference(100.0, "twap60", "stream", KEY.epoch * 1000)
FINAL = Reference(101.0, "chainlink-polygon", "oracle", KEY.end * 1000)
STATS = WindowStats(900, 3, 0.5, 0.6, 0.7, 0.4, 0.01, 0.001, 0.002)


def id_(number: int) -> EventId:
    return EventId("s1", number, 0)


def started(key: MarketKey) -> WindowStarted:
    return WindowStarted(id_(1), key.epoch * 1000, key, None, FeeSchedule(0.07, 1.0))


def closed(key: MarketKey) -> WindowClosed:
    return WindowClosed(id_(3), key.end * 1000, key, STRIKE, FINAL, STATS, 0)


def settled(key: MarketKey, grade: Grade, after_s: int = 20, final: float | None = 101.0) -> WindowSettled:
    at_ms = (key.end + after_s) * 1000
    return WindowSettled(id_(4), at_ms, key, "up", grade, "chainlink-polygon against twap60", final, corrects=False)


@pytest.fixture
async def ask(open_store, path):
    """What a reader finds after the events of one session."""

    async def ask(*events, since_ms=0):
        store = await open_store()
        store.submit(taken(), events)
        await store.close()
        reader = Reader.open(path)
        try:
            return await reader.unresolved(since_ms)
        finally:
            await reader.close()

    return ask


async def test_a_window_owes_its_result_until_it_is_official(ask):
    running, provisional, official = KEY.next().next(), KEY.next(), KEY
    found = await ask(
        *(started(key) for key in (official, provisional, running)),
        StrikeSet(id_(2), running.epoch * 1000, running, STRIKE),
        *(closed(key) for key in (official, provisional)),
        settled(official, "official"),
        settled(provisional, "oracle"),
    )
    final = Reference(101.0, "chainlink-polygon", "oracle", provisional.end * 1000)
    assert found == (
        UnresolvedWindow(running, STRIKE, None, None, closed=False),
        UnresolvedWindow(provisional, STRIKE, final, "oracle", closed=True),
    )


async def test_only_windows_of_the_wanted_time_are_looked_at(ask):
    later = KEY.next()
    found = await ask(started(KEY), started(later), since_ms=later.epoch * 1000 - 1)
    assert [window.key for window in found] == [later]


def test_what_only_the_engine_knows_is_asked_for_as_well():
    stored = [UnresolvedWindow(KEY), UnresolvedWindow(KEY.next(), STRIKE, grade="spot")]
    better = UnresolvedWindow(KEY, STRIKE, FINAL, "stream")
    assert owed(stored, [better]) == (better, stored[1])


async def test_the_delay_of_the_official_result_is_stored_once(ask, path):
    """42 s after the end, and not the minutes after which it is said again; an earlier judgement has none."""
    await ask(started(KEY), closed(KEY), settled(KEY, "stream", 3))
    (row,) = rows(path, "SELECT official_delay_ms, outcome_grade FROM windows")
    assert row == {"official_delay_ms": None, "outcome_grade": "stream"}
    await ask(settled(KEY, "official", 42), settled(KEY, "official", 300))
    (row,) = rows(path, "SELECT official_delay_ms, outcome_grade FROM windows")
    assert row == {"official_delay_ms": 42_000, "outcome_grade": "official"}
