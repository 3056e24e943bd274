"""Replaying from the database: which part of it, in which order, and what is said of windows."""

import asyncio

import pytest

from polyterm.core.event import EventId, WindowClosed, WindowSettled, WindowStarted, WindowStats
from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import FeeSchedule, MarketKey, Reference
from polyterm.core.tick import Tick
from polyterm.errors import ConfigError
from polyterm.store import history
from polyterm.store.history import read_store
from polyterm.store.span import Span, parse_moment
from tests.store.builders import EPOCH, KEY, taken, tick

FEE = FeeSchedule(0.07, 1.0)
STATS = WindowStats(3, 1, 0.5, 0.5, 0.5, 0.5, None, None, None)
LATE_MS = KEY.end * 1000 + 95_000
NEXT = KEY.next()
ETH = MarketKey("eth", "15m", EPOCH)


@pytest.fixture
async def stored(open_store, place):
    """A whole window, whose result came 95 s late, and the beginning of the next; of eth only ticks."""
    strike = Reference(100.0, "twap60", "stream", EPOCH * 1000)
    final = Reference(101.0, "twap60", "stream", KEY.end * 1000)
    store = await open_store(place=place)
    store.submit(taken(), [WindowStarted(EventId("s1", 1, 0), EPOCH * 1000 + 700, KEY, strike, FEE)])
    for second in (1, 2, 899):
        store.submit(taken(tick(second)))
        store.submit(taken(tick(second, ETH)))
    store.submit(taken(), [WindowClosed(EventId("s1", 2, 0), KEY.end * 1000, KEY, strike, final, STATS, 1)])
    store.submit(taken(), [WindowStarted(EventId("s1", 3, 0), NEXT.epoch * 1000, NEXT, final, FEE)])
    store.submit(taken(tick(0, NEXT)))
    store.submit(taken(tick(200, NEXT)))
    store.submit(
        taken(), [WindowSettled(EventId("s1", 4, 0), LATE_MS, KEY, "up", "official", "gamma", 101.5, corrects=False)]
    )
    await store.close()
    return place


def read(path, span: Span = Span()) -> list[tuple[int, Payload]]:  # noqa: B008 - frozen
    return list(read_store(path, span))


def btc(path) -> list[tuple[int, Payload]]:
    return read(path, Span(coins=("btc",)))


async def in_thread(call, *arguments):
    """``read_store`` has an event loop of its own."""
    return await asyncio.to_thread(call, *arguments)


async def test_windows_and_ticks_come_in_order_of_time(stored):
    official = Reference(101.5, "gamma", "official", KEY.end * 1000)
    strike = Reference(100.0, "twap60", "stream", EPOCH * 1000)
    assert await in_thread(btc, stored) == [
        (EPOCH * 1000, WindowOpened(KEY, None, FEE)),
        ((EPOCH + 1) * 1000, tick(1)),
        ((EPOCH + 2) * 1000, tick(2)),
        ((EPOCH + 899) * 1000, tick(899)),
        (KEY.end * 1000, WindowEnded(KEY, official)),
        (KEY.end * 1000, WindowOpened(NEXT, None, FEE)),
        (KEY.end * 1000, tick(0, NEXT)),
        (LATE_MS, Outcome(KEY, "up", "official", "gamma", 101.5, strike)),
        ((NEXT.epoch + 200) * 1000, tick(200, NEXT)),
        (NEXT.end * 1000, WindowEnded(NEXT, None)),
    ]


async def test_the_parts_in_which_it_is_read_do_not_show(stored, monkeypatch):
    whole = await in_thread(read, stored)
    for part_ms in (1_000, 7_000, 10**9):
        monkeypatch.setattr(history, "PART_MS", part_ms)
        assert await in_thread(read, stored) == whole


async def test_a_window_without_a_row_begins_with_its_first_tick(stored):
    found = await in_thread(read, stored, Span(coins=("eth",)))
    first, *_, last = found
    assert (first, last) == (((EPOCH + 1) * 1000, WindowOpened(ETH)), (ETH.end * 1000, WindowEnded(ETH)))
    assert sum(isinstance(payload, Tick) for _, payload in found) == 3


async def test_a_span_takes_its_ticks_and_all_of_the_windows_they_are_in(stored):
    found = await in_thread(read, stored, Span((EPOCH + 2) * 1000, NEXT.epoch * 1000, ("btc",)))
    assert [payload for _, payload in found if isinstance(payload, Tick)] == [tick(2), tick(899)]
    assert [type(payload) for _, payload in found if not isinstance(payload, Tick)] == [
        WindowOpened, WindowEnded, Outcome,
    ]  # fmt: skip


async def test_a_span_without_ticks_is_empty(stored):
    assert await in_thread(read, stored, Span(NEXT.end * 1000, None)) == []
    assert await in_thread(read, stored, Span(None, EPOCH * 1000)) == []


def test_a_database_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"no database at .* that can be read"):
        read(tmp_path / "absent.db")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1769299200", 1_769_299_200),
        ("1769299200.5", 1_769_299_200.5),
        ("1769299200500", 1_769_299_200.5),
        ("2026-01-25", 1_769_299_200),
        ("2026-01-25T00:00", 1_769_299_200),
        ("2026-01-25T01:30:00+01:00", 1_769_299_200 + 1_800),
        ("2026-01-25T00:00:30Z", 1_769_299_230),
    ],
)
def test_moments_are_dates_times_or_unix_seconds(text, seconds):
    assert parse_moment(text) == seconds * 1000


@pytest.mark.parametrize("text", ["yesterday", "", "inf", "nan", "2026-13-01", "1e400", "1e300", "-1e30", "-1"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ConfigError, match="is no time: write a date like 2026-02-01"):
        parse_moment(text)
