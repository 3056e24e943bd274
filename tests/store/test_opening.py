import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from polyterm.errors import ConfigError, StoreError
from polyterm.store import database
from polyterm.store.migrations import Migration, migrate
from polyterm.store.store import Store
from tests.store.builders import SESSION, closed, early_exit, rows, taken, tick


async def open_and_close(path: Path) -> None:
    await (await Store.open(path, session=SESSION, on_durable=lambda _: None)).close()


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


async def test_a_new_file_gets_the_schema_and_says_its_version(path):
    await open_and_close(path)
    assert rows(path, "SELECT version FROM schema_version") == [{"version": 3}]
    tables = {row["name"] for row in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables >= {
        "ticks", "paper_trades", "windows", "system_state", "sessions", "trade_corrections", "schema_version", "inputs",
        "window_digests", "gaps",
    }  # fmt: skip


async def test_what_was_stored_is_there_after_opening_again(open_store, path):
    first = await open_store()
    first.submit(taken(tick()), [closed(1, early_exit())])
    await first.close()
    await open_and_close(path)
    assert len(rows(path, "SELECT * FROM ticks")) == len(rows(path, "SELECT * FROM paper_trades")) == 1
    assert rows(path, "SELECT version FROM schema_version") == [{"version": 3}]


async def test_a_newer_database_is_refused_and_left_alone(path):
    await open_and_close(path)
    execute(path, "INSERT INTO schema_version VALUES (4, '9.9')", "DELETE FROM sessions")
    with pytest.raises(ConfigError, match=r"polyterm\.db has schema version 4, this polyterm knows 3: update polyterm"):
        await open_and_close(path)
    assert rows(path, "SELECT * FROM sessions") == []


async def test_tables_of_another_program_are_refused_and_left_alone(path):
    execute(
        path,
        "CREATE TABLE ticks (id INTEGER PRIMARY KEY, timestamp_ms INTEGER, crypto TEXT)",
        "CREATE TABLE windows (id INTEGER PRIMARY KEY, epoch INTEGER, crypto TEXT)",
    )
    with pytest.raises(ConfigError, match=r"tables that another program made \(ticks, windows\): 'polyterm db adopt'"):
        await open_and_close(path)
    assert len(rows(path, "SELECT name FROM sqlite_master")) == 2
    assert rows(path, "PRAGMA journal_mode") == [{"journal_mode": "delete"}]


async def test_a_version_table_of_another_program_is_refused(path):
    execute(path, "CREATE TABLE schema_version (version INTEGER, applied_at TEXT)", "CREATE TABLE ticks (a)")
    with pytest.raises(ConfigError, match="another program made"):
        await open_and_close(path)


async def test_a_version_table_without_a_version_is_refused(path):
    await open_and_close(path)
    execute(path, "DELETE FROM schema_version")
    with pytest.raises(ConfigError, match="does not say its schema version"):
        await open_and_close(path)


def test_an_older_database_gets_each_missing_step_once_in_order(path):
    def add(column: str):
        return lambda connection: connection.exec_driver_sql(f"ALTER TABLE windows ADD COLUMN {column} TEXT")

    steps = [Migration(2, add("two")), Migration(3, add("three"))]
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate(connection, "x", version=1, migrations=())
    for _ in range(2):
        with engine.begin() as connection:
            migrate(connection, "x", version=3, migrations=steps)
    engine.dispose()
    assert [row["version"] for row in rows(path, "SELECT version FROM schema_version")] == [1, 2, 3]
    columns = [row["name"] for row in rows(path, "PRAGMA table_info(windows)")]
    assert columns[-2:] == ["two", "three"]


async def test_a_file_that_is_no_database_is_refused(path):
    path.write_text("dear diary, " * 200)
    with pytest.raises(ConfigError, match=r"polyterm\.db is not a database: choose another with --db"):
        await open_and_close(path)


async def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is a folder: give --db the name of a file in it"):
        await open_and_close(tmp_path)


async def test_a_missing_folder_is_refused_and_not_made(tmp_path):
    with pytest.raises(ConfigError, match="nowhere of the database does not exist: make it"):
        await open_and_close(tmp_path / "nowhere" / "a.db")
    assert not (tmp_path / "nowhere").exists()


async def test_a_path_through_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is not a folder"):
        await open_and_close(tmp_path / "file" / "a.db")
    with pytest.raises(ConfigError, match="does not exist"):
        await open_and_close(tmp_path / "file" / "b" / "a.db")


async def test_a_name_that_the_system_does_not_take_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be used: File name too long"):
        await open_and_close(tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_file_that_may_not_be_written_is_refused(path):
    await open_and_close(path)
    path.chmod(0o400)
    with pytest.raises(ConfigError, match="cannot be written: make it writable, or choose another with --db"):
        await open_and_close(path)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder where nobody can make a file")
async def test_a_folder_where_no_file_can_be_made_is_refused():
    with pytest.raises(ConfigError, match="cannot be written: make it writable, or choose another with --db"):
        await open_and_close(Path("/proc/self/polyterm.db"))


async def test_a_database_that_another_process_holds_is_said_to_be_locked(path, monkeypatch):
    monkeypatch.setattr(database, "_OPEN_BUSY_MS", 20)
    await open_and_close(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="cannot be opened: the database is locked by another process"):
        await open_and_close(path)
    other.close()
    await open_and_close(path)


async def test_a_file_name_with_odd_characters_is_just_a_name(tmp_path):
    odd = tmp_path / "odd ?#%41&;é.db"
    await open_and_close(odd)
    assert [file.name for file in tmp_path.glob("odd*")] == [odd.name]
