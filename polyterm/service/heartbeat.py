"""A sign of life in the database and in the log, once a minute."""

import asyncio
import logging
import resource
import sys
import time
from collections.abc import Callable
from typing import Final

import msgspec

from polyterm.core.snapshot import Snapshot
from polyterm.store.store import Store

KEY: Final = "collector_health"
INTERVAL_S: Final = 60.0
log = logging.getLogger(__name__)


class Ping(msgspec.Struct, frozen=True):
    """``timestamp`` is unix ms of market time, ``uptime`` wall seconds, ``memory`` the peak resident MB."""

    timestamp: int
    inputs: int
    messages_per_s: float
    errors: int
    reconnects: int
    uptime: int
    memory: float


class Heartbeat:
    def __init__(self, store: Store, snapshot: Callable[[], Snapshot]) -> None:
        self._store = store
        self._snapshot = snapshot
        self._began = time.monotonic()

    async def run(self) -> None:
        while True:
            ping = self._ping()
            self._store.put_state(KEY, msgspec.json.encode(ping).decode(), ping.timestamp)
            log.info("alive", extra=msgspec.to_builtins(ping))
            await asyncio.sleep(INTERVAL_S)

    def _ping(self) -> Ping:
        snapshot = self._snapshot()
        feeds = snapshot.feeds.rows
        return Ping(
            timestamp=snapshot.status.market_ms,
            inputs=snapshot.status.inputs,
            messages_per_s=round(sum(row.messages_per_s for row in feeds), 1),
            errors=sum(row.malformed + row.unknown + row.gaps for row in feeds),
            reconnects=sum(row.reconnects for row in feeds),
            uptime=round(time.monotonic() - self._began),
            memory=round(_peak_mb(), 1),
        )


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024) if sys.platform == "darwin" else peak / 1024  # macOS counts bytes, Linux KiB
