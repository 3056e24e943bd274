import msgspec
import pytest

from polyterm.core.input import WindowEnded, WindowOpened
from polyterm.core.market import MarketKey
from polyterm.core.snapshot import FeedRow, Status
from polyterm.engine.engine import Engine
from polyterm.engine.outlook import Outlook
from polyterm.service.snapshots import POINTS, Screen, Sections
from tests.service.engines import KEY, opened, tick

SERIES = (("btc", "15m"), ("eth", "15m"))
FEED = FeedRow(
    name="binance", state="live", host="h", age_s=0.12, messages_per_s=3.04, reconnects=0, gaps=0, unknown=0,
    malformed=0, reason="", retry_in_s=None,
)  # fmt: skip


def no_note(*_: object) -> str:
    return ""


def test_a_version_grows_only_with_its_section() -> None:
    sections, screen, engine = Sections(), Screen(SERIES), Engine("s")
    status = _status()
    first = sections.snapshot(status, engine, screen.rows(no_note), (FEED,))
    same = sections.snapshot(status, engine, screen.rows(no_note), (msgspec.structs.replace(FEED, age_s=0.14),))
    assert same == first
    screen.watch(tick(500, 0.5))
    third = sections.snapshot(status, engine, screen.rows(no_note), (msgspec.structs.replace(FEED, age_s=0.4),))
    versions = {name: getattr(third, name).version for name in third.__struct_fields__}
    assert versions == {"status": 1, "ticks": 2, "leaderboard": 1, "conflicts": 1, "positions": 1, "feeds": 2}
    assert third.feeds.rows[0].age_s == 0.4


def test_a_sparkline_keeps_the_newest_value_of_each_share_and_shows_gaps() -> None:
    screen = Screen(SERIES)
    for remaining_s, mid in ((900, 0.50), (886, 0.51), (885, 0.52), (840, 0.60), (1, 0.90)):  # 15 s a point
        screen.watch(tick(remaining_s, mid))
    row = screen.rows(no_note)[0]
    assert len(row.mids) == len(row.spots) == POINTS
    assert [row.mids[point] for point in (0, 1, 2, 4, 59)] == pytest.approx([0.51, 0.52, None, 0.60, 0.90])
    assert row.tick == tick(1, 0.90)


def test_a_value_that_is_missing_now_does_not_erase_its_point() -> None:
    screen = Screen(SERIES)
    screen.watch(tick(900, 0.50))
    screen.watch(msgspec.structs.replace(tick(899, 0.50), spot=None, up_bid=None))
    row = screen.rows(no_note)[0]
    assert (row.spots, row.mids) == ((101.0,), (0.50,))


def test_a_new_window_starts_a_new_sparkline() -> None:
    screen = Screen(SERIES)
    screen.watch(tick(10, 0.9))
    screen.watch(tick(890, 0.5, key=KEY.next()))
    assert screen.rows(no_note)[0].mids == (0.5,)


def test_fair_value_and_regime_are_worked_out_once_a_tick() -> None:
    screen, asked = Screen(SERIES), []

    def outlook(series: tuple[str, str]) -> Outlook:
        asked.append(series)
        return Outlook(0.61234567, 0.0312345, 0.41249, "trend up")

    screen.watch(tick(500, 0.5))
    for _ in range(3):
        row = screen.rows(no_note, outlook)[0]
    assert (row.fair, row.edge, row.volatility, row.regime) == (0.6123, 0.0312, 0.412, "trend up")
    assert asked == [SERIES[0]]
    screen.watch(tick(499, 0.5))
    screen.rows(no_note, outlook)
    assert asked == [SERIES[0]] * 2


def test_a_series_without_a_tick_says_why() -> None:
    screen = Screen(SERIES)
    notes = [row.note for row in screen.rows(lambda coin, horizon: f"{coin} {horizon} is not listed")]
    assert notes == ["btc 15m is not listed", "eth 15m is not listed"]


def test_running_windows_stand_in_the_order_of_the_series() -> None:
    screen = Screen(SERIES)
    eth = MarketKey("eth", "15m", KEY.epoch)
    screen.watch(WindowOpened(eth))
    screen.watch(opened())
    screen.watch(WindowOpened(KEY.next()))
    assert screen.windows == (KEY, KEY.next(), eth)
    screen.watch(WindowEnded(KEY))
    assert screen.windows == (KEY.next(), eth)


def _status() -> Status:
    return Status(
        version=1, session="s", mode="PAPER", role="owner", role_reason="", trading_state="RUNNING", trading_reason="",
        market_ms=1, speed=1.0, started_ms=0, windows=(), pnl_touch=0.0, pnl_costed=0.0, open_positions=0, exposure=0.0,
        store_state="ok", store_reason="", store_pending=0, engine_us=0.0, inputs=0,
    )  # fmt: skip
