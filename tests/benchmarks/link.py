"""What a console costs the link: bytes a second from a headless demo at four snapshots a second, full and by sections.

Run as ``python -m tests.benchmarks.link [--seconds 60] [--speed 15]``. "Full" is what it would be if every message
carried every section as it then was; the rest is what did travel, by section.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp
import msgspec

from polyterm.core.snapshot import Snapshot, SnapshotDelta
from polyterm.service.link.thin import Whole
from polyterm.service.link.wire import PROTOCOL, Hello
from tests.benchmarks.console import demo, say

KIB = 1024
LARGEST = 16 * 1024 * KIB


async def listen(socket: Path, warm_up: float, seconds: float) -> None:
    connector = aiohttp.UnixConnector(str(socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect("http://localhost/link", max_msg_size=LARGEST) as attached,
    ):
        await attached.send_str(msgspec.json.encode(Hello(PROTOCOL, "benchmark")).decode())
        whole, sizes = Whole(), dict[str, int]()
        sent: Counter[str] = Counter()
        times: Counter[str] = Counter()
        full = messages = total = 0
        began = time.monotonic() + warm_up
        async for frame in attached:
            parts = msgspec.json.decode(frame.data, type=dict[str, msgspec.Raw])
            if bytes(parts["type"]) == b'"snapshot"':
                delta = whole.of(msgspec.json.decode(frame.data, type=SnapshotDelta))
                names = [name for name in Snapshot.__struct_fields__ if name in parts]
                sizes |= {name: len(msgspec.json.encode(getattr(delta, name))) for name in names}
                travelled = {name: len(bytes(parts[name])) for name in names}
            else:
                travelled = {"events and answers": len(frame.data)}
            if time.monotonic() < began:
                continue
            total += len(frame.data)
            messages += 1
            sent.update(travelled)
            times.update(dict.fromkeys(travelled, 1))
            full += sum(sizes.values()) if "status" in travelled else 0
            if time.monotonic() > began + seconds:
                break
        elapsed = time.monotonic() - began
    say(f"{messages / elapsed:.1f} messages/s, {total / elapsed / KIB:.1f} KiB/s")
    say(f"every section whole each time: {full / elapsed / KIB:.1f} KiB/s")
    for name, size in sent.most_common():
        whole_of = f", {sizes[name] / KIB:.1f} KiB when whole" if name in sizes else ""
        say(f"  {name}: {size / elapsed / KIB:.1f} KiB/s, {times[name] / elapsed:.1f} times/s{whole_of}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--warm-up", type=float, default=30.0, help="seconds of trading before it is measured")
    arguments.add_argument("--speed", type=float, default=15.0)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="pt-") as folder:
        environment = {**os.environ, "POLYTERM_DATA_DIR": f"{folder}/data", "POLYTERM_RUNTIME_DIR": f"{folder}/run"}
        with demo(environment, given.speed):
            while not (found := list(Path(folder, "run").glob("*.sock"))):
                time.sleep(0.1)
            asyncio.run(listen(found[0], given.warm_up, given.seconds))


if __name__ == "__main__":
    main()
