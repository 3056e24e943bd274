"""The console: a client of one engine over a link, which paints snapshots and sends commands.

``latest`` keeps the newest of what the link said; ``view`` turns it into styled text; ``layout`` says what fits where;
``widgets`` and ``screens`` put it on the terminal; ``actions`` is the one table of keys; ``control`` sends commands.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from polyterm.console.pauses import short_pauses, uncollected
from polyterm.service.link.port import Link

# Textual collects what changed until its next frame: at its own 60 a second a key would wait twice as long.
FRAMES_PER_S: Final = "120"


async def run_console(
    link: Link,
    *,
    theme: str | None = None,
    user_themes: Path | None = None,
    remembered: Path | None = None,
    folder: Path | None = None,
    keys: Mapping[str, Sequence[str]] | None = None,
    vi: bool = False,
    quit_note: str = "",
    until: asyncio.Task[Any] | None = None,
) -> int:
    """Run the console until the operator quits or ``until`` is done; returns the exit code.

    ``theme`` None is the one that was kept last. ``user_themes`` is the user's own folder of theme files and
    ``remembered`` the file of what the console remembers; neither need exist. Exports and pictures go below
    ``folder``. ``keys`` are the operator's own, by action, and ``vi`` adds those of vi. ``quit_note`` says, on the
    screen, what quitting does to the engine.

    Raises:
        ConfigError: there is no theme of that name, or a key of the operator's own cannot be had.
    """
    # Textual is imported here so that what merely formats figures (polyterm.console.view) does not pay for it.
    os.environ.setdefault("TEXTUAL_FPS", FRAMES_PER_S)
    with uncollected():
        from polyterm.console.app import ConsoleApp  # noqa: PLC0415
        from polyterm.console.memory import Memory  # noqa: PLC0415
        from polyterm.console.remap import remapped  # noqa: PLC0415
        from polyterm.console.theming import FALLBACK, choose, find_themes, still_there  # noqa: PLC0415

    found = find_themes(user_themes)
    memory = Memory(remembered)
    app = ConsoleApp(
        link,
        theme=choose(found, theme or still_there(found, memory.now.theme) or FALLBACK),
        themes=found.themes,
        notices=tuple(filter(None, (*found.problems.values(), memory.problem))),
        quit_note=quit_note,
        memory=memory,
        theme_is_set=theme is not None,
        actions=remapped(keys or {}, vi=vi),
        folder=folder,
    )
    if until is not None:
        until.add_done_callback(lambda _: app.exit())
    with short_pauses():
        await app.run_async()
    return app.return_code or 0
