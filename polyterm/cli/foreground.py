"""``polyterm``: start an engine as a child process, show its console, and stop it when the console is quit."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from polyterm.cli.child import child, last_words
from polyterm.cli.launch import Launch
from polyterm.cli.reach import is_alive
from polyterm.cli.terminal import require_terminal
from polyterm.errors import ConfigError
from polyterm.settings import Settings

_START_TIMEOUT_S: Final = 30.0


def run_foreground(launch: Launch) -> None:
    """Returns when the console was quit and the engine has flushed and ended.

    An engine that already runs under this name is shown instead of a second one being started, unless flags ask for
    another engine: that one gets a name of its own, and observes where both mean the same database.

    Raises:
        ConfigError: a setting is wrong, or the engine ended by itself; the message is the engine's own.
    """
    settings = launch.settings()
    require_terminal("polyterm --headless")
    name = "demo" if launch.demo and launch.instance is None else settings.service.instance
    if is_alive(settings.runtime_dir / f"{name}.sock"):
        if launch == Launch(theme=launch.theme):
            from polyterm.cli.screen import ATTACHED_NOTE, show

            asyncio.run(show(settings, f"unix:{settings.socket_path}", quit_note=ATTACHED_NOTE))
            return
        name = f"{name}-{os.getpid()}"
    launch = msgspec.structs.replace(launch, instance=name)
    settings = launch.settings()
    with _engine_log(launch, settings) as log:
        asyncio.run(_main(launch, settings, log))


@contextlib.contextmanager
def _engine_log(launch: Launch, settings: Settings) -> Iterator[BinaryIO]:
    """Where the engine's own output goes while the console has the screen; a demo's has no name and goes with it."""
    if launch.demo:
        with tempfile.TemporaryFile() as log:
            yield log
        return
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (settings.data_dir / f"{settings.service.instance}.log").open("w+b")
    except OSError as error:
        raise ConfigError(f"The data folder {settings.data_dir} cannot be used: {error.strerror}.") from None
    with file:
        yield file


async def _main(launch: Launch, settings: Settings, log: BinaryIO) -> None:
    arguments = ["--headless", "--until-stdin-closes", *launch.arguments()]
    async with child(arguments, log, launch.environment()) as engine:
        from polyterm.cli.screen import show  # the engine starts while this imports

        ended = asyncio.create_task(engine.wait())
        await show(
            settings,
            f"unix:{settings.socket_path}",
            quit_note="quitting stops the engine",
            starting_s=_START_TIMEOUT_S,
            until=ended,
        )
        if ended.done() and engine.returncode != 0:
            raise ConfigError(last_words(log, ended.result()))
        ended.cancel()
