"""What a restart relies on: checkpoints in order, only the newest kept, nothing stored twice, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from polyterm.core.event import EventId, TradingStateChanged
from polyterm.core.position import Position
from polyterm.errors import StoreError
from polyterm.store.checkpoint_rows import StoredCheckpoint, pack
from polyterm.store.location import Location, locate
from polyterm.store.rows import SessionInfo
from polyterm.store.sessions import open_archive
from polyterm.store.store import Store
from tests.store.builders import ENTRY, EPOCH, KEY, SESSION, closed, settled, taken, tick
from tests.store.conftest import QUICK, Announced

SECOND = msgspec.structs.replace(SESSION, id="s2", started_ms=SESSION.started_ms + 60_000)
OpenSession = Callable[..., Awaitable[Store]]


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    return locate(url, tmp_path)


@asynccontextmanager
async def session(place: Location, info: SessionInfo, announced: Announced) -> AsyncIterator[Store]:
    """A store of that session; everything is stored afterwards, and the session has ended."""
    store = await Store.open(place, session=info, on_durable=announced, limits=QUICK)
    running = asyncio.create_task(store.run())
    try:
        yield store
    finally:
        await store.close()
        await running


def checkpoint(number: int, session: str = "s1") -> StoredCheckpoint:
    state = f"{session} at {number}".encode()
    return StoredCheckpoint(
        session=session, number=number, at_ms=EPOCH * 1000 + number, program="p", version=1, packed=pack(state)
    )


def position(entry_ms: int, session: str = "s1") -> Position:
    return Position(
        "SpotLagSimple", KEY, "up", entry_ms, 0.4, 100.0, "r", None, ENTRY, 100.0, "spot", (), 0.0, session
    )  # fmt: skip


async def test_only_the_newest_checkpoints_are_kept_and_what_each_session_began_with(
    place: Location, announced: Announced
) -> None:
    async with session(place, SESSION, announced) as store:
        for number in (0, 5, 10, 15, 20):
            store.put_checkpoint(checkpoint(number))
    async with open_archive(place) as archive:
        assert [one.number for one in await archive.checkpoints("s1")] == [20, 15, 10, 0]
        assert (await archive.checkpoints("s1"))[0].state() == b"s1 at 20"
    async with session(place, SECOND, announced) as store:
        store.put_checkpoint(checkpoint(0, "s2"))
        store.put_checkpoint(checkpoint(7, "s2"))
    async with open_archive(place) as archive:
        assert [one.number for one in await archive.checkpoints("s1")] == [0]
        assert [one.number for one in await archive.checkpoints("s2")] == [7, 0]
        assert (await archive.beginning("s2") or checkpoint(9)).state() == b"s2 at 0"
        assert await archive.beginning("s3") is None


async def test_an_engine_that_is_started_again_and_again_keeps_what_the_newest_sessions_began_with(
    place: Location, announced: Announced
) -> None:
    for number in range(23):
        info = msgspec.structs.replace(SESSION, id=f"s{number}", started_ms=SESSION.started_ms + number)
        async with session(place, info, announced) as store:
            store.put_checkpoint(checkpoint(0, info.id))
    async with open_archive(place) as archive:
        for number in range(3):
            old = await archive.beginning(f"s{number}")
            assert old is not None  # it did begin with something
            with pytest.raises(StoreError, match=f"s{number}/0 is no longer kept"):
                old.state()
        for number in range(3, 23):
            kept = await archive.beginning(f"s{number}")
            assert kept is not None
            assert kept.state() == f"s{number} at 0".encode()


async def test_inputs_after_a_checkpoint_come_from_where_it_was_taken(place: Location, announced: Announced) -> None:
    async with session(place, SESSION, announced) as store:
        for number in range(1, 11):
            store.submit(taken(tick(number), number) if number % 3 else taken(number=number))
    async with open_archive(place) as archive:
        found = await archive.before("s9")
        assert found is not None
        assert [item.number async for item in archive.inputs(found, 4, (EPOCH + 4) * 1000)] == [5, 6, 7, 8, 9, 10]
        assert [item.number async for item in archive.inputs(found)] == list(range(1, 11))


async def test_a_session_finds_the_one_before_it(place: Location, announced: Announced) -> None:
    for info in (SESSION, SECOND):
        async with session(place, info, announced):
            pass
    async with open_archive(place) as archive:
        before = await archive.before("s2")
        assert before is not None
        assert (before.id, before.predecessor) == ("s1", None)
        assert (await archive.session("s2")).predecessor == "s1"
        latest = await archive.before("s1")
        assert latest is not None
        assert latest.id == "s2"


async def test_repeated_events_store_what_is_missing_and_change_nothing_else(
    place: Location, announced: Announced
) -> None:
    first, missing = settled(), settled("SpotLag_Fast", 20)
    async with session(place, SESSION, announced) as store:
        store.submit(taken(tick(1), 1), [closed(1, first)])
    announced.events.clear()
    again = msgspec.structs.replace(first, exit_reason="recomputed")
    state = TradingStateChanged(EventId("s1", 3, 0), EPOCH * 1000, "RUNNING", "KILLED", "c", "ann", "cli", "")
    async with session(place, SECOND, announced) as store:
        await store.repeat([closed(1, again), closed(2, missing), state])
        store.note_cut("s1", [KEY], EPOCH * 1000)
    async with open_archive(place) as archive:
        assert await archive.cut_windows("s1") == (KEY,)
        held = [position(trade.entry_ms) for trade in (first, missing)]
        other = [position(first.entry_ms + 1), position(first.entry_ms, "s2")]
        assert [one.entry_ms for one in await archive.closed([*held, *other])] == [first.entry_ms]
    assert announced.events == []


async def test_of_what_is_repeated_no_more_waits_than_was_given_at_once(tmp_path: Path, announced: Announced) -> None:
    store = await Store.open(locate(None, tmp_path), session=SESSION, on_durable=announced, limits=QUICK)
    await store.repeat([closed(1, settled())])
    second = asyncio.create_task(store.repeat([closed(2, settled("SpotLag_Fast", 20))]))
    await asyncio.sleep(0)
    assert store.intake.taken == 1  # nobody writes yet
    running = asyncio.create_task(store.run())
    await second
    assert store.intake.taken == 2
    await store.close()
    await running


def test_a_damaged_checkpoint_is_refused_in_words() -> None:
    whole = checkpoint(5)
    for packed in ("AAAA" + whole.packed[4:], whole.packed[:-8], "no base64", whole.packed[:-9] + "AAAA" + "====="):
        with pytest.raises(StoreError, match="The checkpoint s1/5 is damaged"):
            msgspec.structs.replace(whole, packed=packed).state()
