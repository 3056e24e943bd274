"""A recording, an engine and a socket for consoles: no feeds, no database, no latch, no lease."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from polyterm.core.event import Event
from polyterm.engine.books import Book
from polyterm.engine.engine import Engine
from polyterm.errors import ConfigError
from polyterm.service.commands import Commands
from polyterm.service.effective import effective
from polyterm.service.latch import Latched
from polyterm.service.playback.player import Player
from polyterm.service.playback.stage import Stage
from polyterm.service.playback.tape import Reading, Tape
from polyterm.service.playback.view import Recorded, ReplayView
from polyterm.service.sequencer import Sequencer
from polyterm.service.snapshots import Screen
from polyterm.service.status.server import StatusServer
from polyterm.service.tasks import keep_alive, together
from polyterm.settings import Settings
from polyterm.store.span import Stamped
from polyterm.strategies.entry import Entry
from polyterm.transport.clock import PlayerClock

SESSION: Final = "replay"


class _NoLatch:
    def write(self, latched: Latched) -> None:
        """A replay's trading state ends with it."""


class ReplayRuntime:
    """Plays ``payloads`` from their beginning to whoever attaches at ``path``.

    ``failures`` is filled while they are read, with sentences about what cannot be.
    """

    def __init__(
        self,
        payloads: Iterable[Stamped],
        failures: list[str],
        entries: Sequence[Entry],
        settings: Settings,
        *,
        speed: int = 1,
    ) -> None:
        self._failures = failures
        self._entries = entries
        self._settings = settings
        self._speed = speed
        self._tape = Tape()
        self._grown = asyncio.Event()
        self._reading = Reading(payloads, self._tape, self._note_growth)
        self._player: Player | None = None
        self._screen = Screen(())

    async def run(self, path: Path, stop: asyncio.Event) -> None:
        """Until ``stop`` is set. Consoles can attach once there is something to show.

        Raises:
            ConfigError: there is nothing to play, or the socket cannot be opened; nothing was shown.
        """
        await together(self._reading.run(), self._show(path), stop=stop)

    def _note_growth(self) -> None:
        for series in self._tape.series:
            self._screen.include(series)
        self._grown.set()
        if self._player is not None:
            self._player.grown()

    async def _begun(self) -> None:
        """Returns once there is something to play."""
        while not self._tape.ticks:
            if self._failures or self._tape.complete:
                raise ConfigError(" ".join(self._failures) or "There is not one tick in what is to be played.")
            self._grown.clear()
            await self._grown.wait()
        if self._failures:
            raise ConfigError(" ".join(self._failures))

    async def _show(self, path: Path) -> None:
        await self._begun()
        engine = Engine(SESSION, [Book(entry) for entry in self._entries])
        clock = PlayerClock(self._tape.at(0)[0])
        sequencer = Sequencer(engine, clock, watch=self._screen.watch, submit=_nowhere)
        view = ReplayView(
            session=SESSION,
            mode="REPLAY",
            clock=clock,
            engine=engine,
            sequencer=sequencer,
            screen=self._screen,
            settings=effective(self._settings),
        )
        stage = view.stage = Stage(engine, sequencer, self._screen)
        view.tape = self._tape
        async with AsyncExitStack() as stack:

            def announce(events: tuple[Event, ...]) -> None:
                view.remember(events)
                server.announce(events)

            player = Player(
                self._tape, stage, clock, announce=announce, recall=view.recall, speed=self._speed
            )  # fmt: skip
            commands = Commands(
                _NoLatch(),
                apply=stage.command,
                trading_state=lambda: engine.trading_state,
                announce=announce,
                tell=_unheard,
            )
            server = StatusServer(view, commands.send, steer=player.steer)
            view.position, view.sources, view.phase = player.playback, Recorded(self._tape, self._failures), "running"
            self._player = player
            stack.push_async_callback(commands.close)
            stack.push_async_callback(server.close)
            await server.start()
            await server.listen_unix(path)
            await together(player.run(), keep_alive("showing the state", server.run, _unheard))


def _nowhere(*_: object) -> None:
    """Nothing is stored."""


def _unheard(_: str) -> None:
    """It is in the log."""
