"""The composition root: one engine with its feeds, its store and its status server, from start to a clean end."""

import asyncio
import logging
import os
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from polyterm import __version__
from polyterm.core.command import Ack, Command, TradingState
from polyterm.core.event import Event
from polyterm.core.input import Payload
from polyterm.core.market import Coin, Horizon
from polyterm.core.position import Position
from polyterm.core.query import (
    Answer,
    EventsAnswer,
    EventsQuery,
    Failed,
    PositionsAnswer,
    PositionsQuery,
    Query,
    TradesQuery,
)
from polyterm.core.snapshot import Mode, Role, Snapshot, Status
from polyterm.core.tick import Tick
from polyterm.engine.engine import Engine
from polyterm.errors import ConfigError, StoreError
from polyterm.service.assembly import Venues
from polyterm.service.commands import Commands
from polyterm.service.heartbeat import Heartbeat
from polyterm.service.latch import Latch, Latched, opening
from polyterm.service.lease import RETRY_S, Lease, this_process
from polyterm.service.sequencer import Sequencer
from polyterm.service.snapshots import Screen, Sections
from polyterm.service.sources import Assemble, Sources
from polyterm.service.status.operations import Health, Market
from polyterm.service.status.server import StatusServer
from polyterm.service.tasks import keep_alive, together
from polyterm.settings import Settings
from polyterm.store.location import locate
from polyterm.store.queries import Reader
from polyterm.store.rows import SessionInfo
from polyterm.store.store import Store, StoreStatus
from polyterm.transport.clock import ScaledClock

ASK_TIMEOUT_S: Final = 4.0
OPEN_RETRY_S: Final = 1.0
EVENTS_KEPT: Final = 1000
DAY_MS: Final = 86_400_000

Phase = Literal["starting", "observing", "running", "ending"]
log = logging.getLogger(__name__)


class Runtime:
    """One run of the engine over ``settings``; ``assemble`` makes what feeds it.

    It owns the database while it holds the lease. Without the lease it observes: it answers on its own socket, says who
    holds it, and takes over when that one is gone.
    """

    def __init__(self, settings: Settings, *, wait_for_lease: bool = True, assemble: Assemble = Venues) -> None:
        self._settings = settings
        self._wait_for_lease = wait_for_lease
        self._assemble = assemble
        self._clock = ScaledClock(**settings.clock.model_dump())
        self._started_ms = self._clock.market_ms()
        self._mode: Mode = "DEMO" if settings.demo else "PAPER"
        self._session = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        self._phase: Phase = "starting"
        self._settled = asyncio.Event()
        self._why = ""
        self._defect = ""
        self._latched: Latched | None = None
        self._engine = Engine(self._session, sizing=settings.paper.sizing)
        self._screen = Screen([(coin, settings.horizon) for coin in settings.coins])
        self._sequencer = Sequencer(self._engine, self._clock, watch=self._screen.watch, submit=self._submit)
        self._sections = Sections()
        self._recent: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._server = StatusServer(self, settings.service.token)
        self._sources: Sources | None = None
        self._store: Store | None = None
        self._reader: Reader | None = None
        self._commands: Commands | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; everything is flushed and closed when this returns.

        Raises:
            ConfigError: something that the user gave is wrong or taken; nothing was started.
            StoreError: at the end something could not be written.
        """
        location = locate(self._settings.db, self._settings.data_dir).resolve()
        lease = Lease(_beside(location, ".lease"), this_process(self._settings.service.instance))
        latch = Latch(_beside(location, ".latch.json"))
        held = _take(lease, latch)
        if not held and not self._wait_for_lease:
            raise ConfigError(f"The database {location} belongs to {lease.holder()}: stop it, or drop --no-wait.")
        async with AsyncExitStack() as stack:
            stack.callback(lease.release)
            commands = Commands(
                latch, apply=self._sequencer.handle, trading_state=self._trading_state, announce=self._announce
            )
            stack.push_async_callback(commands.close)
            stack.push_async_callback(self._server.close)
            self._commands = commands
            await self._server.start()
            await self._listen(strict=held)
            showing = keep_alive("showing the state", self._server.run, self._note_defect)
            await together(showing, self._work(location, lease, latch), stop=stop)

    async def _work(self, location: Path, lease: Lease, latch: Latch) -> None:
        if not lease.held:
            await self._observe(location, lease, latch)
            await self._listen(strict=False)
        await self._own(location, latch)

    async def _observe(self, location: Path, lease: Lease, latch: Latch) -> None:
        while not _take(lease, latch):
            self._why = f"only observes: {location} belongs to {lease.holder()}"
            self._latched = latch.read()
            if self._phase != "observing":
                self._phase = "observing"
                log.warning("this instance %s", self._why)
            self._settled.set()
            await asyncio.sleep(RETRY_S)
        self._settled.clear()
        self._phase, self._why, self._latched = "starting", "", None
        log.warning("taking over %s", location)

    async def _own(self, location: Path, latch: Latch) -> None:
        self._store = store = await self._open(location)
        self._reader = reader = Reader.open(location)
        self._sources = sources = self._assemble(self._settings, self._clock, self.handle)
        async with asyncio.TaskGroup() as writing:
            writing.create_task(store.run())
            try:
                self._restore(latch)
                self._phase, self._why = "running", ""
                self._settled.set()
                log.info(
                    "polyterm %s is running: %s", __version__, self._mode,
                    extra={"session": self._session, "database": str(location)},
                )  # fmt: skip
                beating = keep_alive("the heartbeat", Heartbeat(store, self.snapshot).run, self._note_defect)
                await together(sources.run(), beating)
            finally:
                self._phase = "ending"
                await reader.close()
                await store.close()  # before its task is cancelled, which could cut a commit short
                log.info("ended", extra={"session": self._session})

    async def _open(self, location: Path) -> Store:
        """The store; a database that another process keeps locked is waited for."""
        session = SessionInfo(
            id=self._session,
            started_ms=self._started_ms,
            mode=self._mode,
            program=f"polyterm {__version__}",
            sizing=self._settings.paper.sizing,
        )
        while True:
            try:
                return await Store.open(location, session=session, on_durable=self._stored)
            except StoreError as error:
                self._why = str(error)
                log.warning("waiting for the database: %s", error)
                await asyncio.sleep(OPEN_RETRY_S)

    def _restore(self, latch: Latch) -> None:
        """Feed the latched trading state to the engine, as its first input."""
        latched = latch.read()
        command = opening(latched)
        if command is not None:
            log.warning("trading starts %s: %s", latched.state, latched.reason or "no reason was given")
            self._announce(tuple(self._sequencer.handle(command)))

    async def _listen(self, *, strict: bool) -> None:
        """Listen where the settings say. Unless ``strict``, what another process has is left to it."""
        service, path = self._settings.service, self._settings.socket_path
        second = path.with_name(f"{service.instance}-{os.getpid()}.sock")
        try:
            await self._server.listen_unix(path)
            await self._server.leave(second)
        except ConfigError as error:
            if strict:
                raise
            log.warning("%s Listening on %s.", error, second)
            await self._server.listen_unix(second)
        if service.port is None:
            return
        try:
            await self._server.listen_tcp(service.host, service.port)
        except ConfigError as error:
            if strict:
                raise
            log.warning("%s", error)

    # What goes in and what comes of it

    def handle(self, payload: Payload) -> None:
        """Number, stamp and apply one input, and hand on what came of it. Never blocks."""
        self._sequencer.handle(payload)

    def _submit(self, tick: Tick | None, events: Sequence[Event]) -> None:
        if self._store is not None and self._phase != "ending":
            self._store.submit(tick, events)

    def _note_defect(self, reason: str) -> None:
        self._defect = reason

    def _stored(self, events: tuple[Event, ...]) -> None:
        self._announce(tuple(event for event in events if not isinstance(event, Commands.ANNOUNCED_AT_ONCE)))

    def _announce(self, events: tuple[Event, ...]) -> None:
        self._recent.extend(events)
        self._server.announce(events)

    # What the status server asks for

    @property
    def session(self) -> str:
        return self._session

    async def ready(self) -> None:
        await self._settled.wait()

    async def send(self, command: Command) -> Ack:
        """The engine has acted before this first waits; the answer comes when the trading state is latched on disk."""
        if self._commands is None or self._phase in {"starting", "observing"}:
            return Ack(command.id, False, f"this instance {self._why or 'is starting'}", self._trading_state())
        return await self._commands.send(command)

    async def ask(self, query: Query) -> Answer:
        match query:
            case EventsQuery(limit=limit):
                return EventsAnswer(tuple(self._recent)[-limit:] if limit > 0 else ())
            case PositionsQuery():
                return PositionsAnswer(self._engine.open_positions())
            case TradesQuery():
                return await self._trades(query)

    async def _trades(self, query: TradesQuery) -> Answer:
        if self._reader is None:
            return Failed(f"This instance {self._why or 'is starting'}.")
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                return await self._reader.trades(query, self._clock.market_ms())
        except StoreError as error:
            return Failed(str(error))
        except TimeoutError:
            return Failed(f"The database did not answer within {ASK_TIMEOUT_S:g} s.")

    def positions(self) -> tuple[Position, ...]:
        return self._engine.open_positions()

    def markets(self) -> tuple[Market, ...]:
        if self._sources is None:
            return ()
        return tuple(self._sources.market(key) for key in self._screen.windows)

    def health(self) -> Health:
        reasons = tuple(self._reasons())
        starting = self._phase == "starting"
        return Health(
            status="starting" if starting else "degraded" if reasons else "ok",
            reasons=reasons,
            mode=self._mode,
            role=self._role,
            role_reason=self._why if self._phase == "observing" else "",
            session=self._session,
            version=__version__,
        )

    def _reasons(self) -> Iterator[str]:
        if self._phase != "observing" and self._why:
            yield self._why
        if self._defect:
            yield self._defect
        if self._sources is not None:
            for row in self._sources.rows():
                if row.state not in {"live", "off"}:
                    yield f"{row.name} is {row.state}" + (f": {row.reason}" if row.reason else "")
        if self._store is not None and self._store.status.state != "ok":
            yield f"the database is {self._store.status.state}: {self._store.status.reason}"
        if self._commands is not None and self._commands.problem:
            yield self._commands.problem
        for strategy in self._engine.leaderboard_rows():
            if strategy.disabled is not None:
                yield f"{strategy.strategy} is disabled: {strategy.disabled}"

    def snapshot(self) -> Snapshot:
        sources = self._sources
        return self._sections.snapshot(
            self._status(),
            self._engine,
            self._screen.rows(sources.note if sources else _no_note),
            sources.rows() if sources else (),
        )

    def _status(self) -> Status:
        market_ms = self._clock.market_ms()
        touch, costed = self._engine.pnl_since(market_ms - market_ms % DAY_MS)
        store = self._store.status if self._store else StoreStatus("ok", "", 0)
        return Status(
            version=1,
            session=self._session,
            mode=self._mode,
            role=self._role,
            role_reason=self._why if self._phase == "observing" else "",
            trading_state=self._trading_state(),
            trading_reason=self._latched.reason if self._latched else self._engine.trading_reason,
            market_ms=market_ms,
            speed=self._clock.speed,
            started_ms=self._started_ms,
            windows=self._screen.windows,
            pnl_touch=touch,
            pnl_costed=costed,
            open_positions=len(self._engine.open_positions()),
            exposure=self._engine.exposure(),
            store_state=store.state,
            store_reason=store.reason,
            store_pending=store.pending,
            engine_us=self._sequencer.engine_us,
            inputs=self._sequencer.inputs,
        )

    def _trading_state(self) -> TradingState:
        """An observer shows what the latch says, which is the state of whoever trades."""
        return self._latched.state if self._latched else self._engine.trading_state

    @property
    def _role(self) -> Role:
        return "observer" if self._phase == "observing" else "owner"


def _take(lease: Lease, latch: Latch) -> bool:
    taken = lease.take()
    if taken and not lease.ran_before:
        latch.begin()
    return taken


def _beside(location: Path, suffix: str) -> Path:
    return location.with_name(location.name + suffix)


def _no_note(_: Coin, __: Horizon) -> str:
    return ""
