"""Databases of earlier versions, brought to today's without losing anything."""

import sqlite3
from pathlib import Path

import pytest

from polyterm.core.input import WindowEnded, WindowOpened
from polyterm.store.history import read_store
from polyterm.store.schema import VERSION
from polyterm.store.sessions import open_archive
from polyterm.store.span import Span
from polyterm.store.store import Store
from polyterm.store.tick_rows import tick_row
from polyterm.store.trade_rows import trade_row
from tests.store.builders import EPOCH, SESSION, closed, early_exit, rows, taken, tick

SCHEMA_1 = Path(__file__).with_name("schema_1.sql")
COLUMNS = (
    "SELECT m.name AS made, p.* FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' "
    "ORDER BY m.name, p.cid"
)


def insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    names = ", ".join(row)
    values = [value if isinstance(value, int | float | str | None) else str(value) for value in row.values()]
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", values)


@pytest.fixture
def version_1(path: Path) -> Path:
    """A database of the first version with a session, a tick and a trade."""
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA_1.read_text(encoding="utf-8"))
    insert(connection, "schema_version", {"version": 1, "program": "0.1.0"})
    session = {"session": "old", "mode": "PAPER", "program": "0.1.0", "platform": "", "sizing": "shares"}
    insert(connection, "sessions", {**session, "started_ms": EPOCH * 1000 - 9_000, "started_at": "2026-01-24 23:59:51"})
    insert(connection, "ticks", tick_row(tick(1), "old"))
    event = closed(2, early_exit(), "old")
    insert(connection, "paper_trades", trade_row(event.id, event.trade))
    connection.commit()
    connection.close()
    return path


async def test_version_1_keeps_its_rows_and_gets_what_version_2_has(version_1, open_store, tmp_path):
    kept = {table: rows(version_1, f"SELECT * FROM {table}") for table in ("ticks", "paper_trades", "sessions")}
    store = await open_store()
    store.submit(taken(tick(2), number=1))
    await store.close()
    assert [row["version"] for row in rows(version_1, "SELECT version FROM schema_version")] == [1, 2, VERSION]
    for table, before in kept.items():
        (first, *_) = rows(version_1, f"SELECT * FROM {table} ORDER BY rowid")
        assert {name: first[name] for name in before[0]} == before[0]
    numbers = rows(version_1, "SELECT input_number, input_ms FROM ticks ORDER BY timestamp_ms")
    assert numbers == [
        {"input_number": None, "input_ms": None},
        {"input_number": 1, "input_ms": EPOCH * 1000 + 2_000},
    ]
    fresh = tmp_path / "fresh.db"
    await (await Store.open(fresh, session=SESSION, on_durable=lambda _: None)).close()
    assert rows(version_1, COLUMNS) == rows(fresh, COLUMNS)


async def test_a_migrated_session_without_inputs_has_none(version_1, open_store):
    await (await open_store()).close()
    async with open_archive(version_1) as archive:
        old = await archive.session("old")
        assert (old.strategies, old.digest, old.next_ms) == ((), None, SESSION.started_ms)
        assert [item async for item in archive.inputs(old)] == []


def test_version_1_can_be_replayed_as_it_is(version_1):
    key = tick().key
    assert [payload for _, payload in read_store(version_1, Span())] == [WindowOpened(key), tick(1), WindowEnded(key)]
