"""The console on the terminal: what ``polyterm`` and ``polyterm attach`` share."""

import asyncio
from typing import Any, Final

from polyterm.console import run_console  # light: Textual is imported while the engine starts
from polyterm.errors import LinkError
from polyterm.service.link.client import LinkClient
from polyterm.settings import Settings, config_dir, state_dir

ATTACHED_NOTE: Final = "quitting leaves the engine running"


async def show(
    settings: Settings,
    address: str,
    *,
    quit_note: str,
    token: str | None = None,
    starting_s: float = 0.0,
    until: asyncio.Task[Any] | None = None,
) -> None:
    """Returns when the user quits, or when ``until`` is done. ``starting_s``: the engine may take so long to start."""
    code = await run_console(
        LinkClient(address, token=token, starting_s=starting_s),
        theme=settings.console.theme,
        user_themes=config_dir() / "themes",
        remembered=state_dir() / "console.json",
        folder=settings.data_dir,
        keys=settings.console.keys,
        vi=settings.console.vi,
        quit_note=quit_note,
        until=until,
    )
    if code:
        raise LinkError("The console ended by a defect of its own; the engine was not harmed. Start it again.")
