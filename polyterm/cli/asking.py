"""What every report command does: find the database, ask it, and print the answer for people or for programs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import msgspec

    from polyterm.store.location import Location
    from polyterm.store.reports.archive import Archive, Archives

Answer = TypeVar("Answer")

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
        async with archives.archive() as archive:
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


def wall_ms() -> int:
    return int(time.time() * 1000)


def print_json(answer: "msgspec.Struct") -> None:
    import msgspec

    click.echo(msgspec.json.encode(answer).decode())
