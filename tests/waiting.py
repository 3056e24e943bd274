"""The one place where tests wait for something that another task or process does."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

POLL_S = 0.01


async def eventually(
    predicate: Callable[[], object] | Callable[[], Awaitable[object]], timeout_s: float = 10.0
) -> None:
    """Return as soon as the predicate is true; fail with its text when that takes longer than ``timeout_s``."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                result = predicate()
                if inspect.isawaitable(result):
                    result = await result
                if result:
                    return
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise AssertionError(f"not true within {timeout_s} s: {inspect.getsource(predicate).strip()}") from None
