"""An engine as a child process of its console: started, waited for, and ended with it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import BinaryIO, Final

_STOP_TIMEOUT_S: Final = 15.0


@contextlib.asynccontextmanager
async def child(
    arguments: Sequence[str], log: BinaryIO, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``polyterm ARGUMENTS``, which writes to ``log`` and is to end when its stdin closes; ended when this is left.

    ``environment`` is added to this process's own.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "polyterm", *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=log,
        stderr=log,
        env={**os.environ, **(environment or {})},
        start_new_session=True,  # a Ctrl+C in the terminal is the console's to handle
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def last_words(log: BinaryIO, code: int) -> str:
    """Why the child ended: the signal that killed it, or else its own sentence."""
    if code < 0:
        return f"The engine was killed ({signal.Signals(-code).name}). Start polyterm again."
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    told = [line.removeprefix("polyterm: ") for line in lines if line.startswith("polyterm: ")]
    if told:
        return told[-1]
    return f"The engine ended unexpectedly; its last line was: {lines[-1][:300] if lines else '(none)'}"
