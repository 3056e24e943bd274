"""Pictures of what actions bring: the receipt of a kill, a frozen view, a maximised pane, the palette, a question.

Every picture in the folder beside this file was looked at before it was accepted.
"""

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from polyterm.core.event import TradingStateChanged
from tests.console import scenes
from tests.console.links import CONNECTED, MemoryLink, obedient
from tests.console.test_app import Build
from tests.console.test_pictures import SIZES, repainted
from tests.waiting import eventually

Snap = Callable[..., bool]

KILL = TradingStateChanged(
    scenes.event_id(9), scenes.NOW_MS, "RUNNING", "KILLED", "c9", "jonas", "console", "prices look wrong"
)
HOLDING = scenes.with_status(scenes.FULL, trading_state="KILLED", trading_reason="prices look wrong")


def linked(state: object = scenes.FULL, *events: object) -> MemoryLink:
    link = MemoryLink(CONNECTED, state, events=(*scenes.EVENTS, *events))
    link.reply = obedient
    return link


def pressing(*keys: str) -> Callable[[Pilot[None]], object]:
    async def press(pilot: Pilot[None]) -> None:
        await repainted(pilot)
        await pilot.press(*keys)
        await repainted(pilot)

    return press


@pytest.mark.parametrize("size", SIZES)
def test_receipt_with_positions_left(snap_compare: Snap, console: Build, size: str) -> None:
    assert snap_compare(console(linked(HOLDING, KILL)), terminal_size=SIZES[size], run_before=repainted)


def test_receipt_of_a_kill_that_is_on_its_way(snap_compare: Snap, console: Build) -> None:
    link = linked()
    link.reply = None
    assert snap_compare(console(link), terminal_size=SIZES["80x24"], run_before=pressing("K"))


def test_frozen_while_paused(snap_compare: Snap, console: Build) -> None:
    assert snap_compare(console(linked()), terminal_size=SIZES["120x36"], run_before=pressing("f", "P"))


@pytest.mark.parametrize(("key", "size"), [("3", "80x24"), ("5", "80x24"), ("2", "200x50")])
def test_maximised(snap_compare: Snap, console: Build, key: str, size: str) -> None:
    assert snap_compare(console(linked()), terminal_size=SIZES[size], run_before=pressing(key, *"z" * (key != "5")))


@pytest.mark.parametrize("size", ["80x24", "200x50"])
def test_palette(snap_compare: Snap, console: Build, size: str) -> None:
    assert snap_compare(console(linked()), terminal_size=SIZES[size], run_before=pressing("colon", "p", "a"))


def test_question(snap_compare: Snap, console: Build) -> None:
    async def ask(pilot: Pilot[None]) -> None:
        await repainted(pilot)
        await pilot.press("R")
        await eventually(lambda: pilot.app.screen.armed)
        await repainted(pilot)

    link = linked(scenes.KILLED)
    assert snap_compare(console(link), terminal_size=SIZES["80x24"], run_before=ask)
