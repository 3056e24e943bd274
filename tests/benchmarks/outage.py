"""A day without the database: how fast what waited is delivered, and what live ticks notice of it.

``python -m tests.benchmarks.outage [TICKS]`` starts a PostgreSQL of its own, with fsync.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from polyterm.core.event import Event
from polyterm.core.market import COINS, MarketKey
from polyterm.core.tick import Levels, Tick
from polyterm.store.location import PostgresServer, locate
from polyterm.store.rows import SessionInfo
from polyterm.store.store import Store
from tests.postgres import Cluster
from tests.store.builders import EPOCH, closed, early_exit, taken, tick
from tests.waiting import eventually

DAY: Final = 345_600
LIVE_S: Final = 0.25
STEP_S: Final = 0.005
WINDOW_S: Final = 900
PATIENCE_S: Final = 600.0


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """``waits_s`` is how long the events of live ticks waited to be durable and announced while rows were delivered,
    in ascending order; ``late_s`` the longest that the event loop was late meanwhile."""

    spooled_rows: int
    spooled_s: float
    spool_mb: float
    delivered_s: float
    live_ticks: int
    waits_s: tuple[float, ...]
    late_s: float
    ticks: int
    stored_ticks: int
    stored_trades: int
    stored_mb: float

    def lines(self) -> Iterator[str]:
        yield f"spooled     {self.spooled_rows:,} rows in {self.spooled_s:.1f} s, {self.spool_mb:.0f} MB"
        yield f"delivered   in {self.delivered_s:.1f} s, {self.spooled_rows / self.delivered_s:,.0f} rows a second"
        yield f"meanwhile   {self.live_ticks} live ticks; the event loop was late by {self.late_s * 1e3:.0f} ms at most"
        middle, longest = self.waits_s[len(self.waits_s) // 2], self.waits_s[-1]
        yield f"announced   live trades after {middle * 1e3:.1f} ms (median), {longest * 1e3:.1f} ms (longest)"
        yield f"stored      {self.stored_ticks:,} ticks of {self.ticks:,}, {self.stored_mb:.0f} MB of them"
        yield f"            {self.stored_trades:,} trades"


class Stopwatch:
    """How long events took from their submission to their announcement."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []
        self._submitted: dict[int, float] = {}

    def submit(self, number: int) -> None:
        self._submitted[number] = time.perf_counter()

    def announced(self, events: tuple[Event, ...]) -> None:
        now = time.perf_counter()
        self.waits_s += [now - since for event in events if (since := self._submitted.pop(event.id.input, None))]


def moment(number: int) -> tuple[MarketKey, int]:
    """The series and the second of the tick with this number, four a second."""
    second, place = divmod(number, len(COINS))
    return MarketKey(COINS[place], "15m", EPOCH + second // WINDOW_S * WINDOW_S), second % WINDOW_S


def quoted(rng: random.Random, number: int) -> Tick:
    """Five levels a side of both tokens, and numbers that do not repeat, as a market gives them."""

    def side(best: float, step: float) -> Levels:
        return tuple((round(best + step * level, 2), round(rng.uniform(5, 900), 2)) for level in range(5))

    key, second = moment(number)
    spot, up_bids, up_asks = round(rng.uniform(80_000, 90_000), 2), side(0.49, -0.01), side(0.51, 0.01)
    return tick(
        second, key, spot=spot, oracle=spot - 46.125, twap=spot - 46.5, spot_basis=rng.gauss(0, 1e-4),
        book_age_ms=rng.randrange(3000), up_bids=up_bids, up_asks=up_asks, up_bid_size=up_bids[0][1],
        up_ask_size=up_asks[0][1], down_bids=side(0.48, -0.01), down_asks=side(0.52, 0.01),
    )  # fmt: skip


async def fill(store: Store, ticks: int) -> None:
    """Ticks, with eight trades in every window, as fast as they are taken."""
    rng = random.Random(7)
    for number in range(ticks):
        made = quoted(rng, number)
        trades = [early_exit(f"Rule_{k}", 300, made.key) for k in range(8)] if made.slot - made.key.epoch == 300 else []
        store.submit(taken(made, number), [closed(number, trade) for trade in trades])
        if store.pending > 4_000:
            await eventually(lambda: store.pending < 400, PATIENCE_S)
    await eventually(lambda: not store.pending, PATIENCE_S)


async def live(store: Store, first: int, watch: Stopwatch, done: asyncio.Event) -> tuple[int, float]:
    """A tick with a trade every ``LIVE_S`` until done: how many, and how late the event loop was at most."""
    late_s, number = 0.0, first
    while not done.is_set():
        key, second = moment(number)
        watch.submit(number)
        store.submit(taken(tick(second, key), number), [closed(number, early_exit("Live", second, key))])
        number += 1
        for _ in range(round(LIVE_S / STEP_S)):
            began = time.perf_counter()
            await asyncio.sleep(STEP_S)
            late_s = max(late_s, time.perf_counter() - began - STEP_S)
    return number - first, late_s


def spool_size_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.glob("*.spool.db*")) / 2**20


async def measure(ticks: int, cluster: Cluster, database: str, folder: Path) -> Outage:
    """Stop the server, spool, start it, and deliver beside live ticks. The server runs at the end."""
    server, watch, done = locate(cluster.url(database), folder), Stopwatch(), asyncio.Event()
    assert isinstance(server, PostgresServer)
    cluster.stop()
    began = time.perf_counter()
    session = SessionInfo(id="day", started_ms=EPOCH * 1000)
    store = await Store.open(server, session=session, on_durable=watch.announced)
    writer = asyncio.create_task(store.run())
    await fill(store, ticks)
    spooled_s, rows, spool_mb = time.perf_counter() - began, store.status.spool_rows, spool_size_mb(folder)
    cluster.start()
    began = time.perf_counter()
    lively = asyncio.create_task(live(store, ticks, watch, done))
    await eventually(lambda: not store.status.spool_rows, PATIENCE_S)
    delivered_s = time.perf_counter() - began
    done.set()
    live_ticks, late_s = await lively
    await store.close()
    await writer
    stored_ticks, stored_trades, stored_bytes = cluster.sql(
        "SELECT (SELECT count(*) FROM ticks), (SELECT count(*) FROM paper_trades), pg_total_relation_size('ticks')",
        database,
    ).split("|")
    return Outage(
        spooled_rows=rows, spooled_s=spooled_s, spool_mb=spool_mb, delivered_s=delivered_s, live_ticks=live_ticks,
        waits_s=tuple(sorted(watch.waits_s)), late_s=late_s, ticks=ticks + live_ticks, stored_ticks=int(stored_ticks),
        stored_trades=int(stored_trades), stored_mb=int(stored_bytes) / 2**20,
    )  # fmt: skip


def main() -> None:
    ticks = int(sys.argv[1]) if len(sys.argv) > 1 else DAY
    cluster = Cluster({"fsync": "on", "full_page_writes": "on"})
    try:
        cluster.start()
        with tempfile.TemporaryDirectory() as folder:
            outage = asyncio.run(measure(ticks, cluster, cluster.create(), Path(folder)))
        for line in outage.lines():
            sys.stdout.write(f"{line}\n")
    finally:
        cluster.close()


if __name__ == "__main__":
    main()
