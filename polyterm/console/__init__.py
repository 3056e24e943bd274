"""The console: a client of one engine over a link, which paints snapshots and sends commands.

``latest`` keeps the newest of what the link said; ``view`` turns it into styled text; ``layout`` says what fits where;
``widgets`` and ``screens`` put it on the terminal; ``actions`` is the one table of keys; ``control`` sends commands.
"""

import asyncio
from pathlib import Path
from typing import Any

from polyterm.service.link.port import Link


async def run_console(
    link: Link,
    *,
    theme: str = "dark",
    user_themes: Path | None = None,
    quit_note: str = "",
    until: asyncio.Task[Any] | None = None,
) -> int:
    """Run the console until the operator quits or ``until`` is done; returns the exit code.

    ``user_themes`` is the user's own folder of theme files, which need not exist. ``quit_note`` says, on the screen,
    what quitting does to the engine.

    Raises:
        ConfigError: there is no theme of that name.
    """
    # Textual is imported here so that what merely formats figures (polyterm.console.view) does not pay for it.
    from polyterm.console.app import ConsoleApp  # noqa: PLC0415
    from polyterm.console.theming import choose, find_themes  # noqa: PLC0415

    found = find_themes(user_themes)
    app = ConsoleApp(
        link,
        theme=choose(found, theme),
        themes=found.themes,
        notices=tuple(found.problems.values()),
        quit_note=quit_note,
    )
    if until is not None:
        until.add_done_callback(lambda _: app.exit())
    await app.run_async()
    return app.return_code or 0
