"""A writer that dies without warning has told no lies."""

import asyncio
import signal
import sys
from pathlib import Path

from tests.store.builders import rows

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import asyncio, sys
from polyterm.store.store import Store
from tests.store.builders import SESSION, closed, early_exit, taken, tick

def announce(events):
    for event in events:
        sys.stdout.write(f"{event.trade.entry_ms}\\n")
    sys.stdout.flush()

async def main():
    store = await Store.open(sys.argv[1], session=SESSION, on_durable=announce)
    writer = asyncio.create_task(store.run())
    second = 0
    while True:
        store.submit(taken(tick(second)), [closed(second, early_exit(second=second))])
        second += 1
        await asyncio.sleep(0.001)

asyncio.run(main())
"""


async def test_everything_announced_before_a_kill_is_in_the_file(path):
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    async with asyncio.timeout(30):
        announced = [await child.stdout.readline() for _ in range(100)]
        child.send_signal(signal.SIGKILL)
        announced += (await child.stdout.read()).splitlines(keepends=True)
        assert await child.wait() == -signal.SIGKILL
    told = [int(line) for line in announced if line.endswith(b"\n")]
    stored = [row["entry_ms"] for row in rows(path, "SELECT entry_ms FROM paper_trades ORDER BY id")]
    ticks = {row["timestamp_ms"] for row in rows(path, "SELECT timestamp_ms FROM ticks")}
    assert len(told) >= 100
    assert stored[: len(told)] == told
    assert set(told) <= ticks
    assert rows(path, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]
