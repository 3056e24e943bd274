"""What may be given up when a database gets large, and what never is."""

import asyncio

import pytest

from polyterm.cli.db_upkeep import parse_age
from polyterm.errors import ConfigError
from polyterm.store import pruning
from polyterm.store.database import asking, changing, reading_engine
from polyterm.store.rows import utc
from polyterm.store.tick_rows import tick_row
from polyterm.store.trade_rows import trade_row
from tests.store.builders import EPOCH, KEY, closed, early_exit, tick
from tests.store.databases import opened
from tests.store.test_migrations import insert

BEFORE_MS = EPOCH * 1000 + 2 * 3_600_000 + 1_000


@pytest.fixture
def old(make):
    """Ticks of five hours, one a quarter of an hour, an input for each, and a trade."""
    database = make()
    asyncio.run(opened(database.location))
    event = closed(2, early_exit(), "s")
    rows = [insert("sessions", {"session": "s", "mode": "PAPER", "program": "", "platform": "", "sizing": "shares",
                                "started_ms": EPOCH * 1000, "started_at": utc(EPOCH * 1000)})]  # fmt: skip
    rows.append(insert("paper_trades", trade_row(event.id, event.trade)))
    for number in range(20):
        rows.append(insert("ticks", tick_row(tick(number * 900, KEY), "s")))
        at_ms = (EPOCH + number * 900) * 1000
        rows.append(insert("inputs", {"session": "s", "number": number, "at_ms": at_ms, "payload": "{}"}))
    database.script("".join(rows))
    return database


async def counted(database):
    engine = reading_engine(database.location, connections=1)
    try:
        async with asking(engine) as connection:
            return await pruning.prunable(connection, BEFORE_MS)
    finally:
        await engine.dispose()


async def test_old_ticks_and_inputs_go_and_nothing_else(old):
    found = await counted(old)
    assert (found.ticks, found.inputs, found.all_ticks, found.oldest_ms) == (9, 9, 20, EPOCH * 1000)
    assert found.size_bytes > 0
    told: list[int] = []
    async with changing(old.location, 1_000) as engine:
        assert await pruning.prune(engine, BEFORE_MS, told.append) == sum(told) == 18
        assert await pruning.prune(engine, BEFORE_MS) == 0
    kept = old.rows("SELECT count(*) AS n, min(timestamp_ms) AS first FROM ticks")
    assert kept == [{"n": 11, "first": EPOCH * 1000 + 9 * 900_000}]
    assert old.rows("SELECT count(*) AS n, min(number) AS first FROM inputs") == [{"n": 11, "first": 9}]
    assert old.rows("SELECT count(*) AS n FROM paper_trades") == [{"n": 1}]
    assert (await counted(old)).ticks == 0


async def test_what_only_old_sessions_began_with_goes_with_their_inputs(old):
    """The next engine goes on from the newest checkpoint, however old that is."""
    rows = []
    for number, session in enumerate(("older", "newest", "came to nothing"), start=1):
        began_ms = EPOCH * 1000 + number
        rows.append(
            insert("sessions", {"session": session, "mode": "PAPER", "program": "", "platform": "", "sizing": "shares",
                                "started_ms": began_ms, "started_at": utc(began_ms)})
        )  # fmt: skip
        rows += [
            insert("checkpoints", {"session": session, "number": place, "at_ms": began_ms + place, "program": "",
                                   "version": 1, "state": ""})
            for place in (0, 5)
            if session != "came to nothing"
        ]  # fmt: skip
        rows.append(
            insert("cut_windows", {"session": session, "crypto": "btc", "horizon": "15m", "window_epoch": EPOCH,
                                   "cut_ms": BEFORE_MS - 2 + number})
        )  # fmt: skip
    old.script("".join(rows))
    async with changing(old.location, 1_000) as engine:
        await pruning.prune(engine, BEFORE_MS)
    kept = old.rows("SELECT session, number FROM checkpoints ORDER BY number")
    assert [(row["session"], row["number"]) for row in kept] == [("newest", 0), ("newest", 5)]
    assert [row["session"] for row in old.rows("SELECT session FROM cut_windows ORDER BY cut_ms")] == [
        "newest", "came to nothing",
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "days"), [("1d", 1), ("30d", 30), ("8w", 56)])
def test_an_age_is_in_days_or_weeks(text, days):
    assert parse_age(text) == days * 86_400_000


@pytest.mark.parametrize("text", ["", "30", "0d", "00w", "12h", "-1d", "1.5d", "d"])
def test_other_ages_are_refused(text):
    with pytest.raises(ConfigError, match="is no age: write a number of days or weeks"):
        parse_age(text)
