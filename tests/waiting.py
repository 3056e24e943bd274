"""The one place where a test waits for something that it cannot await."""

import asyncio
from collections.abc import Callable


async def eventually(predicate: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Return as soon as ``predicate`` holds; TimeoutError when it never does."""
    async with asyncio.timeout(timeout_s):
        while not predicate():  # noqa: ASYNC110 - a predicate cannot wake us
            await asyncio.sleep(0.005)
