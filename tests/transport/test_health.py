import pytest

from polyterm.transport.clock import ManualClock
from polyterm.transport.health import FeedHealth


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(market_ms=1_000_000)


@pytest.fixture
def health(clock: ManualClock) -> FeedHealth:
    health = FeedHealth("binance", clock, stale_after_s=4.0)
    health.connecting("example.test:9443")
    health.opened()
    return health


def test_an_open_socket_without_data_is_not_live(health: FeedHealth) -> None:
    row = health.row()
    assert (row.name, row.state, row.host, row.age_s) == ("binance", "connecting", "example.test:9443", None)


def test_a_feed_is_live_from_its_first_data_and_stale_when_none_follows(health: FeedHealth, clock: ManualClock) -> None:
    health.data()
    assert health.row().state == "live"
    clock.advance_to(1_004_000)
    assert (health.row().state, health.row().age_s) == ("live", 4.0)
    clock.advance_to(1_006_000)
    row = health.row()
    assert (row.state, row.age_s, row.reason) == ("stale", 6.0, "no data for 6 s")
    health.data()
    assert (health.row().state, health.row().reason) == ("live", "")


def test_ages_are_machine_time_even_when_market_time_runs_fast() -> None:
    clock = ManualClock(market_ms=0, speed=15.0)
    health = FeedHealth("binance", clock)
    health.data()
    clock.advance_to(30_000)
    assert health.row().age_s == 2.0


def test_the_retry_counts_down_and_the_reason_stays_until_data_flows(health: FeedHealth, clock: ManualClock) -> None:
    health.down("example.test refuses this region (HTTP 451)", 2.0)
    clock.advance_to(1_000_500)
    assert (health.row().state, health.row().retry_in_s) == ("down", 1.5)
    clock.advance_to(1_003_000)
    assert health.row().retry_in_s == 0.0
    health.connecting("other.test")
    health.opened()
    row = health.row()
    assert (row.state, row.retry_in_s, row.reconnects) == ("connecting", None, 1)
    assert row.reason == "example.test refuses this region (HTTP 451)"
    health.data()
    assert health.row().reason == ""


def test_the_rate_is_that_of_the_last_five_seconds(health: FeedHealth, clock: ManualClock) -> None:
    for second in range(10):
        clock.advance_to(1_000_000 + second * 1000)
        for _ in range(20):
            health.data()
    clock.advance_to(1_009_999)
    assert health.row().messages_per_s == pytest.approx(20, rel=0.001)
    clock.advance_to(1_020_000)
    assert health.row().messages_per_s == 0


def test_a_burst_in_the_first_moment_is_not_blown_up_to_a_rate(health: FeedHealth, clock: ManualClock) -> None:
    clock.advance_to(1_000_001)
    health.data()
    assert health.row().messages_per_s == 1


def test_oddities_are_counted_and_a_malformed_frame_is_kept_in_part(health: FeedHealth) -> None:
    health.gap("message 9 after 4")
    health.note_unknown("weather")
    health.note_malformed("x" * 1000, ValueError("bad"))
    row = health.row()
    assert (row.gaps, row.unknown, row.malformed) == (1, 1, 1)
    assert health.last_malformed == "x" * 200


def test_the_log_has_the_frame_once_and_is_not_flooded(
    health: FeedHealth, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(500):
        health.note_malformed('{"broken', ValueError("bad"))
    assert len(caplog.records) == 1
    assert vars(caplog.records[0])["raw"] == '{"broken'
    clock.advance_to(1_031_000)
    health.note_malformed('{"broken', ValueError("bad"))
    assert [vars(record)["left_out"] for record in caplog.records] == [0, 499]


def test_the_last_trouble_is_told_however_long_ago_it_was(health: FeedHealth, clock: ManualClock) -> None:
    assert (health.row().trouble, health.row().trouble_ms) == ("", None)
    health.down("connection refused", 2.0)
    clock.advance_to(1_060_000)
    health.opened()
    health.data()
    row = health.row()
    assert (row.reason, row.trouble, row.trouble_ms) == ("", "connection refused", 1_000_000)
    health.gap("message 7 after 5")
    assert (health.row().trouble, health.row().trouble_ms) == ("message 7 after 5", 1_060_000)


def test_a_round_trip_is_told_in_milliseconds(health: FeedHealth) -> None:
    assert health.row().latency_ms is None
    health.latency_s = 0.25
    assert health.row().latency_ms == 250.0


def test_a_feed_that_is_off_says_why(health: FeedHealth) -> None:
    health.off("no API credentials")
    row = health.row()
    assert (row.state, row.reason, row.retry_in_s) == ("off", "no API credentials", None)
