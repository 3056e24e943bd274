"""What every report command does: find the database, ask it, and print the answer for people or for programs."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    import msgspec

    from polyterm.store.location import Location
    from polyterm.store.reports.archive import Archive, Archives

Answer = TypeVar("Answer")

PATIENT_S: Final = 1.0
"""How long a terminal stays still before it is told why."""

_OPTIONS = (
    click.option("--db", metavar="PATH|URL", help="Database to read. Default: DATABASE_URL, or the data folder's."),
    click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object, for programs."),
)


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def run(db: str | None, question: "Callable[[Archives], Awaitable[Answer]]") -> Answer:
    """What a question that opens the database as often as it likes comes to.

    Raises:
        ConfigError: there is no such database, or it is none of ours.
        StoreError: it does not answer.
    """
    return _asked(_locate(db), question)


def ask(db: str | None, question: "Callable[[Archive], Awaitable[Answer]]") -> tuple[Answer, str]:
    """The answer to a question about one state of the database, and which database gave it. Raises as ``run``."""

    async def of_one_state(archives: "Archives") -> Answer:
        async with archives.archive() as archive, _patience(location.label):
            return await question(archive)

    location = _locate(db)
    return _asked(location, of_one_state), location.label


def _locate(db: str | None) -> "Location":
    from polyterm.settings import load
    from polyterm.store.location import locate

    settings = load({} if db is None else {"db": db})
    return locate(settings.db, settings.data_dir)


def _asked(location: "Location", question: "Callable[[Archives], Awaitable[Answer]]") -> Answer:
    from polyterm.store.reports.archive import Archives

    async def asked() -> Answer:
        archives = Archives.open(location)
        try:
            return await question(archives)
        finally:
            await archives.close()

    return asyncio.run(asked())


@contextlib.asynccontextmanager
async def _patience(name: str) -> AsyncIterator[None]:
    """Say on a terminal that a long question is being answered, and leave its line clean."""
    if not sys.stderr.isatty():
        yield
        return
    notice = asyncio.get_running_loop().call_later(
        PATIENT_S, lambda: click.echo(f"reading {name} …", err=True, nl=False)
    )
    try:
        yield
    finally:
        notice.cancel()
        click.echo("\r\x1b[K", err=True, nl=False)


def wall_ms() -> int:
    return int(time.time() * 1000)


def print_json(answer: "msgspec.Struct") -> None:
    import msgspec

    click.echo(msgspec.json.encode(answer).decode())
