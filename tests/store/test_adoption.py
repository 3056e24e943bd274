"""Databases of the field's earlier system, taken over with their rows."""

import asyncio
from pathlib import Path

import pytest

from polyterm.core.input import Outcome, WindowEnded, WindowOpened
from polyterm.core.market import MarketKey
from polyterm.core.query import TradesQuery
from polyterm.core.tick import Tick
from polyterm.errors import ConfigError
from polyterm.store import adoption
from polyterm.store.adopted_rows import moment_ms
from polyterm.store.database import changing
from polyterm.store.history import read_store
from polyterm.store.queries import Reader
from polyterm.store.reports.status import database_status
from polyterm.store.span import Span
from tests.store.builders import EPOCH
from tests.store.databases import Make, OldFile, OldServer, opened
from tests.store.reported import ask

REFERENCE = Path(__file__).with_name("reference.sql").read_text(encoding="utf-8")


async def adopted(database: OldFile | OldServer) -> adoption.Adoption:
    async with changing(database.location, 1_000) as engine, engine.begin() as connection:
        return await adoption.adopt(connection, "x")


@pytest.fixture
def reference(make: Make) -> OldFile | OldServer:
    database = make()
    database.script(REFERENCE)
    return database


async def test_rows_are_kept_and_what_was_not_known_is_added(reference, make):
    result = {each.table: each for each in (await adopted(reference)).tables}
    assert {name: (each.adopted, each.rows) for name, each in result.items()} == {
        "ticks": (2, 4),
        "paper_trades": (2, 2),
        "windows": (2, 2),
        "system_state": (1, 1),
    }
    assert "doge" in result["ticks"].first_left_out
    (first, second) = reference.rows(
        "SELECT crypto, horizon, timestamp_ms, made_ms, session, up_mid, spread, price_to_beat, strike_grade, "
        "spot_delta, chainlink_at_ms, invalid FROM ticks ORDER BY timestamp_ms"
    )
    assert first == {
        "crypto": "btc", "horizon": "15m", "timestamp_ms": EPOCH * 1000 + 4_000, "made_ms": EPOCH * 1000 + 4_250,
        "session": "adopted", "up_mid": 0.625, "spread": 0.25, "price_to_beat": 100.0, "strike_grade": "spot",
        "spot_delta": 0.5, "chainlink_at_ms": EPOCH * 1000 + 2_000, "invalid": None,
    }  # fmt: skip
    assert (second["up_mid"], second["invalid"]) == (None, "book_missing")
    await opened(reference.location)
    await opened((fresh := make()).location)
    ours = {next(iter(row.values())): None for row in fresh.shape()}
    shape = [row for row in reference.shape() if next(iter(row.values())) in ours]
    assert [list(row.values())[:3] for row in shape] == [list(row.values())[:3] for row in fresh.shape()]


async def test_the_session_began_and_ended_with_its_rows(reference):
    await adopted(reference)
    (session,) = reference.rows("SELECT session, started_ms, ended_ms FROM sessions")
    assert session == {"session": "adopted", "started_ms": EPOCH * 1000, "ended_ms": EPOCH * 1000 + 900_000}
    found = await ask(reference.location, database_status)
    assert [(line.session, line.started_ms) for line in found.sessions] == [("adopted", EPOCH * 1000)]
    reference.script("UPDATE sessions SET started_ms = 0, ended_ms = NULL;")  # by an earlier version
    found = await ask(reference.location, database_status)
    assert [(line.started_ms, line.ended_ms) for line in found.sessions] == [(None, None)]


async def test_the_tables_stay_as_they_were_beside_ours(reference):
    before = {name: reference.rows(f"SELECT * FROM {name} ORDER BY 1") for name in ("ticks", "paper_trades", "trades")}
    await adopted(reference)
    assert reference.rows("SELECT * FROM trades") == before["trades"]
    for name in ("ticks", "paper_trades"):
        assert reference.rows(f"SELECT * FROM {name}_before_adoption ORDER BY 1") == before[name]


async def test_adopted_trades_can_be_asked_for(reference):
    await adopted(reference)
    reader = Reader.open(reference.location)
    answer = await reader.trades(TradesQuery(period="all"), EPOCH * 1000)
    await reader.close()
    by_coin = {trade.key.coin: trade for trade in answer.trades}
    settled, sold = by_coin["btc"], by_coin["eth"]
    assert (settled.legs[0].shares, settled.legs[0].pnl, settled.outcome, settled.grade) == (70.0, 52.5, "up", "spot")
    assert (sold.legs[0].shares, sold.legs[0].pnl, sold.outcome) == (100.0, -25.0, None)


def test_adopted_ticks_and_windows_can_be_replayed(reference):
    asyncio.run(adopted(reference))
    key = MarketKey("btc", "15m", EPOCH)
    payloads = [payload for _, payload in read_store(reference.location, Span(to_ms=key.end * 1000))]
    assert [type(payload) for payload in payloads] == [WindowOpened, Tick, Tick, WindowEnded, Outcome]
    assert payloads[1].up_bids == ((0.5, 120.0), (0.25, 5.0))
    assert (payloads[4].side, payloads[4].grade) == ("up", "spot")


async def test_nothing_to_adopt_is_a_sentence_and_changes_nothing(make):
    ours = make()
    await opened(ours.location)
    before = ours.shape()
    with pytest.raises(ConfigError, match="holds no tables of another program"):
        await adopted(ours)
    assert ours.shape() == before


async def test_an_adoption_that_fails_leaves_everything_as_it_was(reference):
    reference.script("CREATE TABLE windows_before_adoption (x INTEGER)")
    before = reference.shape()
    with pytest.raises(ConfigError, match="has a table windows_before_adoption already"):
        await adopted(reference)
    assert reference.shape() == before


@pytest.mark.parametrize(
    "value",
    [1_769_299_200, 1_769_299_200_000, "1769299200", "2026-01-25 00:00:00", "2026-01-25T00:00:00Z",
     "2026-01-25 01:00:00+01:00"],
)  # fmt: skip
def test_moments_are_read_as_other_programs_write_them(value):
    assert moment_ms(value) == EPOCH * 1000
