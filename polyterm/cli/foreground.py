"""``polyterm``: start an engine as a child process, show its console, and stop it when the console is quit."""

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import msgspec

from polyterm.cli.launch import Launch
from polyterm.cli.reach import is_alive
from polyterm.errors import ConfigError
from polyterm.settings import Settings

_STOP_TIMEOUT_S: Final = 15.0


def run_foreground(launch: Launch) -> None:
    """Returns when the console was quit and the engine has flushed and ended.

    An engine that already runs under this name is shown instead of a second one being started, unless flags ask for
    another engine: that one gets a name of its own, and observes where both mean the same database.

    Raises:
        ConfigError: a setting is wrong, or the engine ended by itself; the message is the engine's own.
    """
    settings = launch.settings()
    if not sys.stdout.isatty():
        raise ConfigError("The console needs a terminal: use 'polyterm --headless' here.")
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
def _engine_log(launch: Launch, settings: Settings) -> Iterator[Path]:
    """Where the engine's own output goes while the console has the screen; a demo's goes with the demo."""
    if launch.demo:
        with tempfile.TemporaryDirectory(prefix="polyterm-log-") as folder:
            yield Path(folder) / "engine.log"
        return
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"The data folder {settings.data_dir} cannot be made: {error.strerror}.") from None
    yield settings.data_dir / f"{settings.service.instance}.log"


async def _main(launch: Launch, settings: Settings, log: Path) -> None:
    async with _engine(launch, log) as engine:
        from polyterm.cli.screen import show  # the engine starts while this imports

        ended = asyncio.create_task(engine.wait())
        await show(settings, f"unix:{settings.socket_path}", quit_note="quitting stops the engine", until=ended)
        if ended.done() and engine.returncode != 0:
            raise ConfigError(_last_words(log))
        ended.cancel()


@contextlib.asynccontextmanager
async def _engine(launch: Launch, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    command = [sys.executable, "-m", "polyterm", "--headless", "--until-stdin-closes", *launch.arguments()]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl+C in the terminal is the console's to handle
        )
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _last_words(log: Path) -> str:
    """The engine's own sentence about why it ended."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    told = [line.removeprefix("polyterm: ") for line in lines if line.startswith("polyterm: ")]
    if told:
        return told[-1]
    return f"The engine ended unexpectedly; its last line was: {lines[-1][:300] if lines else '(none)'}"
