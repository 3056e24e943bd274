"""``python -m polyterm.sim``: serve the simulated venues until told to stop.

Prints one line of JSON (where everything is) and then serves until SIGTERM, SIGINT or, when standard input is a pipe,
its end; so a simulator never outlives the program that started it.
"""

import argparse
import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import msgspec

from polyterm.core.market import HORIZONS
from polyterm.sim.box import Box

DEFAULT_SPEED = 15.0


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 1000:
        raise argparse.ArgumentTypeError("must be above 0 and at most 1000")
    return speed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m polyterm.sim", description="Serve the simulated venues.")
    parser.add_argument("--speed", type=_speed, default=DEFAULT_SPEED, help="market seconds per second (%(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="of the simulated world; drawn when not given")
    parser.add_argument("--horizon", choices=[each for each in HORIZONS if each != "1h"], default="15m")
    parser.add_argument("--port-file", type=Path, default=None, help="write the line of JSON here as well")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Box(seed=arguments.seed, speed=arguments.speed, horizon=arguments.horizon) as box:
        line = msgspec.json.encode(box.endpoints).decode() + "\n"
        if arguments.port_file is not None:
            _write_whole(arguments.port_file, line)
        sys.stdout.write(line)
        sys.stdout.flush()
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(_stdin_end(stop))
            await stop.wait()
            watcher.cancel()


def _write_whole(path: Path, text: str) -> None:
    """Readers see nothing or all of it."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


async def _stdin_end(stop: asyncio.Event) -> None:
    """Set ``stop`` at the end of standard input; a terminal, a file or nothing at all has no end that matters."""
    if sys.stdin is None:
        return
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while await reader.read(1024):
            pass
        stop.set()
    finally:
        transport.close()


def main() -> None:
    asyncio.run(_serve(_arguments()))


if __name__ == "__main__":
    main()
