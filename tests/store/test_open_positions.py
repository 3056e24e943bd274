"""What is held is in the database, from when it is announced until its trade is."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from polyterm.cli import cli
from polyterm.core.event import EventId, PositionOpened
from polyterm.core.input import PositionsFound
from polyterm.core.market import MarketKey
from polyterm.core.position import Leg, Position
from polyterm.store.database import asking, reading_engine
from polyterm.store.location import Location, SqliteFile
from polyterm.store.position_rows import position_from_row
from polyterm.store.queries import Reader
from polyterm.store.reports.status import OpenPosition, database_status
from polyterm.store.schema import open_positions, paper_trades
from polyterm.store.store import Store
from tests.store.builders import ENTRY, EPOCH, KEY, SESSION, closed, early_exit, taken
from tests.store.conftest import QUICK
from tests.store.databases import Make
from tests.store.reported import ask


def bought(strategy: str = "SpotLag_Fast", second: int = 4) -> Position:
    """What ``early_exit`` sells: 100 shares of Up at 0.50."""
    return Position(
        strategy=strategy, key=KEY, side="up", entry_ms=(EPOCH + second) * 1000, entry_price=0.5, shares=100.0,
        reason="spot_lag_detected", strength=0.75, entry=ENTRY, strike=100.0, strike_grade="stream",
        legs=(Leg("touch", 100.0, 0.5, 0.0), Leg("costed", 100.0, 0.5, 1.25)), peak_r=0.0, session="s1",
    )  # fmt: skip


def opening(number: int, position: Position) -> PositionOpened:
    return PositionOpened(EventId("s1", number, 0), position.entry_ms, position)


async def put(place: Location, *events: Any, slow: bool = False) -> None:
    """Each event is an input of its own; ``slow`` takes them by way of the spool."""
    limits = msgspec.structs.replace(QUICK, direct_s=0.0) if slow else QUICK
    store = await Store.open(place, session=SESSION, on_durable=lambda _: None, limits=limits)
    writing = asyncio.create_task(store.run())
    for number, event in enumerate(events, 1):
        store.submit(taken(number=number), [event])
    await store.close()
    await writing


async def held(place: Location) -> list[Position]:
    return [position_from_row(row) for row in await rows(place, select(open_positions))]


async def rows(place: Location, query: Any) -> list[Any]:
    engine = reading_engine(place, connections=1)
    try:
        async with asking(engine) as connection:
            return list((await connection.execute(query)).mappings())
    finally:
        await engine.dispose()


async def test_a_position_is_stored_as_it_is_and_goes_with_its_trade(place: Location) -> None:
    kept = bought("SpotLag_Slow", 9)
    await put(place, opening(1, bought()), opening(2, kept))
    (row,) = await rows(place, select(open_positions).where(open_positions.c.strategy_name == "SpotLag_Fast"))
    assert (row["session"], row["crypto"], row["horizon"], row["window_epoch"]) == ("s1", "btc", "15m", EPOCH)
    assert (row["entry_ms"], row["side"], row["shares"], row["entry_price"]) == (EPOCH * 1000 + 4_000, "up", 100.0, 0.5)
    assert row["entry_reason"] == "spot_lag_detected"
    assert sorted(await held(place), key=lambda one: one.entry_ms) == [bought(), kept]
    await put(place, closed(3, early_exit()))
    assert await held(place) == [kept]
    assert len(await rows(place, select(paper_trades.c.id))) == 1


@pytest.mark.parametrize("slow", [False, True], ids=["straight", "by the spool of a server"])
async def test_what_is_told_again_after_the_trade_is_not_held_again(place: Location, slow: bool) -> None:
    told = (opening(1, bought()), closed(2, early_exit()))
    await put(place, *told, slow=slow)
    assert await held(place) == []
    await put(place, *told, told[0], slow=slow)
    assert await held(place) == []
    assert len(await rows(place, select(paper_trades.c.id))) == 1


async def test_an_opening_that_is_told_twice_is_held_once(place: Location) -> None:
    await put(place, opening(1, bought()), opening(1, bought()))
    assert await held(place) == [bought()]


async def test_one_that_cannot_be_read_does_not_hide_the_others(make: Make) -> None:
    database = make()
    await put(database.location, opening(1, bought()), opening(2, bought("SpotLag_Slow", 9)))
    database.script("UPDATE open_positions SET position = '{}' WHERE strategy_name = 'SpotLag_Fast';")
    reader = Reader.open(database.location)
    try:
        assert await reader.held_before("s1") == ()
        assert await reader.held_before("s2") == (PositionsFound(KEY, (bought("SpotLag_Slow", 9),)),)
    finally:
        await reader.close()


async def test_the_status_tells_each_open_position(place: Location) -> None:
    eth = msgspec.structs.replace(bought("SpotLag_Slow", 9), key=MarketKey("eth", "15m", EPOCH))
    await put(place, opening(1, bought()), opening(2, eth), opening(3, bought("Third", 12)), closed(4, early_exit()))
    found = await ask(place, database_status)
    assert (found.positions, found.open_positions, found.paper_trades) == (3, 2, 1)
    assert found.newest_open == (
        OpenPosition("Third", "btc", "15m", EPOCH, "up", 100.0, 0.5, EPOCH * 1000 + 12_000, "spot_lag_detected", "s1"),
        OpenPosition(
            "SpotLag_Slow", "eth", "15m", EPOCH, "up", 100.0, 0.5, EPOCH * 1000 + 9_000, "spot_lag_detected", "s1"
        ),
    )


def test_people_read_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    file = SqliteFile(tmp_path / "a.db")
    asyncio.run(put(file, opening(1, bought())))
    result = CliRunner().invoke(cli, ["db", "status", "--db", str(file.path)])
    assert "Positions: 1 in all, 1 open" in result.output
    line = next(line for line in result.output.splitlines() if "SpotLag_Fast" in line)
    told = "01-25 00:00:04 SpotLag_Fast btc up 100.00 0.5 50.00 01-25 00:00:00 15m spot_lag_detected"
    assert line.split() == told.split()
    asyncio.run(put(file, closed(2, early_exit())))
    result = CliRunner().invoke(cli, ["db", "status", "--db", str(file.path)])
    assert "Positions: 1 in all, 0 open" in result.output
    assert "Nothing is open" in result.output
