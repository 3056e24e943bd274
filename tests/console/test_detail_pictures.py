"""Pictures of the screens that show one thing in full, in their states and at the sizes at which they differ.

Every picture in the folder beside this file was looked at before it was accepted.
"""

from collections.abc import Callable

import msgspec
import pytest

from polyterm.console.app import ConsoleApp
from polyterm.core.query import Answer, Query
from polyterm.core.snapshot import SnapshotDelta
from polyterm.service.link.port import Connection
from tests.console import detail_scenes, scenes
from tests.console.links import CONNECTED, MemoryLink

Build = Callable[..., ConsoleApp]
Snap = Callable[..., bool]

SIZES = {"80x24": (80, 24), "120x36": (120, 36), "200x50": (200, 50)}
NO_ENGINE = Connection("disconnected", "unix:/run/polyterm/default.sock", "no engine is listening", retry_in_s=2.0)
FILLED = msgspec.structs.replace(scenes.FULL, feeds=detail_scenes.TROUBLED)

STATES: dict[str, tuple[Connection, SnapshotDelta, Callable[[Query], Answer]]] = {
    "empty": (CONNECTED, scenes.EMPTY, detail_scenes.told_by_a_new_engine),
    "filled": (CONNECTED, FILLED, detail_scenes.told),
    "disconnected": (NO_ENGINE, FILLED, detail_scenes.told),
}
KEYS = {"strategy": ("enter",), "window": ("shift+tab", "enter"), "feeds": ("F",), "settings": ("comma",)}


def linked(state: str) -> MemoryLink:
    connection, delta, told = STATES[state]
    link = MemoryLink(connection, delta)
    link.told = told
    return link


def opening(screen: str, *more: str) -> Callable[[object], object]:
    async def press(pilot: object) -> None:
        await settled(pilot)
        await pilot.press(*KEYS[screen])
        await settled(pilot)
        if more:
            await pilot.press(*more)
            await settled(pilot)

    return press


async def settled(pilot: object) -> None:
    """What was asked has been answered, and painted."""
    for _ in range(2):
        for worker in [each for each in pilot.app.workers if each.group in {"questions", "window", "older"}]:
            await worker.wait()
        await pilot.pause()
        pilot.app.repaint()
    await pilot.pause()


@pytest.mark.parametrize(
    ("screen", "size"),
    [
        ("strategy", "80x24"),
        ("strategy", "120x36"),
        ("strategy", "200x50"),
        ("window", "80x24"),
        ("window", "200x50"),
    ],
)
def test_filled(snap_compare: Snap, console: Build, screen: str, size: str) -> None:
    assert snap_compare(console(linked("filled")), terminal_size=SIZES[size], run_before=opening(screen))


@pytest.mark.parametrize(
    ("screen", "state"),
    [
        ("strategy", "empty"),
        ("window", "empty"),
        ("strategy", "disconnected"),
        ("window", "disconnected"),
        ("feeds", "disconnected"),
        ("settings", "disconnected"),
    ],
)
def test_without_anything_to_tell(snap_compare: Snap, console: Build, screen: str, state: str) -> None:
    assert snap_compare(console(linked(state)), terminal_size=SIZES["80x24"], run_before=opening(screen))


@pytest.mark.parametrize(("screen", "size"), [("feeds", "80x24"), ("feeds", "200x50"), ("settings", "80x24")])
def test_tables(snap_compare: Snap, console: Build, screen: str, size: str) -> None:
    assert snap_compare(console(linked("filled")), terminal_size=SIZES[size], run_before=opening(screen))


@pytest.mark.parametrize(("page", "turns"), [("why", 1), ("rule", 2)])
def test_pages_of_a_strategy(snap_compare: Snap, console: Build, page: str, turns: int) -> None:
    press = opening("strategy", *["right_square_bracket"] * turns)
    assert snap_compare(console(linked("filled")), terminal_size=SIZES["80x24"], run_before=press)


def test_a_window_that_has_ended(snap_compare: Snap, console: Build) -> None:
    press = opening("window", "down")
    assert snap_compare(console(linked("filled"), theme="light"), terminal_size=SIZES["120x36"], run_before=press)
