"""Jobs that belong together and end together."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def together(*jobs: Coroutine[Any, Any, None], stop: asyncio.Event | None = None) -> None:
    """Run jobs until one fails, all are done, or ``stop`` is set; then every one has ended.

    Raises:
        The first failure itself, not a group: whoever called wants to tell a wrong setting from a defect.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
            if stop is not None:
                await stop.wait()
                for task in tasks:
                    task.cancel()
    except BaseExceptionGroup as failures:
        raise _first(failures) from None


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
