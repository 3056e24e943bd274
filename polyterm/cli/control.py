"""``polyterm kill | pause | resume | status``: one command or question to a running engine."""

import asyncio
import getpass
import time
import uuid
from typing import TYPE_CHECKING, Final

import click

from polyterm.cli.options import link_options
from polyterm.core.command import CommandKind, TradingState
from polyterm.errors import EXIT_BAD_INPUT

if TYPE_CHECKING:
    from polyterm.core.event import Event

_EVENTS_TOLD: Final = 100
_AIM: Final[dict[CommandKind, TradingState]] = {"kill": "KILLED", "pause": "PAUSED", "resume": "RUNNING"}


def _send(kind: CommandKind, address: str | None, instance: str | None, reason: str | None) -> None:
    from polyterm.cli.reach import find_engine
    from polyterm.core.command import Command
    from polyterm.service.link import oneshot
    from polyterm.settings import load

    settings = load()
    where = find_engine(settings, address, instance)
    token = settings.service.token.get_secret_value() if settings.service.token else None
    actor = getpass.getuser()
    command = Command(str(uuid.uuid4()), kind, actor, "cli", reason or f"polyterm {kind} by {actor}")
    began = time.monotonic()
    ack = asyncio.run(oneshot.send(where, command, token=token))
    took_ms = (time.monotonic() - began) * 1000
    if not ack.accepted and ack.state == _AIM[kind]:
        click.echo(f"{ack.state} ({ack.reason})")
    elif not ack.accepted:
        click.echo(f"polyterm: refused: {ack.reason} (state: {ack.state})", err=True)
        raise click.exceptions.Exit(EXIT_BAD_INPUT)
    else:
        click.echo(f"{ack.state} ({took_ms:.0f} ms)")


@click.command
@link_options
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
def kill(address: str | None, instance: str | None, reason: str | None) -> None:
    """Stop all trading of a running engine, now: no entries, no exits.

    It stays killed across restarts until 'polyterm resume'.
    """
    _send("kill", address, instance, reason)


@click.command
@link_options
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
def pause(address: str | None, instance: str | None, reason: str | None) -> None:
    """Take no new positions; exits and settlement go on."""
    _send("pause", address, instance, reason)


@click.command
@link_options
@click.option("--reason", metavar="TEXT", help="Why, for the record.")
def resume(address: str | None, instance: str | None, reason: str | None) -> None:
    """Trade again after a pause or a kill."""
    _send("resume", address, instance, reason)


@click.command
@link_options
@click.option("--json", "as_json", is_flag=True, help="The whole snapshot as JSON.")
@click.option("--text", "as_text", is_flag=True, help="Every figure of the console's panes, line by line in words.")
def status(address: str | None, instance: str | None, *, as_json: bool, as_text: bool) -> None:
    """Show what a running engine is doing."""
    import msgspec

    from polyterm.cli.reach import find_engine
    from polyterm.cli.report import status_lines, text_lines
    from polyterm.service.link import oneshot
    from polyterm.settings import load

    if as_json and as_text:
        raise click.UsageError("--json and --text exclude each other.")
    settings = load()
    where = find_engine(settings, address, instance)
    token = settings.service.token.get_secret_value() if settings.service.token else None
    snapshot = asyncio.run(oneshot.status(where, token=token))
    if as_json:
        click.echo(msgspec.json.encode(snapshot).decode())
    elif as_text:
        events = asyncio.run(_newest_events(where, token))
        click.echo("\n".join(text_lines(snapshot, events, where)))
    else:
        click.echo("\n".join(status_lines(snapshot, where)))


async def _newest_events(where: str, token: str | None) -> "tuple[Event, ...]":
    from polyterm.core.query import EventsAnswer, EventsQuery
    from polyterm.service.link import oneshot

    answer = await oneshot.ask(where, EventsQuery(_EVENTS_TOLD), token=token)
    return answer.events if isinstance(answer, EventsAnswer) else ()
