"""Jobs that belong together and end together."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

RESTART_S: Final = 5.0
log = logging.getLogger(__name__)


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


async def keep_alive(name: str, job: Callable[[], Coroutine[Any, Any, None]], tell: Callable[[str], None]) -> None:
    """Run a job again when it failed by a defect, so that it does not end the others.

    The defect is logged with its traceback and told in words. For jobs that change nothing outside themselves.
    """
    while True:
        try:
            await job()
        except Exception as error:
            log.exception("%s failed", name)
            tell(f"{name} failed by a defect of ours ({type(error).__name__}: {error})")
            await asyncio.sleep(RESTART_S)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
