"""The engine without a screen: ``polyterm --headless``, and the child process behind the foreground console."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator

from polyterm.cli.demo import Demo, demo
from polyterm.cli.launch import Launch
from polyterm.settings import Settings
from polyterm.transport.threads import UnawaitedThreads

log = logging.getLogger(__name__)


def run_headless(launch: Launch, *, until_stdin_closes: bool) -> None:
    """Run until SIGTERM or SIGINT (or, as a child, until the parent is gone)."""
    asyncio.run(_main(launch, until_stdin_closes=until_stdin_closes))


async def _main(launch: Launch, *, until_stdin_closes: bool) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().set_default_executor(UnawaitedThreads())
    with stop_on_signals(stop):
        async with _settings(launch) as settings:
            from polyterm.cli.user_strategies import load_own
            from polyterm.service.logs import log_to_stdout
            from polyterm.service.runtime import Runtime

            log_to_stdout()
            if until_stdin_closes:
                stop_when_stdin_closes(stop)
            own = load_own()
            runtime = Runtime(settings, wait_for_lease=not launch.no_wait, entries=own.entries)
            if own.broken:
                log.warning("skipped strategies: %s", "; ".join(map(str, own.broken)))
                runtime.view.problems["strategies"] = f"skipped strategies: {'; '.join(map(str, own.broken))}"
            await runtime.run(stop)


@contextlib.asynccontextmanager
async def _settings(launch: Launch) -> AsyncIterator[Settings]:
    if not launch.demo:
        yield launch.settings()
        return
    launch.settings()  # a mistake is told before anything starts
    async with demo(launch) as box:
        yield _demo_settings(launch, box)


def _demo_settings(launch: Launch, box: Demo) -> Settings:
    return launch.settings({**box.settings, "demo": True, "db": None, "data_dir": box.folder})


@contextlib.contextmanager
def stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def stop_when_stdin_closes(stop: asyncio.Event) -> None:
    """The parent holds the other end: when it dies, however it dies, this engine ends too."""
    loop = asyncio.get_running_loop()
    fd = sys.stdin.fileno()

    def readable() -> None:
        if not os.read(fd, 4096):
            loop.remove_reader(fd)
            stop.set()

    loop.add_reader(fd, readable)
