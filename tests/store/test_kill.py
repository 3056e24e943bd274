"""A writer that dies without warning has told no lies."""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from polyterm.store.location import locate
from polyterm.store.store import Store
from tests.postgres import Cluster
from tests.store.builders import SESSION, rows

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import asyncio, sys
from pathlib import Path
from polyterm.store.location import locate
from polyterm.store.store import Store
from tests.store.builders import SESSION, closed, early_exit, taken, tick

def announce(events):
    for event in events:
        sys.stdout.write(f"{event.trade.entry_ms}\\n")
    sys.stdout.flush()

async def main():
    place = locate(sys.argv[1], Path(sys.argv[2]))
    store = await Store.open(place, session=SESSION, on_durable=announce)
    writer = asyncio.create_task(store.run())
    second = 0
    while True:
        store.submit(taken(tick(second)), [closed(second, early_exit(second=second))])
        second += 1
        await asyncio.sleep(0.001)

asyncio.run(main())
"""


async def killed(database: str, folder: Path) -> list[int]:
    """What a writer had announced when it died."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, database, folder, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    async with asyncio.timeout(30):
        announced = [await child.stdout.readline() for _ in range(100)]
        child.send_signal(signal.SIGKILL)
        announced += (await child.stdout.read()).splitlines(keepends=True)
        assert await child.wait() == -signal.SIGKILL
    told = [int(line) for line in announced if line.endswith(b"\n")]
    assert len(told) >= 100
    return told


async def test_everything_announced_before_a_kill_is_in_the_file(path: Path) -> None:
    told = await killed(str(path), path.parent)
    stored = [row["entry_ms"] for row in rows(path, "SELECT entry_ms FROM paper_trades ORDER BY id")]
    ticks = {row["timestamp_ms"] for row in rows(path, "SELECT timestamp_ms FROM ticks")}
    assert stored[: len(told)] == told
    assert set(told) <= ticks
    assert rows(path, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]


async def test_everything_announced_before_a_kill_comes_out_of_the_spool(
    cluster: Cluster, postgres: str, tmp_path: Path
) -> None:
    cluster.stop()
    try:
        told = await killed(postgres, tmp_path)
    finally:
        cluster.start()
    session = msgspec.structs.replace(SESSION, id="next")
    store = await Store.open(locate(postgres, tmp_path), session=session, on_durable=lambda _: None)
    await store.close()
    name = postgres.rpartition("/")[2]
    stored = cluster.sql("SELECT entry_ms FROM paper_trades ORDER BY id", name).split()
    ticks = cluster.sql("SELECT timestamp_ms FROM ticks", name).split()
    assert [int(entry) for entry in stored][: len(told)] == told
    assert len(stored) == len(set(stored))
    assert set(told) <= {int(moment) for moment in ticks}
