"""A real engine, store and status server, fed by hand: only the venues are missing."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from polyterm.core.input import Outcome, Payload, WindowEnded, WindowOpened
from polyterm.core.market import Coin, Horizon, MarketKey, Reference
from polyterm.core.snapshot import FeedRow
from polyterm.core.tick import Tick
from polyterm.core.unresolved import UnresolvedWindow
from polyterm.service.runtime import Runtime
from polyterm.service.sources import Emit
from polyterm.service.status.operations import Market
from polyterm.settings import ServiceSettings, Settings
from polyterm.strategies.registry import REGISTRY
from polyterm.transport.clock import Clock
from tests.waiting import eventually

KEY = MarketKey("btc", "15m", 1_790_000_100)
# The few whose trades on the ticks below are worked out by hand.
ENTRIES = tuple(
    entry for entry in REGISTRY if entry.name in {"SpotLagSimple", "SpotLag_Fast"} or entry.family == "Endgame"
)
STRIKE = Reference(100.0, "binance", "spot", KEY.epoch * 1000)


class Quiet:
    """Sources that say nothing by themselves."""

    def __init__(self, _: Settings, __: Clock, emit: Emit) -> None:
        self.emit = emit
        self.resumed: tuple[UnresolvedWindow, ...] = ()

    async def run(self) -> None:
        await asyncio.Event().wait()

    def resume(self, unresolved: Iterable[UnresolvedWindow]) -> None:
        self.resumed = tuple(unresolved)

    def rows(self) -> tuple[FeedRow, ...]:
        return (
            FeedRow(
                name="binance", state="live", host="h", age_s=0.123, messages_per_s=4.0, reconnects=0, gaps=0,
                unknown=0, malformed=0, reason="", retry_in_s=None,
            ),
        )  # fmt: skip

    def market(self, key: MarketKey) -> Market:
        return Market(key, f"slug-{key}", "111", "222")

    def note(self, coin: Coin, horizon: Horizon) -> str:
        return f"no market for {coin} {horizon}"

    def clock_skew_ms(self) -> int | None:
        return None


@contextmanager
def short_folder() -> Iterator[Path]:
    """pytest's own folders are too deep for a Unix socket's path."""
    with tempfile.TemporaryDirectory(prefix="pt-") as folder:
        yield Path(folder)


def settings(folder: Path, **service: Any) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=folder / "data",
        runtime_dir=folder / "run",
        service=ServiceSettings(**service),
    )


class Running:
    def __init__(self, runtime: Runtime, settings: Settings, task: asyncio.Task[None], stop: asyncio.Event) -> None:
        self.runtime = runtime
        self.settings = settings
        self.task = task
        self.stop = stop

    @property
    def address(self) -> str:
        return f"unix:{self.settings.socket_path}"

    def feed(self, *payloads: Payload) -> None:
        for payload in payloads:
            self.runtime.handle(payload)

    async def request(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        return await request(self.settings.socket_path, method, path, **options)

    async def state(self) -> str:
        _, status = await self.request("GET", "/api/live/status")
        return str(status["state"])


async def request(socket: Path, method: str, path: str, **options: Any) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(socket))) as session,
        session.request(method, f"http://localhost{path}", **options) as response,
    ):
        return response.status, await response.json()


@asynccontextmanager
async def started(settings: Settings, **options: Any) -> AsyncIterator[Running]:
    """Started, and not waited for; what it raises comes out at the end."""
    runtime, stop = Runtime(settings, assemble=Quiet, entries=ENTRIES, **options), asyncio.Event()
    task = asyncio.create_task(runtime.run(stop))
    try:
        yield Running(runtime, settings, task, stop)
    finally:
        stop.set()
        await task


@asynccontextmanager
async def running(settings: Settings, **options: Any) -> AsyncIterator[Running]:
    """Started and ready: it owns its database, or observes."""
    async with started(settings, **options) as engine:
        health = engine.runtime.view.health
        await eventually(lambda: engine.task.done() or health().status != "starting")
        yield engine


def opened(key: MarketKey = KEY) -> WindowOpened:
    return WindowOpened(key, STRIKE)


def ended(key: MarketKey = KEY) -> WindowEnded:
    return WindowEnded(key)


def won(side: str, key: MarketKey = KEY) -> Outcome:
    return Outcome(key, side, "official", "test")  # type: ignore[arg-type]


def tick(remaining_s: int, up_mid: float, spot: float = 101.0, key: MarketKey = KEY) -> Tick:
    """A good tick with a 2-cent spread. At 80 s before the end and a mid of 0.9 one strategy buys Up at 0.91:
    Endgame_Aggressive, which gives up when the mark has lost 35 %."""
    slot = key.end - remaining_s
    return Tick(
        key=key, slot=slot, made_ms=slot * 1000,
        up_bid=round(up_mid - 0.01, 4), up_bid_size=100.0, up_ask=round(up_mid + 0.01, 4), up_ask_size=100.0,
        down_bid=round(0.99 - up_mid, 4), down_bid_size=100.0, down_ask=round(1.01 - up_mid, 4), down_ask_size=100.0,
        book_age_ms=10, spot=spot, spot_source="binance", spot_age_ms=10, strike=STRIKE,
    )  # fmt: skip
