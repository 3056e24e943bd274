"""What every report command does: find the database, ask it, and print the answer for people or for programs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import msgspec

    from polyterm.store.reports.archive import Archive

Answer = TypeVar("Answer")

_OPTIONS = (
    click.option("--db", metavar="PATH|URL", help="Database to read. Default: DATABASE_URL, or the data folder's."),
    click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object, for programs."),
)


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def ask(db: str | None, question: "Callable[[Archive], Awaitable[Answer]]") -> tuple[Answer, str]:
    """The answer, and which database gave it.

    Raises:
        ConfigError: there is no such database, or it is none of ours.
        StoreError: it does not answer.
    """
    from polyterm.settings import load
    from polyterm.store.location import locate
    from polyterm.store.reports.archive import Archives

    settings = load({} if db is None else {"db": db})
    location = locate(settings.db, settings.data_dir)

    async def asked() -> Answer:
        archives = Archives.open(location)
        try:
            async with archives.archive() as archive:
                return await question(archive)
        finally:
            await archives.close()

    return asyncio.run(asked()), str(location)


def wall_ms() -> int:
    return int(time.time() * 1000)


def print_json(answer: "msgspec.Struct") -> None:
    import msgspec

    click.echo(msgspec.json.encode(answer).decode())
