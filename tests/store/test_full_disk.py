"""A disk that is really full: a file system of two megabytes in memory, where one may be mounted."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from polyterm.store.location import locate
from polyterm.store.store import Store
from tests.postgres import Cluster
from tests.store.builders import SESSION, closed, early_exit, rows, taken, tick
from tests.store.conftest import QUICK, Announced
from tests.waiting import eventually

COUNT = 600


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=False, capture_output=True)
    if made.returncode:
        pytest.skip("no file system may be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(disk: Path) -> Path:
    """Take all the room that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


def feed(store: Store, count: int) -> None:
    for number in range(count):
        store.submit(taken(tick(number), number), [closed(number, early_exit(second=number))])


async def test_a_database_on_a_full_disk(disk: Path, announced: Announced) -> None:
    alarms: list[str] = []
    file = disk / "polyterm.db"
    store = await Store.open(file, session=SESSION, on_durable=announced, on_alarm=alarms.append, limits=QUICK)
    writer = asyncio.create_task(store.run())
    ballast = fill(disk)
    feed(store, COUNT)
    await eventually(lambda: alarms)
    assert store.status[:2] == ("failed", "Writing waits: the disk is full.")
    written = len(announced.events)
    assert written < COUNT
    ballast.unlink()
    await eventually(lambda: store.status[:3] == ("ok", "", 0))
    await store.close()
    await writer
    assert alarms == ["the disk is full"]
    assert [event.id.input for event in announced.events] == list(range(COUNT))
    assert rows(file, "SELECT count(*) AS n FROM paper_trades") == [{"n": COUNT}]
    assert rows(file, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]


async def test_a_spool_on_a_full_disk(disk: Path, cluster: Cluster, postgres: str, announced: Announced) -> None:
    alarms: list[str] = []
    server, limits = locate(postgres, disk), QUICK
    store = await Store.open(server, session=SESSION, on_durable=announced, on_alarm=alarms.append, limits=limits)
    writer = asyncio.create_task(store.run())
    cluster.stop()
    try:
        feed(store, 20)
        await eventually(lambda: store.status.spool_rows == 40)
        fill(disk)
        feed(store, COUNT)
        await eventually(lambda: alarms)
        waiting = len(announced.events)
        assert (store.status.state, waiting < COUNT) == ("failed", True)
    finally:
        cluster.start()
    # The disk stays full: what the spool holds is delivered, the rest goes straight to the server.
    await eventually(lambda: store.status[:4] == ("ok", "", 0, 0))
    await store.close()
    await writer
    assert alarms == ["the disk is full"]
    assert len(announced.events) == COUNT + 20
    name = postgres.rpartition("/")[2]
    assert cluster.sql("SELECT count(*) FROM paper_trades", name) == str(COUNT)
    assert cluster.sql("SELECT count(*) FROM ticks", name) == str(COUNT)
