"""``polyterm attach``: a console on an engine that already runs, here or elsewhere."""

import asyncio

import click

from polyterm.cli.options import link_options


@click.command
@link_options
@click.option("--theme", metavar="NAME", help="Colours: dark, light, or one of your own.")
def command(address: str | None, instance: str | None, theme: str | None) -> None:
    """Show the console of a running engine; quitting leaves the engine running.

    ADDRESS is a socket file or http://host:port; without one, the engine that runs on this machine. An engine behind
    TCP wants its token in POLYTERM_SERVICE__TOKEN.
    """
    from polyterm.cli.reach import find_engine
    from polyterm.cli.terminal import require_terminal
    from polyterm.settings import load

    settings = load({"console": {"theme": theme}} if theme else None)
    where = find_engine(settings, address, instance)
    require_terminal("polyterm status")
    token = settings.service.token.get_secret_value() if settings.service.token else None
    from polyterm.cli.screen import ATTACHED_NOTE, show

    asyncio.run(show(settings, where, token=token, quit_note=ATTACHED_NOTE))
