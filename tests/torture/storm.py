"""A whole system in bad weather: simulated venues, a real PostgreSQL and a headless engine, each of which fails."""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from polyterm.core.event import Event, PositionOpened, TradeClosed
from polyterm.core.market import MarketKey, Side
from polyterm.errors import LinkError
from polyterm.service.link.client import LinkClient
from polyterm.sim.box import Box
from tests.postgres import Cluster
from tests.service.engines import request
from tests.waiting import eventually

VENUES = ("binance", "market", "settlement")


class Weather(msgspec.Struct, frozen=True):
    """One thing that goes wrong, ``at_s`` wall seconds after the start, for ``for_s``."""

    at_s: float
    kind: str
    for_s: float
    where: str = ""


def forecast(seed: int, seconds: float) -> list[Weather]:
    """Something every few seconds; in the last part of the run there is time to recover."""
    rng = random.Random(seed)
    kinds = ("stop", "crash", "freeze", "kill", "term", "silence", "disconnect")
    found, at_s, left = [], 12.0, list(kinds)
    while at_s < seconds - 20:
        if not left:
            left = list(kinds)
        kind = left.pop(rng.randrange(len(left)))  # every kind comes before any comes again
        for_s = rng.uniform(1.0, 8.0)
        where = rng.choice(VENUES) if kind in {"silence", "disconnect"} else ""
        found.append(Weather(at_s, kind, for_s, where))
        at_s += rng.uniform(3.0, 12.0) + (for_s if rng.random() < 0.7 else 0.0)  # troubles may overlap
    return found


class Truth:
    """What the simulator knows: the outcome of every window it resolved, and the Up quotes of every moment."""

    def __init__(self, box: Box) -> None:
        self.outcomes: dict[MarketKey, Side] = {}
        self.resolved_ms: dict[MarketKey, int] = {}
        self.quotes: dict[tuple[MarketKey, int], set[tuple[float, float]]] = defaultdict(set)
        self._box = box

    async def watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(0.02)

    def look(self) -> None:
        now_ms = self._box.now_ms
        for market in self._box.scene.world.markets():
            if market.state == "resolved" and market.outcome is not None:
                self.outcomes[market.key] = market.outcome
                self.resolved_ms.setdefault(market.key, market.resolved_ms or now_ms)
            if market.state == "open" and market.bids and market.asks:
                best = (market.bids[0][0] / market.ticks_per_dollar, market.asks[0][0] / market.ticks_per_dollar)
                self.quotes[market.key, now_ms // 1000].add(best)


class Death(msgspec.Struct, frozen=True):
    """The engine's end, in market ms; ``clean`` when it was asked to."""

    at_ms: int
    clean: bool


class Storm:
    """``notes`` is told each thing that happens, in words."""

    def __init__(self, folder: Path, box: Box, cluster: Cluster, database: str, notes: Callable[[str], None]) -> None:
        self.folder = folder
        self.box = box
        self.cluster = cluster
        self.database = database
        self.deaths: list[Death] = []
        self.starts = 0
        self.announced: list[Event] = []
        self.done: Counter[str] = Counter()
        self._notes = notes
        self._began = time.monotonic()
        self._process: asyncio.subprocess.Process | None = None
        self._log = (folder / "engine.log").open("ab")

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "default.sock"

    def market_ms(self) -> int:
        return self.box.endpoints.clock.market_ms()

    def note(self, text: str) -> None:
        self._notes(f"{time.monotonic() - self._began:6.1f} s  {text}")

    def environment(self) -> dict[str, str]:
        told = msgspec.to_builtins(self.box.endpoints)
        names = {name: value for name, value in os.environ.items() if not name.startswith(("POLYTERM_", "DATABASE_"))}
        for section in ("feeds", "credentials", "clock"):
            for name, value in told[section].items():
                text = value if isinstance(value, str) else json.dumps(value)
                names[f"POLYTERM_{section}__{name}".upper()] = text
        return names | {
            "DATABASE_URL": self.cluster.url(self.database),
            "POLYTERM_HORIZON": "15m",
            "POLYTERM_DATA_DIR": str(self.folder / "data"),
            "POLYTERM_RUNTIME_DIR": str(self.folder / "run"),
        }

    async def start(self) -> None:
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "polyterm", "--headless",
            env=self.environment(), stdin=asyncio.subprocess.DEVNULL, stdout=self._log, stderr=self._log,
        )  # fmt: skip

    async def end(self, number: signal.Signals) -> int:
        """Ask the engine to end, or kill it; its exit code."""
        process = self._process
        assert process is not None
        assert process.returncode is None, f"the engine ended by itself with {process.returncode}: see {self._log.name}"
        process.send_signal(number)
        killed_ms = self.market_ms()
        async with asyncio.timeout(40):
            code = await process.wait()
        clean = number is not signal.SIGKILL
        self.deaths.append(Death(self.market_ms() if clean else killed_ms, clean))
        return code

    async def listen(self) -> None:
        """Hear every event that is announced, by whichever engine runs."""
        client = LinkClient(f"unix:{self.socket}", client="torture")
        client.on_events = self.announced.extend
        await client.run()

    async def endure(self, weather: list[Weather]) -> None:
        async with asyncio.TaskGroup() as troubles:
            for each in weather:
                await asyncio.sleep(max(0.0, self._began + each.at_s - time.monotonic()))
                self.done[each.kind] += 1
                self.note(f"{each.kind} {each.where} for {each.for_s:.1f} s")
                await self._trouble(each, troubles)

    async def _trouble(self, each: Weather, troubles: asyncio.TaskGroup) -> None:
        match each.kind:
            case "stop" | "crash":
                if self.cluster.running:
                    await asyncio.to_thread(self.cluster.stop, "fast" if each.kind == "stop" else "immediate")
                    troubles.create_task(self._later(each.for_s, self.cluster.start))
            case "freeze":
                await asyncio.to_thread(self.cluster.freeze)
                troubles.create_task(self._later(each.for_s, self.cluster.thaw))
            case "kill":
                await self.end(signal.SIGKILL)
                await self.start()
            case "term":
                code = await self.end(signal.SIGTERM)
                if code:
                    self.note(f"the engine ended with {code}")
                await self.start()
            case "silence":
                self.box.faults.on("silence", venue=each.where, for_s=each.for_s)
            case "disconnect":
                self.box.faults.on("disconnect", venue=each.where, for_s=min(each.for_s, 2.0))

    async def _later(self, seconds: float, act: Callable[[], None]) -> None:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(act)

    async def status(self) -> dict:
        _, answer = await request(self.socket, "GET", "/api/live/status")
        return answer

    async def calm(self, timeout_s: float) -> None:
        """Until the engine trades, has nothing spooled and every window that the simulator resolved has its result."""

        async def settled() -> bool:
            with suppress(OSError, LinkError, json.JSONDecodeError, KeyError):
                status = await self.status()
                return (
                    bool(status["connected"]) and status["store"]["state"] == "ok" and status["store"]["pending"] < 50
                )
            return False

        await eventually(settled, timeout_s)


@asynccontextmanager
async def storm(
    folder: Path, seed: int, speed: float, notes: Callable[[str], None]
) -> AsyncIterator[tuple[Storm, Truth]]:
    cluster = Cluster()
    cluster.start()
    try:
        async with Box(seed=seed, speed=speed, horizon="15m") as box:
            found = Storm(folder, box, cluster, cluster.create(), notes)
            truth = Truth(box)
            watching = [asyncio.create_task(truth.watch()), asyncio.create_task(found.listen())]
            try:
                await found.start()
                yield found, truth
            finally:
                for task in watching:
                    task.cancel()
                await asyncio.gather(*watching, return_exceptions=True)
                if found._process is not None and found._process.returncode is None:
                    found._process.kill()
                    await found._process.wait()
    finally:
        cluster.close()


Check = Callable[[], Awaitable[None]]


def trades_announced(events: list[Event]) -> dict[tuple, int]:
    """How often each closed trade was announced, by what names it: who, where, when."""
    found: Counter[tuple] = Counter()
    for event in events:
        if isinstance(event, TradeClosed):
            trade = event.trade
            found[trade.strategy, trade.key.coin, trade.key.epoch, trade.entry_ms] += 1
    return found


def positions_announced(events: list[Event]) -> set[tuple]:
    return {
        (event.position.strategy, event.position.key.coin, event.position.key.epoch, event.position.entry_ms)
        for event in events
        if isinstance(event, PositionOpened)
    }
