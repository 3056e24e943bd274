"""Pictures of the main screen in every theme and without colours, of the theme chooser, and of the first minute.

Every picture in the folder beside this file was looked at before it was accepted.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from polyterm.console.app import ConsoleApp
from polyterm.console.memory import Memory
from polyterm.console.theming import Themes, choose
from polyterm.core.snapshot import Ticks
from tests.console import scenes
from tests.console.links import CONNECTED, MemoryLink
from tests.console.test_pictures import SIZES, linked, repainted

Build = Callable[..., ConsoleApp]
Snap = Callable[..., bool]


@pytest.mark.parametrize(
    ("theme", "state", "size"),
    [
        *((theme, "running", "120x36") for theme in ("colour-blind", "high-contrast", "mono")),
        *((theme, "paused", "80x24") for theme in ("colour-blind", "mono")),
        ("mono", "disconnected", "80x24"),
    ],
)
def test_theme(snap_compare: Snap, console: Build, theme: str, state: str, size: str) -> None:
    assert snap_compare(console(linked(state), theme=theme), terminal_size=SIZES[size], run_before=repainted)


@pytest.mark.parametrize("state", ["running", "paused"])
def test_without_colours(snap_compare: Snap, console: Build, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(console(linked(state)), terminal_size=SIZES["120x36"], run_before=repainted)


@pytest.mark.parametrize("size", ["80x24", "120x36"])
def test_theme_chooser(snap_compare: Snap, console: Build, size: str) -> None:
    async def choose_next(pilot: object) -> None:
        await repainted(pilot)
        await pilot.press("t", "down", "down")
        await repainted(pilot)

    assert snap_compare(console(linked("running")), terminal_size=SIZES[size], run_before=choose_next)


WARMING_UP = msgspec.structs.replace(
    scenes.EMPTY,
    feeds=scenes.FEEDS,
    ticks=Ticks(
        2,
        tuple(
            msgspec.structs.replace(row, fair=None, edge=None, regime="", spots=row.spots[:3])
            for row in scenes.TICKS.rows
        ),
    ),
)


@pytest.mark.parametrize("size", SIZES)
def test_warming_up(snap_compare: Snap, console: Build, size: str) -> None:
    """Ticks come, nothing that looks back is known yet, and nobody has traded."""
    link = MemoryLink(CONNECTED, WARMING_UP, events=scenes.EVENTS[:1])
    assert snap_compare(console(link), terminal_size=SIZES[size], run_before=repainted)


@pytest.mark.parametrize("size", SIZES)
def test_first_minute(snap_compare: Snap, themes: Themes, tmp_path: Path, size: str) -> None:
    link = MemoryLink(CONNECTED, scenes.EMPTY)
    memory = Memory(tmp_path / "console.json")
    app = ConsoleApp(link, theme=choose(themes, "dark"), themes=themes.themes, clock=lambda: 100.0, memory=memory)
    assert snap_compare(app, terminal_size=SIZES[size], run_before=repainted)
