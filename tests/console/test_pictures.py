"""Pictures of every state of the main screen at the designed sizes, in both themes, and of help.

Every picture in the folder beside this file was looked at before it was accepted.
"""

from collections.abc import Callable, Iterable

import pytest

from polyterm.console.app import ConsoleApp
from polyterm.core.snapshot import SnapshotDelta
from polyterm.service.link.port import Connection
from tests.console import scenes
from tests.console.links import CONNECTED, MemoryLink

Build = Callable[..., ConsoleApp]
Snap = Callable[..., bool]

SIZES = {"80x24": (80, 24), "120x36": (120, 36), "200x50": (200, 50)}
NO_ENGINE = Connection("disconnected", "unix:/run/polyterm/default.sock", "no engine is listening", retry_in_s=2.0)
FIRST_TRY = Connection("connecting", "unix:/run/polyterm/default.sock")

STATES: dict[str, tuple[Connection, Iterable[SnapshotDelta]]] = {
    "connecting": (FIRST_TRY, ()),
    "empty": (CONNECTED, (scenes.EMPTY,)),
    "running": (CONNECTED, (scenes.FULL,)),
    "paused": (CONNECTED, (scenes.PAUSED,)),
    "killed": (CONNECTED, (scenes.KILLED,)),
    "feed-down": (CONNECTED, (scenes.FEED_DOWN,)),
    "spool": (CONNECTED, (scenes.SPOOL,)),
    "stale": (CONNECTED, (scenes.STALE,)),
    "disconnected": (NO_ENGINE, (scenes.FULL,)),
}


def linked(state: str) -> MemoryLink:
    connection, deltas = STATES[state]
    return MemoryLink(connection, *deltas, events=() if state in ("connecting", "empty") else scenes.EVENTS)


async def repainted(pilot: object) -> None:
    """Once everything has been told, and once more when the panes have their sizes."""
    for _ in range(2):
        await pilot.pause()
        pilot.app.repaint()
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", STATES)
def test_main_screen(snap_compare: Snap, console: Build, state: str, size: str) -> None:
    assert snap_compare(console(linked(state)), terminal_size=SIZES[size], run_before=repainted)


@pytest.mark.parametrize(
    ("state", "size"),
    [
        ("running", "80x24"),
        ("running", "120x36"),
        ("running", "200x50"),
        ("paused", "80x24"),
        ("killed", "80x24"),
        ("feed-down", "120x36"),
        ("disconnected", "80x24"),
    ],
)
def test_light_theme(snap_compare: Snap, console: Build, state: str, size: str) -> None:
    assert snap_compare(console(linked(state), theme="light"), terminal_size=SIZES[size], run_before=repainted)


@pytest.mark.parametrize("size", ["80x24", "120x36"])
def test_help(snap_compare: Snap, console: Build, size: str) -> None:
    async def ask(pilot: object) -> None:
        await repainted(pilot)
        await pilot.press("question_mark")
        await repainted(pilot)

    assert snap_compare(console(linked("running")), terminal_size=SIZES[size], run_before=ask)


def test_heatmap_with_its_cursor(snap_compare: Snap, console: Build) -> None:
    async def move(pilot: object) -> None:
        await repainted(pilot)
        await pilot.press("tab", "right", "right", "right", "right")
        await repainted(pilot)

    assert snap_compare(console(linked("running")), terminal_size=SIZES["120x36"], run_before=move)


@pytest.mark.parametrize("size", SIZES)
def test_filter_field(snap_compare: Snap, console: Build, size: str) -> None:
    async def ask(pilot: object) -> None:
        await repainted(pilot)
        await pilot.press("slash", "l", "a", "g")
        await repainted(pilot)

    app = console(linked("running"))
    app.animation_level = "none"
    assert snap_compare(app, terminal_size=SIZES[size], run_before=ask)


def test_breakdown_by_coin_in_another_order(snap_compare: Snap, console: Build) -> None:
    async def choose(pilot: object) -> None:
        await repainted(pilot)
        await pilot.press(*["right_square_bracket"] * 4, "greater_than_sign", "down")
        await repainted(pilot)

    assert snap_compare(console(linked("running")), terminal_size=SIZES["200x50"], run_before=choose)


@pytest.mark.parametrize("size", SIZES)
def test_many_strategies(snap_compare: Snap, console: Build, size: str) -> None:
    link = MemoryLink(CONNECTED, scenes.CROWDED, events=scenes.EVENTS)
    assert snap_compare(console(link), terminal_size=SIZES[size], run_before=repainted)


def test_camps(snap_compare: Snap, console: Build) -> None:
    async def turn(pilot: object) -> None:
        await repainted(pilot)
        await pilot.press("tab", "right_square_bracket", "right")
        await repainted(pilot)

    link = MemoryLink(CONNECTED, scenes.CROWDED, events=scenes.EVENTS)
    assert snap_compare(console(link), terminal_size=SIZES["120x36"], run_before=turn)


@pytest.mark.parametrize("turns", [1, 2], ids=["book", "inputs"])
def test_other_figures_of_the_ticks(snap_compare: Snap, console: Build, turns: int) -> None:
    async def turn(pilot: object) -> None:
        await repainted(pilot)
        await pilot.press("1", *["right_square_bracket"] * turns)
        await repainted(pilot)

    assert snap_compare(console(linked("running")), terminal_size=SIZES["80x24"], run_before=turn)


def test_too_small(snap_compare: Snap, console: Build) -> None:
    assert snap_compare(console(linked("running")), terminal_size=(60, 18), run_before=repainted)


def test_no_color(snap_compare: Snap, console: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(console(linked("running")), terminal_size=SIZES["80x24"], run_before=repainted)


def test_kill_that_reached_nobody(snap_compare: Snap, console: Build) -> None:
    link = linked("disconnected")
    link.unreachable = "Not connected to the engine: no engine is listening."

    async def kill(pilot: object) -> None:
        await repainted(pilot)
        await pilot.press("K")
        await repainted(pilot)

    assert snap_compare(console(link), terminal_size=SIZES["120x36"], run_before=kill)
