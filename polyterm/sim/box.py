"""All venues on loopback, each on a port of its own, fed by one world."""

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

import msgspec
from aiohttp import web

from polyterm.core.market import COINS, Coin, Horizon, window_epoch
from polyterm.sim.control import Control
from polyterm.sim.faults import Faults, Switched, VenueName
from polyterm.sim.venues.binance import SpotExchange
from polyterm.sim.venues.chain_rpc import ChainNode
from polyterm.sim.venues.clob import OrderBookRest
from polyterm.sim.venues.gamma import Discovery
from polyterm.sim.venues.gate import gate
from polyterm.sim.venues.market_ws import PATH as MARKET_PATH
from polyterm.sim.venues.market_ws import MarketSocket
from polyterm.sim.venues.scene import Scene
from polyterm.sim.venues.settlement_ws import PATH as SETTLEMENT_PATH
from polyterm.sim.venues.settlement_ws import ApiKey, SettlementSocket
from polyterm.sim.world import World
from polyterm.transport.clock import ScaledClock

FIRST_WINDOW_AGE_S: Final = 25
WARM_UP_S: Final = 55
"""How long the world runs before it is served. So it sees the window before the first one end, and its result come."""

STEP_MS: Final = 100
STEP_WALL_MS: Final = 40
CATCH_UP_MS: Final = 10_000
"""The most market time that is simulated in one go; after a long sleep of the machine the servers stay responsive."""

SHUTDOWN_S: Final = 1.0


class Feeds(msgspec.Struct, frozen=True):
    """Field for field the settings' section of the same name."""

    binance_ws: tuple[str, ...]
    binance_rest: str
    gamma: str
    clob: str
    market_ws: str
    settlement_ws: str
    polygon_rpc: tuple[str, ...]


class Credentials(msgspec.Struct, frozen=True):
    """For this simulator's settlement stream; made anew by each and worth nothing elsewhere."""

    api_key: str
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return "Credentials(***)"


class Endpoints(msgspec.Struct, frozen=True):
    """``feeds``, ``credentials`` and ``clock`` have the shape of the settings' sections; ``control`` is a base URL."""

    feeds: Feeds
    credentials: Credentials
    clock: ScaledClock
    control: str
    seed: int
    horizon: Horizon


def first_market_ms(wall_ms: int, horizon: Horizon) -> int:
    """Market time to begin with: today's running window, some seconds old."""
    return (window_epoch(wall_ms // 1000, horizon) + FIRST_WINDOW_AGE_S) * 1000


def step_ms(speed: float) -> int:
    """Market time per step: 100 ms, or at high speed whatever keeps it to 25 steps a wall second."""
    return max(STEP_MS, int(STEP_WALL_MS * speed) // STEP_MS * STEP_MS)


class Box:
    """An async context manager that serves while it is open.

    Args:
        seed: of the world; None draws one.
        speed: market seconds per wall second; None lets time stand still until ``step`` is called (the clock among the
            endpoints then tells only where it stood).
        market0_ms: market time at the start; None lets the first window be ``FIRST_WINDOW_AGE_S`` old today.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        speed: float | None = None,
        market0_ms: int | None = None,
        horizon: Horizon = "15m",
        coins: Sequence[Coin] = COINS,
        host: str = "127.0.0.1",
    ) -> None:
        wall_ms = int(time.time() * 1000)
        self.seed = secrets.randbelow(2**32) if seed is None else seed
        self._speed = speed
        self._host = host
        self._market0_ms = first_market_ms(wall_ms, horizon) if market0_ms is None else market0_ms
        self._market0_ms -= self._market0_ms % STEP_MS
        world = World(self.seed, self._market0_ms - WARM_UP_S * 1000, coins, horizon)
        self._horizon: Horizon = horizon
        self._key = ApiKey(secrets.token_hex(16), secrets.token_urlsafe(32), secrets.token_hex(32))
        self.faults = Faults(time.monotonic)
        self.faults.on_switch = self._on_switch
        self.scene = Scene(world, self.faults)
        self._spot = SpotExchange(self.scene)
        self._market = MarketSocket(self.scene)
        self._settlement = SettlementSocket(self.scene, self._key)
        self._streams: dict[VenueName, SpotExchange | MarketSocket | SettlementSocket] = {
            "binance": self._spot,
            "market": self._market,
            "settlement": self._settlement,
        }
        self._endpoints: Endpoints | None = None
        self._stack = AsyncExitStack()

    @property
    def endpoints(self) -> Endpoints:
        if self._endpoints is None:
            raise RuntimeError("the box is not open")
        return self._endpoints

    @property
    def now_ms(self) -> int:
        """Market time up to which the world has been simulated."""
        return self.scene.now_ms

    def _on_switch(self, switched: Switched) -> None:
        if switched.name == "disconnect":
            for name, stream in self._streams.items():
                if switched.venue in {None, name}:
                    stream.audience.drop()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            ports = {
                "binance": await self._serve(stack, self._spot.routes(), "binance"),
                "gamma": await self._serve(stack, Discovery(self.scene).routes(), "gamma"),
                "clob": await self._serve(stack, OrderBookRest(self.scene).routes(), "clob"),
                "market": await self._serve(stack, self._market.routes(), "market"),
                "settlement": await self._serve(stack, self._settlement.routes(), "settlement"),
                "chain": await self._serve(stack, ChainNode(self.scene).routes(), "chain"),
                "control": await self._serve(stack, Control(lambda: self.endpoints, self.faults).routes(), None),
            }
            self._advance(self._market0_ms)
            self._endpoints = self._make_endpoints({name: f"{self._host}:{port}" for name, port in ports.items()})
            if self._speed is not None:
                group = await stack.enter_async_context(asyncio.TaskGroup())
                pump = group.create_task(self._pump(self._endpoints.clock))
                stack.callback(pump.cancel)
            stack.callback(self._say_goodbye)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, trace)

    async def _serve(self, stack: AsyncExitStack, routes: list[web.RouteDef], venue: VenueName | None) -> int:
        app = web.Application(middlewares=[] if venue is None else [gate(self.faults, venue)])
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, self._host, 0).start()
        port: int = runner.addresses[0][1]
        return port

    def _make_endpoints(self, at: dict[str, str]) -> Endpoints:
        return Endpoints(
            feeds=Feeds(
                binance_ws=(f"ws://{at['binance']}",),
                binance_rest=f"http://{at['binance']}",
                gamma=f"http://{at['gamma']}",
                clob=f"http://{at['clob']}",
                market_ws=f"ws://{at['market']}{MARKET_PATH}",
                settlement_ws=f"ws://{at['settlement']}{SETTLEMENT_PATH}",
                polygon_rpc=(f"http://{at['chain']}",),
            ),
            credentials=Credentials(self._key.api_key, self._key.secret, self._key.passphrase),
            clock=ScaledClock(
                wall0_ms=int(time.time() * 1000),
                market0_ms=self._market0_ms,
                speed=1.0 if self._speed is None else self._speed,
            ),
            control=f"http://{at['control']}",
            seed=self.seed,
            horizon=self._horizon,
        )

    def _say_goodbye(self) -> None:
        for stream in self._streams.values():
            stream.audience.close()

    async def step(self, ms: int) -> None:
        """Advance market time by ``ms`` at once and send what happened; only where time stands still."""
        if self._speed is not None:
            raise RuntimeError("the box moves by itself")
        self._advance(self.now_ms + ms)
        await asyncio.sleep(0)

    def _advance(self, to_ms: int) -> None:
        step = self.scene.advance(to_ms)
        for stream in self._streams.values():
            stream.step(step)

    async def _pump(self, clock: ScaledClock) -> None:
        stride = step_ms(clock.speed)
        while True:
            await clock.until(self.now_ms + stride)
            target = clock.market_ms() // STEP_MS * STEP_MS
            while self.now_ms < target:
                self._advance(min(target, self.now_ms + CATCH_UP_MS))
                await asyncio.sleep(0)
