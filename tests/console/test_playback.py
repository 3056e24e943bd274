"""The console on a recording that is played."""

import msgspec
import pytest

from polyterm.console.widgets.filter import FilterField
from polyterm.core.event import Event
from polyterm.core.playback import Playback
from polyterm.core.snapshot import SnapshotDelta
from tests.console import scenes
from tests.console.links import CONNECTED, MemoryLink
from tests.console.test_app import Build, painted, words
from tests.console.test_pictures import SIZES, Snap, repainted
from tests.waiting import eventually

PLAYING = Playback(take=1, paused=False, ended=False, speed=20, window=3, windows=96, complete=True)


def replaying(**changes: object) -> SnapshotDelta:
    playback = msgspec.structs.replace(PLAYING, **changes)
    status = msgspec.structs.replace(
        scenes.STATUS, mode="REPLAY", session="replay", playback=playback, speed=0.0 if playback.paused else 20.0,
        clock_skew_ms=None,
    )  # fmt: skip
    return msgspec.structs.replace(scenes.FULL, status=status)


KEYS = {
    "space": "toggle", "plus": "faster", "equals_sign": "faster", "minus": "slower", "full_stop": "tick",
    "semicolon": "second", "right_curly_bracket": "next", "left_curly_bracket": "previous",
}  # fmt: skip


async def test_the_keys_of_a_recording_steer_it_and_nothing_else(console: Build) -> None:
    link = MemoryLink(CONNECTED, replaying())
    app = console(link)
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        await pilot.press(*KEYS)
        await eventually(lambda: [order.kind for order in link.orders] == list(KEYS.values()))
        assert link.commands == []
        assert "space stop" in words(app, "#footer")
        link.on_snapshot(replaying(paused=True))
        await painted(pilot)
        assert "space play" in words(app, "#footer")


async def test_on_live_data_they_are_no_keys(console: Build) -> None:
    link = MemoryLink(CONNECTED, scenes.FULL)
    app = console(link)
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        await pilot.press(*KEYS)
        await painted(pilot)
        assert link.orders == []
        assert "space" not in words(app, "#footer")


async def test_in_a_text_field_they_are_text(console: Build) -> None:
    link = MemoryLink(CONNECTED, replaying())
    app = console(link)
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        await pilot.press("slash", "a", *KEYS)
        await painted(pilot)
        assert app.screen.query_one(FilterField).value == "a +=-.;}{"
        assert link.orders == []


async def test_a_refusal_is_a_sentence(console: Build) -> None:
    link = MemoryLink(CONNECTED, replaying())
    link.refusal = "this is the last window"
    app = console(link)
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        await pilot.press("right_curly_bracket")
        await eventually(lambda: "This is the last window" in words(app, "#status"))


async def test_at_another_place_the_events_before_it_are_fetched(console: Build) -> None:
    link = MemoryLink(CONNECTED, replaying(), events=scenes.EVENTS)
    app = console(link)
    earlier: tuple[Event, ...] = scenes.EVENTS[:2]
    async with app.run_test(size=(120, 36)) as pilot:
        await painted(pilot)
        assert app._latest.view().events == scenes.EVENTS
        link.past = earlier
        link.on_snapshot(replaying(take=2, window=2))
        await eventually(lambda: app._latest.view().events == earlier)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "► playing 20×  window 3 of 96"),
        ({"paused": True, "complete": False}, "■ stopped, 20×  window 3 of 96+"),
        ({"ended": True, "window": 96}, "■ end of the recording  window 96 of 96"),
        ({"seeking": 5, "share": 0.43}, "» to window 5: 43%  window 3 of 96"),
    ],
)
async def test_the_status_bar_says_how_far_it_is(console: Build, changes: dict[str, object], shown: str) -> None:
    app = console(MemoryLink(CONNECTED, replaying(**changes)))
    async with app.run_test(size=(80, 24)) as pilot:
        await painted(pilot)
        assert "REPLAY" in words(app, "#status")
        assert shown in words(app, "#status")
        assert "store" not in words(app, "#status")


@pytest.mark.parametrize("size", ["80x24", "120x36"])
def test_picture(snap_compare: Snap, console: Build, size: str) -> None:
    link = MemoryLink(CONNECTED, replaying(), events=scenes.EVENTS)
    assert snap_compare(console(link), terminal_size=SIZES[size], run_before=repainted)


def test_picture_of_one_that_is_stopped(snap_compare: Snap, console: Build) -> None:
    link = MemoryLink(CONNECTED, replaying(paused=True), events=scenes.EVENTS)
    assert snap_compare(console(link), terminal_size=SIZES["120x36"], run_before=repainted)
