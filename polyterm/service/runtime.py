"""The composition root: one engine with its feeds, its store and its status server, from start to a clean end."""

import asyncio
import logging
import os
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Final

import msgspec

from polyterm.core.command import Ack, Command
from polyterm.core.digest import WindowDigest
from polyterm.core.event import Event
from polyterm.core.input import Input, Payload
from polyterm.engine.books import Book
from polyterm.engine.digest import RunningDigests
from polyterm.engine.engine import Engine
from polyterm.errors import ConfigError, LeaseLost, StoreError
from polyterm.quant.gaps import GapWatch
from polyterm.service.assembly import Venues
from polyterm.service.commands import Commands
from polyterm.service.continuity import Continuity
from polyterm.service.effective import effective
from polyterm.service.gaps import gap_watch
from polyterm.service.heartbeat import Heartbeat
from polyterm.service.host import this_platform
from polyterm.service.journal import SUFFIX
from polyterm.service.latch import Latch, opening
from polyterm.service.lease import RETRY_S, Lease
from polyterm.service.lease_of import disown, lease_of
from polyterm.service.leftovers import Leftovers
from polyterm.service.recovery import PROGRAM
from polyterm.service.sequencer import Sequencer
from polyterm.service.snapshots import Screen
from polyterm.service.sources import Assemble
from polyterm.service.status.server import StatusServer
from polyterm.service.tasks import keep_alive, together
from polyterm.service.unresolved import resume_unresolved
from polyterm.service.view import View
from polyterm.settings import Settings
from polyterm.store.location import Location, locate
from polyterm.store.queries import Reader
from polyterm.store.rows import SessionInfo
from polyterm.store.store import Store
from polyterm.strategies.entry import Entry
from polyterm.strategies.registry import REGISTRY
from polyterm.transport.clock import ScaledClock

OPEN_RETRY_S: Final = 1.0
EARLY_KEPT: Final = 1000

log = logging.getLogger(__name__)


class Runtime:
    """One run of the engine over ``settings``; ``assemble`` makes what feeds it, ``entries`` are who trades.

    It owns the database while it holds the lease. Without the lease it observes: it answers on its own socket, says who
    holds it, and takes over when that one is gone.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        wait_for_lease: bool = True,
        assemble: Assemble = Venues,
        entries: Sequence[Entry] = REGISTRY,
    ) -> None:
        self._settings = settings
        self._wait_for_lease = wait_for_lease
        self._assemble = assemble
        self._clock = ScaledClock(**settings.clock.model_dump())
        session = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        self._engine = Engine(session, [Book(entry) for entry in entries], settings.paper.sizing)
        self._continuity = Continuity(self._engine, entries)
        self._digests = RunningDigests(session)
        self._series = [(coin, settings.horizon) for coin in settings.coins]
        self._gaps = GapWatch()
        self._leftovers = Leftovers(self._engine, self.handle)
        screen = Screen(self._series)
        self._sequencer = Sequencer(self._engine, self._clock, watch=screen.watch, submit=self._submit)
        self.view = View(
            session=session,
            mode="DEMO" if settings.demo else "PAPER",
            clock=self._clock,
            engine=self._engine,
            sequencer=self._sequencer,
            screen=screen,
            settings=effective(settings),
        )
        self._server = StatusServer(self.view, self.send, settings.service.token)
        self._commands: Commands | None = None
        self._early: deque[tuple[Input, tuple[Event, ...], tuple[WindowDigest, ...]]] = deque(maxlen=EARLY_KEPT)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; everything is flushed and closed when this returns.

        Raises:
            ConfigError: something that the user gave is wrong or taken; nothing was started.
            StoreError: at the end something could not be written.
            LeaseLost: another instance has become the writer; nothing that waited was written.
        """
        location = locate(self._settings.db, self._settings.data_dir)
        lease = self.view.lease = lease_of(location, self._settings.service.instance)
        latch = Latch(location.beside(".latch.json"))
        owns = await self._take(lease, latch)
        if self.view.phase == "observing" and not self._wait_for_lease:
            raise ConfigError(f"The database {location} belongs to {lease.holder()}: stop it, or drop --no-wait.")
        if self.view.phase == "observing":
            log.warning("this instance %s", self.view.why)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(lease.release)
            self._commands = Commands(
                latch,
                apply=self._sequencer.handle,
                trading_state=lambda: self.view.trading_state,
                announce=self._announce,
                tell=self._note_problem("latch"),
            )
            stack.push_async_callback(self._commands.close)
            stack.push_async_callback(self._server.close)
            await self._server.start()
            await self._listen(strict=owns)
            await together(
                keep_alive("showing the state", self._server.run, self._note_problem("server")),
                self._commands.run(),
                self._work(location, lease, latch),
                stop=stop,
            )

    def handle(self, payload: Payload) -> None:
        """Number, stamp and apply one input, and hand on what came of it. Never blocks."""
        self._sequencer.handle(payload)

    async def send(self, command: Command) -> Ack:
        """The engine has acted before this first waits; the answer comes when the trading state is latched on disk."""
        view = self.view
        if self._commands is None or view.phase == "observing":
            return Ack(command.id, False, f"this instance {view.why or 'is starting'}", view.trading_state)
        return await self._commands.send(command)

    # From start to end

    async def _work(self, location: Location, lease: Lease, latch: Latch) -> None:
        if not lease.held:
            while not await self._take(lease, latch):  # noqa: ASYNC110 - who holds it wakes nobody
                await asyncio.sleep(RETRY_S)
            log.warning("taking over %s", location)
            await self._listen(strict=False)
        try:
            async with asyncio.TaskGroup() as holding:
                keeping = holding.create_task(lease.keep())
                await self._own(location, lease)
                keeping.cancel()
        except BaseExceptionGroup as failures:
            if failures.subgroup(LeaseLost) is not None:
                disown(location)
                location.beside(SUFFIX).unlink(missing_ok=True)
            raise

    async def _take(self, lease: Lease, latch: Latch) -> bool:
        """Try to become the owner. An owner is in the latched trading state at once, before it has a database."""
        view = self.view
        try:
            taken = await lease.take()
        except StoreError as error:
            view.phase, view.why = "starting", str(error)
            log.warning("waiting for the database: %s", error)
            return False
        if not taken:
            view.phase, view.why = "observing", f"only observes: {lease.holder()} writes its database"
            view.latched = lease.latched or (latch.read() if latch.path.exists() else None)
            return False
        view.phase, view.why, view.latched = "starting", "", None
        view.started_ms = self._clock.market_ms()  # not before: while this one observed another session went on
        if not lease.ran_before:
            latch.begin()
        latch.catch_up(lease.latched)
        latched = latch.read()
        command = opening(latched)
        if command is not None:
            log.warning("trading starts %s: %s", latched.state, latched.reason or "no reason was given")
            self._announce(tuple(self._sequencer.handle(command)))
        return True

    async def _own(self, location: Location, lease: Lease) -> None:
        view = self.view
        sources = self._assemble(self._settings, self._clock, self.handle)  # a wrong setting leaves no session behind
        store = await self._open(location, lease)
        reader = Reader.open(location)
        async with asyncio.TaskGroup() as writing:
            writing.create_task(store.run())
            try:
                await self._take_over(location, store)
                self._gaps = await gap_watch(self._engine, reader, self._series, self._clock)
                view.opened(store, reader, sources)
                while self._early:
                    item, happened, digests = self._early.popleft()
                    store.submit(item, happened, digests)
                    self._continuity.note(item, happened)
                view.phase, view.why = "running", ""
                where = {"session": view.session, "database": str(location)}
                log.info("%s is running: %s", PROGRAM, view.mode, extra=where)
                heartbeat = Heartbeat(store, view.snapshot)
                await together(
                    sources.run(),
                    resume_unresolved(sources, reader, self._engine, self._clock),
                    keep_alive(
                        "taking up what is stored",
                        lambda: self._leftovers.run(store, reader, self._clock),
                        self._note_problem("leftovers"),
                    ),
                    keep_alive("the heartbeat", heartbeat.run, self._note_problem("heartbeat")),
                    keep_alive(
                        "keeping checkpoints",
                        self._continuity.run,
                        self._note_problem("checkpoints"),
                    ),
                )
            finally:
                view.phase = "ending"
                await self._continuity.end(self._sequencer.inputs)
                await reader.close()
                # Before its task is cancelled, which could cut a commit short.
                await store.close(self._digests.summary())
                log.info("ended", extra={"session": view.session})

    async def _take_over(self, location: Location, store: Store) -> None:
        def tell(what: str) -> None:
            self.view.why = what

        early = (item for item, _, _ in self._early)
        problem = await self._continuity.begin(location, store, self._session_info(), early=early, tell=tell)
        self._note_problem("recovery")(problem)

    async def _open(self, location: Location, lease: Lease) -> Store:
        """The store; a database that another process keeps locked is waited for."""
        session = self._session_info()
        while True:
            try:
                return await Store.open(
                    location, session=session, on_durable=self._stored, on_alarm=self._pause, guard=lease.guard
                )
            except StoreError as error:
                self.view.why = str(error)
                log.warning("waiting for the database: %s", error)
                await asyncio.sleep(OPEN_RETRY_S)

    def _session_info(self) -> SessionInfo:
        return SessionInfo(
            id=self.view.session,
            started_ms=self.view.started_ms,
            mode=self.view.mode,
            program=PROGRAM,
            platform=msgspec.json.encode(this_platform()).decode(),
            sizing=self._settings.paper.sizing,
            strategies=tuple(row.strategy for row in self._engine.leaderboard_rows()),
        )

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

    # What comes of an input

    def _submit(self, item: Input, events: Sequence[Event]) -> None:
        if self.view.phase == "ending":
            return
        store, digests = self.view.store, self._digests.add(item, events)
        if store is None:
            self._early.append((item, tuple(events), digests))  # commands: nothing else comes before the database
        else:
            store.submit(item, events, digests)
            store.note_gaps(self._gaps.see(item.payload))
            self._continuity.note(item, events)
            self._leftovers.note(events)

    def _stored(self, events: tuple[Event, ...]) -> None:
        self._announce(tuple(event for event in events if not isinstance(event, Commands.ANNOUNCED_AT_ONCE)))

    def _pause(self, why: str) -> None:
        """Nothing can be stored: trade no more until a person says so, and collect what there is still room for."""
        if self._commands is not None and self.view.trading_state == "RUNNING":
            command = Command(
                f"store-{secrets.token_hex(6)}", "pause", "store", "store", f"nothing can be stored: {why}"
            )
            self._commands.carry_out(command)

    def _announce(self, events: tuple[Event, ...]) -> None:
        self.view.remember(events)
        self._server.announce(events)

    def _note_problem(self, where: str) -> Callable[[str], None]:
        """Keeps the newest problem of a part; an empty one clears it."""

        def note(problem: str) -> None:
            self.view.problems[where] = problem

        return note
