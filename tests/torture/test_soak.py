"""Memory and file handles of an engine that runs for long: flat.

``POLYTERM_SOAK_MINUTES`` (4) sets how long the engine runs through the sockets at 15 times the market's speed,
``POLYTERM_SOAK_HOURS`` (24) how many hours of inputs go through the engine alone.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from polyterm.core.input import Input
from polyterm.engine.books import Book
from polyterm.engine.engine import Engine
from polyterm.strategies.registry import REGISTRY
from tests.benchmarks.day import day
from tests.service.engines import short_folder
from tests.waiting import eventually

MINUTES = float(os.environ.get("POLYTERM_SOAK_MINUTES", "4"))
HOURS = float(os.environ.get("POLYTERM_SOAK_HOURS", "24"))
MB = 2**20
SPEED = 15

Say = Callable[[str], None]


class Sample(NamedTuple):
    """At the end of a minute, or of an hour of inputs; handles are files and sockets."""

    rss_mb: float
    handles: int
    inputs: int


def growth(samples: list[Sample]) -> float:
    """Megabytes from the middle of the second quarter to the end: what is filled once has been filled by then."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    return sum(one.rss_mb for one in late) / len(late) - sum(one.rss_mb for one in early) / len(early)


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[Path]:
    """A headless engine on the simulator; its socket."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "polyterm", "--headless", "--demo", "--demo-speed", str(SPEED), "--instance", "soak",
        env={**os.environ, "POLYTERM_RUNTIME_DIR": str(folder)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield folder / "soak.sock"
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await process.wait() == 0


async def sample(socket: Path) -> Sample | None:
    """None while nobody answers."""
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(socket))) as session,
            session.get("http://localhost/metrics") as response,
        ):
            families = text_string_to_metric_families(await response.text())
    except (aiohttp.ClientError, OSError):
        return None
    found = {one.name: one.value for family in families for one in family.samples if not one.labels}
    return Sample(
        found["process_resident_memory_bytes"] / MB, int(found["process_open_fds"]), int(found["polyterm_inputs_total"])
    )


@pytest.mark.torture
async def test_through_the_sockets_memory_and_handles_stay_flat(say: Say) -> None:
    samples: list[Sample] = []
    with short_folder() as folder:
        async with demo(folder) as socket:
            await eventually(lambda: sample(socket), 60)
            for minute in range(1, round(MINUTES) + 1):
                await asyncio.sleep(60)
                now = await sample(socket)
                assert now is not None
                samples.append(now)
                say(f"minute {minute}: {now.rss_mb:.1f} MB, {now.handles} handles, {now.inputs:,} inputs")
    say(f"{growth(samples):+.1f} MB from the second quarter to the last")
    later = samples[len(samples) // 2 :]
    assert max(one.handles for one in later) - min(one.handles for one in later) <= 4
    assert samples[-1].inputs > MINUTES * 60 * SPEED * 2  # of four coins; a slow machine may leave some out
    if MINUTES >= 20:
        assert growth(samples) < 0.05 * samples[-1].rss_mb


@pytest.mark.torture
def test_a_day_of_inputs_leaves_nothing_behind_in_the_engine(say: Say) -> None:
    process, engine, samples = psutil.Process(), Engine("soak", [Book(entry) for entry in REGISTRY], "shares"), []
    began_ms, events, hour = 0, 0, 1
    for number, (at_ms, payload) in enumerate(day(hours=HOURS), start=1):
        began_ms = began_ms or at_ms
        events += len(engine.apply(Input(number, at_ms, payload)))
        if at_ms - began_ms >= hour * 3_600_000:
            samples.append(Sample(process.memory_info().rss / MB, process.num_fds(), number))
            say(f"hour {hour}: {samples[-1].rss_mb:.1f} MB, {number:,} inputs, {events:,} events")
            hour += 1
    say(f"{growth(samples):+.1f} MB from the second quarter to the last")
    assert samples[-1].handles == samples[0].handles
    assert growth(samples) < 0.05 * samples[-1].rss_mb
