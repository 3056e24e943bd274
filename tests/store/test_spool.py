"""Rows that wait on this machine."""

import random
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from polyterm.store.lines import Line, line_of
from polyterm.store.spool import Spool
from polyterm.store.statements import STATE, TICK
from polyterm.store.tick_rows import tick_row
from polyterm.store.writer import Write
from tests.store.builders import tick


def lines(first: int, count: int) -> list[Line]:
    return [Line("state", f'{{"key":"{number}"}}'.encode()) for number in range(first, first + count)]


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    spool = Spool(tmp_path / "a.spool.db")
    yield spool
    await spool.close()


async def again(spool: Spool) -> Spool:
    """What another process finds."""
    await spool._do(spool._let_go)
    found = Spool(spool.path)
    await found.look()
    return found


async def test_nothing_is_made_until_something_waits(spool: Spool) -> None:
    await spool.look()
    assert (spool.rows, spool.age_s) == (0, 0.0)
    assert not spool.path.exists()


async def test_rows_come_out_as_they_went_in_until_they_are_dropped(spool: Spool) -> None:
    await spool.append(lines(0, 3))
    await spool.append(lines(3, 2))
    await spool.append([Line("correction", b'{"a":1}', b'{"b":null}')])
    first = await spool.oldest(4)
    assert first is not None
    assert first.lines == lines(0, 5)
    assert await spool.oldest(4) == first
    await spool.drop(first.last)
    assert spool.rows == 1
    rest = await spool.oldest(4)
    assert rest is not None
    assert rest.lines == [Line("correction", b'{"a":1}', b'{"b":null}')]
    await spool.drop(rest.last)
    assert await spool.oldest(4) is None
    assert (spool.rows, spool.age_s) == (0, 0.0)


def spoil(spool: Spool, sequence: int) -> None:
    with closing(sqlite3.connect(spool.path)) as other, other:
        other.execute("UPDATE spool SET lines = x'28b52ffd0000' WHERE seq = ?", (sequence,))


async def test_a_batch_that_cannot_be_read_is_put_aside_and_the_rest_goes_on(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    for first in (0, 3, 6):
        await spool.append(lines(first, 3))
    spoil(spool, 2)
    batch = await spool.oldest(100)
    assert batch is not None
    assert batch.lines == lines(0, 3) + lines(6, 3)
    assert (spool.rows, spool.damaged) == (6, 3)
    (aside,) = spool.path.parent.glob("a.spool.db.damaged-*")
    assert aside.read_bytes() == bytes.fromhex("28b52ffd0000")
    assert spool.aside == aside
    assert str(aside) in caplog.text
    await spool.drop(batch.last)
    assert spool.rows == 0
    await spool.append(lines(9, 1))
    spoil(spool, 4)
    assert await spool.oldest(100) is None
    assert (spool.rows, spool.damaged) == (0, 4)


@pytest.mark.parametrize("reads_first", [True, False])
async def test_a_file_that_breaks_while_it_is_used_is_put_aside_and_another_is_begun(
    spool: Spool, *, reads_first: bool
) -> None:
    await spool.append([Line("state", random.Random(number).randbytes(3000)) for number in range(20)])
    await spool._do(spool._let_go)
    with spool.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"x" * 8192)
    if reads_first:
        assert await spool.oldest(100) is None
        assert spool.rows == 0
    await spool.append(lines(0, 2))
    batch = await spool.oldest(100)
    assert batch is not None
    assert batch.lines == lines(0, 2)
    assert (spool.rows, spool.damaged) == (2, 20)
    assert spool.aside is not None
    assert spool.aside.exists()


async def test_what_was_appended_is_there_for_the_next_process_with_its_age(spool: Spool) -> None:
    await spool.append(lines(0, 3))
    with sqlite3.connect(spool.path) as other:
        other.execute("UPDATE spool SET at_s = at_s - 100")
    other.close()
    found = await again(spool)
    assert found.rows == 3
    assert 100 <= found.age_s < 130
    await found.append(lines(3, 1))
    batch = await found.oldest(10)
    assert batch is not None
    assert batch.lines == lines(0, 4)
    await found.close()


async def test_every_commit_reaches_the_disk(spool: Spool) -> None:
    await spool.append(lines(0, 1))

    def asked() -> list[object]:
        assert spool._connection is not None
        return [spool._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]

    assert await spool._do(asked) == [2, "wal"]  # FULL
    assert spool.path.stat().st_mode & 0o077 == 0


async def test_a_full_disk_takes_all_of_a_batch_or_nothing_and_what_is_there_can_be_delivered(spool: Spool) -> None:
    await spool.append(lines(0, 100))

    def bound() -> None:
        assert spool._connection is not None
        spool._connection.execute("PRAGMA max_page_count=1")

    await spool._do(bound)
    many = [Line("state", random.Random(number).randbytes(3000)) for number in range(50)]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        await spool.append(many)
    batch = await spool.oldest(1000)
    assert batch is not None
    assert batch.lines == lines(0, 100)
    assert spool.rows == 100
    await spool.drop(batch.last)
    assert spool.rows == 0


async def test_a_large_file_is_given_back_when_it_is_empty(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyterm.store.spool._KEEP_BYTES", 1000)
    await spool.append(lines(0, 10))
    batch = await spool.oldest(100)
    assert batch is not None
    await spool.drop(batch.last)
    assert not list(spool.path.parent.glob("a.spool.db*"))
    await spool.append(lines(10, 2))
    batch = await spool.oldest(100)
    assert batch is not None
    assert batch.lines == lines(10, 2)


async def test_a_row_is_kept_without_what_is_missing_and_with_its_depth_as_it_is(spool: Spool) -> None:
    row = tick_row(tick(), "s1")
    line = line_of(Write(TICK, row))
    assert line.kind == "tick"
    assert b"null" not in line.body
    assert b'"up_book_depth":{"bids":[[0.49,120.0]' in line.body
    state = line_of(Write(STATE, {"key": "a", "value": '{"b":1}', "updated_ms": 5}))
    assert state.body == b'{"key":"a","value":"{\\"b\\":1}","updated_ms":5}'


async def test_an_append_takes_milliseconds(spool: Spool) -> None:
    four = [line_of(Write(TICK, tick_row(tick(second), "s1"))) for second in range(4)]
    began = time.perf_counter()
    for _ in range(20):
        await spool.append(four)
    assert (time.perf_counter() - began) / 20 < 0.1
