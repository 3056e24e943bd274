"""A database whose reports were worked out by hand."""

import asyncio
from collections.abc import Iterable, Sequence

from polyterm.core.event import Event, EventId, WindowSettled, WindowStarted
from polyterm.core.input import Payload
from polyterm.core.market import FeeSchedule, MarketKey, Reference
from polyterm.store.location import Location
from polyterm.store.reports.archive import Archives
from polyterm.store.rows import SessionInfo
from polyterm.store.store import Store
from tests.store.builders import EPOCH, KEY, SESSION, closed, early_exit, settled, taken, tick

ETH = MarketKey("eth", "15m", EPOCH)
EARLIER = MarketKey("btc", "15m", EPOCH - 27_000)  # 7.5 h before
NOW_MS = (EPOCH + 1_000) * 1000

TRADES = (
    early_exit("Old", second=1, key=EARLIER, pnl=5.0),
    early_exit("SpotLag_Fast", second=4),  # +12.50, closed at 300 s
    early_exit("SpotLag_Fast", second=7, key=ETH, pnl=0.0),  # closed at 303 s: no win
    settled("SpotLagSimple", second=10),  # +60
    settled("SpotLagSimple", second=20, won=False),  # -40, closed with the other at 900 s
)
TICKS = (
    tick(880),
    tick(881),
    tick(884),  # two slots are missing before it
    tick(885, oracle=None, oracle_at_ms=None, oracle_age_ms=None, invalid="book_stale"),
    tick(884, ETH, oracle=99.5, twap=None),
)


def window(key: MarketKey, outcome: str, final: float) -> Iterable[Event]:
    """Of strike 100, settled 30 s after its end."""
    strike = Reference(100.0, "twap60", "stream", key.epoch * 1000)
    number = key.epoch + (key.coin == "eth")
    yield WindowStarted(EventId("s1", number, 0), key.epoch * 1000, key, strike, FeeSchedule(0.07, 1.0))
    yield WindowSettled(
        EventId("s1", number, 1), (key.end + 30) * 1000, key, outcome, "official", "gamma", final, corrects=False
    )  # type: ignore[arg-type]


async def store(
    location: Location,
    events: Sequence[Event] = (),
    payloads: Sequence[Payload] = (),
    session: SessionInfo = SESSION,
    ping: str | None = None,
) -> None:
    writing = await Store.open(location, session=session, on_durable=lambda _: None)
    task = asyncio.create_task(writing.run())
    writing.submit(taken(), events)
    for number, payload in enumerate(payloads, start=2):
        writing.submit(taken(payload, number))
    if ping is not None:
        writing.put_state("collector_health", ping, NOW_MS)
    await writing.close()
    await task


async def store_example(location: Location) -> None:
    trades = [closed(number, trade) for number, trade in enumerate(TRADES, start=10)]
    await store(location, [*trades, *window(KEY, "up", 101.0), *window(ETH, "down", 99.0)], TICKS)


async def ask(location: Location, question):
    archives = Archives.open(location)
    try:
        async with archives.archive() as archive:
            return await question(archive)
    finally:
        await archives.close()
