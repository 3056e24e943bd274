"""``polyterm replay --watch``: the console on a recording, which a child process plays."""

import asyncio
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from polyterm.cli.child import child, last_words
from polyterm.errors import ConfigError

if TYPE_CHECKING:
    from polyterm.settings import Settings
    from polyterm.store.span import Stamped
    from polyterm.strategies.entry import Entry

QUIT_NOTE: Final = "quitting ends the replay"
_PATIENCE_S: Final = 2.0


def watch(sources: Sequence[str], options: Mapping[str, object], theme: str | None) -> None:
    """Returns when the console was quit. ``options`` are those of ``polyterm replay``; None leaves one out.

    Raises:
        ConfigError: there is no terminal, or nothing that could be played; the message is the child's own.
    """
    from polyterm.cli.terminal import require_terminal
    from polyterm.settings import load

    settings = load({"console": {"theme": theme}} if theme else None)
    require_terminal("polyterm replay")
    arguments = [*sources]
    for name, value in options.items():
        arguments += [] if value is None else [name, str(value)]
    # Not named as an engine's: a kill that is meant for one that trades must not find this one.
    socket = settings.runtime_dir / f"replay-{os.getpid()}.socket"
    with tempfile.TemporaryFile() as log:
        asyncio.run(_watch(settings, arguments, socket, log))


async def _watch(settings: "Settings", arguments: Sequence[str], socket: Path, log: BinaryIO) -> None:
    async with child(["replay", "--serve-on", str(socket), *arguments], log) as engine:
        from polyterm.cli.screen import show  # the child starts and reads while this imports

        ended = asyncio.create_task(engine.wait())
        await _listening(socket, ended)
        if not ended.done():
            await show(settings, f"unix:{socket}", quit_note=QUIT_NOTE, until=ended)
        if ended.done() and engine.returncode != 0:
            raise ConfigError(last_words(log, ended.result()))
        ended.cancel()


async def _listening(socket: Path, ended: asyncio.Task[int]) -> None:
    """Returns once the child can be attached to, or has ended. Far into a long recording that takes its time."""
    from polyterm.cli.reach import is_alive

    looks = 0
    while not is_alive(socket):
        done, _ = await asyncio.wait([ended], timeout=0.05)
        if done:
            return
        looks += 1
        if looks * 0.05 == _PATIENCE_S:
            click.echo("Looking for the first tick… (Ctrl+C stops)", err=True)


def serve(
    payloads: Iterable["Stamped"], failures: list[str], entries: Sequence["Entry"], socket: Path, speed: int
) -> None:
    """The child: play to whoever attaches at ``socket``, until stdin closes or a signal comes.

    Raises:
        ConfigError: there is nothing to play.
    """
    asyncio.run(_serve(payloads, failures, entries, socket, speed))


async def _serve(
    payloads: Iterable["Stamped"], failures: list[str], entries: Sequence["Entry"], socket: Path, speed: int
) -> None:
    from polyterm.cli.headless import stop_on_signals, stop_when_stdin_closes
    from polyterm.service.logs import log_to_stdout
    from polyterm.service.playback.runtime import ReplayRuntime
    from polyterm.settings import load
    from polyterm.transport.threads import UnawaitedThreads

    log_to_stdout()
    stop = asyncio.Event()
    asyncio.get_running_loop().set_default_executor(UnawaitedThreads())
    with stop_on_signals(stop):
        stop_when_stdin_closes(stop)
        await ReplayRuntime(payloads, failures, entries, load(), speed=speed).run(socket, stop)
