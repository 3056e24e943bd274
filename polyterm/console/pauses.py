"""Keeps the garbage collector from stopping the screen.

A full collection of what Textual and its imports hold takes 60 to 90 ms, longer than a keystroke may; none of that ever
becomes garbage. So it is put out of the collector's sight once it is there.
"""

import asyncio
import contextlib
import gc
from collections.abc import Iterator
from typing import Final

# By then the first sections are on the screen, and what only the start needed is gone.
SETTLED_AFTER_S: Final = 3.0


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Imports in here are never collected: neither while they run nor later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def short_pauses(settled_after_s: float = SETTLED_AFTER_S) -> Iterator[None]:
    """Within a running loop: later on, do for what the start has made what ``uncollected`` does for imports."""
    settling = asyncio.get_running_loop().call_later(settled_after_s, _settle)
    try:
        yield
    finally:
        settling.cancel()
        gc.unfreeze()


def _settle() -> None:
    gc.collect()
    gc.freeze()
