import msgspec

from polyterm.console.latest import EVENTS_KEPT, Latest, Notice
from polyterm.core.command import Ack
from polyterm.core.event import CommandRefused
from polyterm.core.snapshot import SnapshotDelta
from polyterm.service.link.port import Connection
from tests.console import scenes
from tests.console.links import CONNECTED


class Stopwatch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_only_the_sections_that_came_are_replaced() -> None:
    latest = Latest(Stopwatch())
    latest.merge(scenes.FULL)
    latest.merge(SnapshotDelta(feeds=scenes.FEEDS_DOWN))
    view = latest.view()
    assert view.feeds is scenes.FEEDS_DOWN
    assert view.leaderboard is scenes.LEADERBOARD


def test_another_session_leaves_nothing_of_the_last() -> None:
    latest = Latest(Stopwatch())
    latest.merge(scenes.FULL)
    latest.add(scenes.EVENTS)
    latest.merge(scenes.with_status(SnapshotDelta(status=scenes.STATUS), session="another"))
    view = latest.view()
    assert view.leaderboard is None
    assert view.events == ()


def test_market_time_goes_on_between_snapshots_and_stops_with_the_engine() -> None:
    clock = Stopwatch()
    latest = Latest(clock)
    latest.connect(CONNECTED)
    latest.merge(scenes.with_status(scenes.FULL, speed=15.0))
    clock.now += 0.5
    assert latest.view().market_ms == scenes.NOW_MS + 7_500
    clock.now += 60.0
    assert latest.view().market_ms == scenes.NOW_MS + 45_000  # no further than 3 s without a word
    latest.connect(Connection("disconnected", "x"))
    assert latest.view().market_ms == scenes.NOW_MS


def test_a_retry_counts_down() -> None:
    clock = Stopwatch()
    latest = Latest(clock)
    latest.connect(Connection("disconnected", "x", "refused", retry_in_s=5.0))
    clock.now += 2.0
    assert latest.view().connection.retry_in_s == 3.0
    clock.now += 9.0
    assert latest.view().connection.retry_in_s == 0.0


def test_a_notice_goes_when_its_time_is_over() -> None:
    clock = Stopwatch()
    latest = Latest(clock)
    latest.notice = Notice("hello", until=105.0)
    assert latest.view().notice is not None
    clock.now = 105.0
    assert latest.view().notice is None


def test_a_failed_kill_stays_until_the_engine_is_killed() -> None:
    latest = Latest(Stopwatch())
    latest.notice = Notice("not confirmed", "danger", cleared_by="KILLED")
    latest.merge(scenes.FULL)
    assert latest.view().notice is not None
    latest.merge(scenes.KILLED)
    assert latest.view().notice is None


def test_a_notice_that_is_no_longer_true_goes_at_once() -> None:
    clock = Stopwatch()
    latest = Latest(clock)
    latest.connect(CONNECTED)
    latest.notice = Notice("Paused", until=1e9, true_in="PAUSED")
    assert latest.view().notice is not None  # the engine has confirmed it, and not yet said anything else
    latest.merge(scenes.PAUSED)
    assert latest.view().notice is not None
    latest.merge(scenes.FULL)  # somebody else has resumed
    assert latest.view().notice is None
    latest.notice = Notice("Resumed", until=1e9, true_in="RUNNING")
    clock.now += 60.0  # and now the engine is silent
    assert latest.view().notice is None


def test_an_acknowledged_state_shows_before_the_next_status() -> None:
    latest = Latest(Stopwatch())
    latest.merge(scenes.FULL)
    latest.acknowledge(Ack("c", True, "", "KILLED"))
    assert latest.view().trading_state == "KILLED"


def test_events_are_bounded() -> None:
    latest = Latest(Stopwatch())
    one = CommandRefused(scenes.event_id(1), 0, "c", "a", "console", "no")
    latest.add(tuple(msgspec.structs.replace(one, at_ms=number) for number in range(EVENTS_KEPT + 50)))
    events = latest.view().events
    assert len(events) == EVENTS_KEPT
    assert events[-1].at_ms == EVENTS_KEPT + 49


def test_what_happened_before_it_listened_comes_before_what_it_heard() -> None:
    latest = Latest(Stopwatch())
    latest.add(scenes.EVENTS[4:])
    latest.backfill(scenes.EVENTS[:5])
    assert latest.view().events == scenes.EVENTS
    latest.backfill(scenes.EVENTS)
    assert latest.view().events == scenes.EVENTS


def test_events_that_came_before_the_first_snapshot_of_their_session_stay() -> None:
    latest = Latest(Stopwatch())
    latest.merge(scenes.with_status(SnapshotDelta(status=scenes.STATUS), session="the last one"))
    latest.backfill(scenes.EVENTS)
    latest.merge(scenes.FULL)
    assert latest.view().events == scenes.EVENTS


def test_feeds_that_fail_and_come_back_are_noted() -> None:
    latest = Latest(Stopwatch())
    latest.merge(scenes.FULL)
    assert latest.view().notes == ()
    latest.merge(SnapshotDelta(feeds=scenes.FEEDS_DOWN))
    latest.merge(SnapshotDelta(feeds=scenes.FEEDS))
    assert [(note.level, note.text) for note in latest.view().notes] == [
        ("danger", "polymarket is down: cannot connect: connection refused"),
        ("warn", "chainlink is stale: no data"),
        ("info", "polymarket is live again"),
        ("info", "chainlink is live again"),
    ]


def test_a_feed_that_is_down_at_first_sight_is_noted() -> None:
    latest = Latest(Stopwatch())
    latest.merge(scenes.FEED_DOWN)
    assert [note.level for note in latest.view().notes] == ["danger", "warn"]


def test_a_window_in_which_the_second_side_is_taken_is_noted_once() -> None:
    latest = Latest(Stopwatch())
    latest.merge(scenes.FULL)
    eth = msgspec.structs.replace(scenes.CONFLICTS.lineup[1], up=("Endgame", "Endgame_Safe"))
    changed = msgspec.structs.replace(scenes.CONFLICTS, version=2, lineup=(scenes.CONFLICTS.lineup[0], eth))
    latest.merge(SnapshotDelta(conflicts=changed))
    latest.merge(SnapshotDelta(conflicts=msgspec.structs.replace(changed, version=3)))
    assert [note.text for note in latest.view().notes] == ["ETH 15m conflict: 2 up against 1 down"]
