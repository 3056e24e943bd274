"""What is held is in the database, from when it is announced until its trade is."""

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from polyterm.core.event import EventId, PositionOpened
from polyterm.core.position import Leg, Position
from polyterm.store.database import asking, reading_engine
from polyterm.store.location import Location
from polyterm.store.position_rows import position_from_row
from polyterm.store.schema import open_positions, paper_trades
from polyterm.store.store import Store
from tests.store.builders import ENTRY, EPOCH, KEY, SESSION, closed, early_exit, taken
from tests.store.conftest import QUICK


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
