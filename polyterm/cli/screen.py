"""The console on the terminal: what ``polyterm`` and ``polyterm attach`` share."""

import asyncio
from typing import Any, Final

from polyterm.console import run_console  # light: Textual is imported while the engine starts
from polyterm.service.link.client import LinkClient
from polyterm.settings import Settings, config_dir

ATTACHED_NOTE: Final = "q detaches; the engine goes on"


async def show(
    settings: Settings,
    address: str,
    *,
    quit_note: str,
    token: str | None = None,
    until: asyncio.Task[Any] | None = None,
) -> None:
    """Returns when the user quits, or when ``until`` is done."""
    await run_console(
        LinkClient(address, token=token),
        theme=settings.console.theme,
        user_themes=config_dir() / "themes",
        quit_note=quit_note,
        until=until,
    )
