"""Databases of earlier versions, brought to today's without losing anything, of either kind."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from polyterm.core.input import WindowEnded, WindowOpened
from polyterm.errors import ConfigError
from polyterm.store.history import read_store
from polyterm.store.location import locate
from polyterm.store.schema import VERSION
from polyterm.store.sessions import open_archive
from polyterm.store.span import Span
from polyterm.store.tick_rows import tick_row
from polyterm.store.trade_rows import trade_row
from tests.store.builders import EPOCH, closed, early_exit, tick
from tests.store.databases import Make, OldFile, OldServer, opened

HERE = Path(__file__).parent
VERSIONS = range(1, VERSION)


def literal(value: object) -> str:
    if value is None:
        return "NULL"
    return repr(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def insert(table: str, row: dict[str, object]) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(literal(value) for value in row.values())});"


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, make: Make) -> OldFile | OldServer:
    """A database of an earlier version with a session, a tick and a trade."""
    version, database = request.param, make()
    database.script((HERE / f"schema_{version}{database.suffix}.sql").read_text(encoding="utf-8"))
    session = {"session": "old", "mode": "PAPER", "program": "0.1.0", "platform": "", "sizing": "shares"}
    event = closed(2, early_exit(), "old")
    known = {row["name"] for row in _columns(database, "paper_trades")}
    database.script(
        insert("schema_version", {"version": version, "program": "0.1.0"})
        + insert("sessions", {**session, "started_ms": EPOCH * 1000 - 9_000, "started_at": "2026-01-24 23:59:51"})
        + insert("ticks", tick_row(tick(1), "old"))
        + insert("paper_trades", {k: v for k, v in trade_row(event.id, event.trade).items() if k in known})
    )
    return database


def _columns(database: OldFile | OldServer, table: str) -> list[dict[str, Any]]:
    if isinstance(database, OldFile):
        return database.rows(f"SELECT name FROM pragma_table_info('{table}')")
    return database.rows(f"SELECT column_name AS name FROM information_schema.columns WHERE table_name = '{table}'")


async def test_an_earlier_version_keeps_its_rows_and_gets_what_a_new_database_has(old, make):
    kept = {table: old.rows(f"SELECT * FROM {table}") for table in ("ticks", "paper_trades", "sessions")}
    before = [row["version"] for row in old.rows("SELECT version FROM schema_version")]
    await opened(old.location)
    await opened(old.location)
    assert [row["version"] for row in old.rows("SELECT version FROM schema_version ORDER BY version")] == [
        *before,
        *range(before[0] + 1, VERSION + 1),
    ]
    for table, (row,) in kept.items():
        (now,) = old.rows(f"SELECT * FROM {table}")
        assert {name: now[name] for name in row} == row
    fresh = make()
    await opened(fresh.location)
    assert old.shape() == fresh.shape()


async def test_trades_are_numbered_on_after_a_migration(old):
    await opened(old.location)
    columns = ", ".join(row["name"] for row in _columns(old, "paper_trades") if row["name"] != "id")
    old.script(
        f"INSERT INTO paper_trades ({columns}) SELECT {columns.replace('entry_ms', 'entry_ms + 1')} FROM paper_trades"
    )
    assert [row["id"] for row in old.rows("SELECT id FROM paper_trades ORDER BY id")] == [1, 2]


async def test_a_migrated_session_without_inputs_has_none(old):
    await opened(old.location)
    async with open_archive(old.location) as archive:
        session = await archive.session("old")
        assert (session.strategies, session.digest, session.next_ms) == ((), None, None)
        assert [item async for item in archive.inputs(session)] == []


def test_an_earlier_version_can_be_replayed_as_it_is(old):
    key = tick().key
    expected = [WindowOpened(key), tick(1), WindowEnded(key)]
    assert [payload for _, payload in read_store(old.location, Span())] == expected


async def test_a_newer_database_is_refused_and_left_alone(make):
    newer = make()
    await opened(newer.location)
    newer.script(insert("schema_version", {"version": VERSION + 1, "program": "9.9"}))
    with pytest.raises(ConfigError, match=rf"has schema version {VERSION + 1}, this polyterm knows {VERSION}: update"):
        await opened(newer.location)


async def test_tables_of_another_program_are_refused_and_adoption_is_offered(make):
    foreign = make()
    foreign.script("CREATE TABLE ticks (id INTEGER, up_bid REAL); CREATE TABLE unrelated (x INTEGER);")
    with pytest.raises(ConfigError, match=r"another program made \(ticks\): 'polyterm db adopt' makes them its own"):
        await opened(foreign.location)
    assert {row["table_name"] if "table_name" in row else row.get("made") for row in foreign.shape()} == {
        "ticks",
        "unrelated",
    }


async def test_of_those_who_start_at_once_on_a_server_one_makes_the_tables(postgres, cluster, tmp_path):
    location = locate(postgres, tmp_path)
    await asyncio.gather(*(opened(location) for _ in range(4)))
    assert cluster.rows("SELECT version FROM schema_version", postgres.rpartition("/")[2]) == [{"version": VERSION}]
