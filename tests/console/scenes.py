"""Hand-built snapshots: one quarter of an hour of 2026-11-22, 14:15 to 14:30 UTC, looked at from 14:22:29."""

import msgspec

from polyterm.core.event import (
    EventId,
    PositionOpened,
    TradeClosed,
    TradingStateChanged,
    WindowSettled,
    WindowStarted,
)
from polyterm.core.market import COINS, FeeSchedule, MarketKey, Reference
from polyterm.core.position import Conditions, Leg, Position, Trade
from polyterm.core.snapshot import (
    Camp,
    CoinConflict,
    ConflictPair,
    Conflicts,
    FeedRow,
    Feeds,
    Leaderboard,
    LeaderboardRow,
    Lineup,
    PositionRow,
    Positions,
    SnapshotDelta,
    Status,
    Tally,
    TickRow,
    Ticks,
)
from polyterm.core.tick import Tick

EPOCH = 1_795_356_900
NOW_S = EPOCH + 449
NOW_MS = NOW_S * 1000
KEYS = {coin: MarketKey(coin, "15m", EPOCH) for coin in COINS}

STATUS = Status(
    version=1,
    session="20261122-141003",
    mode="PAPER",
    role="owner",
    role_reason="",
    trading_state="RUNNING",
    trading_reason="",
    market_ms=NOW_MS,
    speed=1.0,
    started_ms=NOW_MS - 4_000_000,
    windows=tuple(KEYS.values()),
    pnl_touch=148.2,
    pnl_costed=97.35,
    open_positions=4,
    exposure=217.0,
    store_state="ok",
    store_reason="",
    store_pending=0,
    engine_us=84.0,
    inputs=17_344,
    clock_skew_ms=38,
)

_SPOTS = {"btc": 97_123.4, "eth": 3_412.55, "sol": 142.31, "xrp": 2.1234}
_WAVE = (0, 2, 3, 1, -2, -4, -3, 0, 1, 4, 6, 5, 3, 4, 7, 9, 8, 6, 7, 10, 12, 11, 9, 8, 11, 13, 12, 14, 13, 12)


def tick(coin: str, **changes: object) -> Tick:
    spot = _SPOTS[coin]
    base = Tick(
        key=KEYS[coin],
        slot=NOW_S,
        made_ms=NOW_MS - 100,
        up_bid=0.62,
        up_bid_size=210.0,
        up_ask=0.63,
        up_ask_size=180.0,
        book_age_ms=240,
        spot=spot,
        spot_source="binance",
        spot_age_ms=90,
        spot_basis=0.0002,
        strike=Reference(spot * 0.9989, "chainlink-polygon", "oracle", EPOCH * 1000),
        oracle=spot * 0.9998,
        oracle_source="chainlink-polygon",
        oracle_age_ms=14_000,
    )
    return msgspec.structs.replace(base, **changes)


def path(coin: str) -> tuple[float | None, ...]:
    spot = _SPOTS[coin]
    sign = -1 if coin in ("eth", "xrp") else 1
    return tuple(spot * (1 + sign * step * 1e-4) for step in _WAVE)


_OUTLOOKS = {
    "btc": (0.6612, 0.0362, "trend up"),
    "eth": (0.3981, -0.0144, "ranging"),
    "sol": (0.7034, None, "choppy"),
    "xrp": (None, None, ""),
}


def tick_row(coin: str, **changes: object) -> TickRow:
    fair, edge, regime = _OUTLOOKS[coin]
    return TickRow(
        coin, "15m", tick(coin, **changes), path(coin), (), fair=fair, edge=edge, volatility=0.412, regime=regime
    )


TICKS = Ticks(
    1,
    (
        tick_row("btc"),
        tick_row("eth", up_bid=0.405, up_ask=0.42, strike=Reference(3_418.2, "twap60", "stream", EPOCH * 1000)),
        tick_row("sol", twap=142.296, twap_age_ms=900, up_bid=0.97, up_ask=None, invalid="book_one_sided"),
        tick_row("xrp", strike=None, up_bid=0.49, up_ask=0.52, invalid="strike_missing"),
    ),
)


LAG, END = "spot_lag_detected", "endgame_favourite"


def standing(
    strategy: str,
    record: tuple[int, int],
    pnl: tuple[float, float],
    last: tuple[str, str, int] | None = None,
    **more: object,
) -> LeaderboardRow:
    """``record`` is trades and wins, ``pnl`` touch and costed, ``last`` side, reason and seconds ago."""
    row = LeaderboardRow(
        strategy=strategy,
        family=strategy.partition("_")[0].removesuffix("Simple"),
        trades=record[0],
        wins=record[1],
        open=0,
        pnl_touch=pnl[0],
        pnl_costed=pnl[1],
        last_side=None if last is None else last[0],
        last_reason="" if last is None else last[1],
        last_ms=None if last is None else NOW_MS - last[2] * 1000,
        **_shape(record, pnl),
    )
    return msgspec.structs.replace(row, **more)


def _shape(record: tuple[int, int], pnl: tuple[float, float]) -> dict[str, object]:
    """A past that fits: trades of alternating size, half of them of this window, two thirds of it on btc."""
    trades, costed = record[0], pnl[1]
    if not trades:
        return {}
    steps = [costed / trades + (6 if place % 2 else -6) for place in range(trades)]
    equity = tuple(round(sum(steps[: place + 1]), 2) for place in range(trades))

    def share(part: int, of: int) -> Tally:
        return Tally(part, trades // of, record[1] // of, pnl[0] / of, costed / of, 40.0 * trades / of, 6.0)

    return {
        "equity": (0.0, *equity),
        "squares": sum(step * step for step in steps),
        "drawdown": max(0.0, max((0.0, *equity)) - min(equity)),
        "days": (share(EPOCH // 86_400, 1),),
        "windows": (share(EPOCH - 900, 2), share(EPOCH, 3)) if trades > 2 else (),
        "coins": (share(0, 2), share(1, 3)) if trades > 2 else (share(0, 1),),
    }


LEADERBOARD = Leaderboard(
    1,
    (
        standing("SpotLagSimple", (6, 3), (21.0, 12.4), ("up", LAG, 41), open=1),
        standing("SpotLag_Fast", (14, 9), (88.5, 61.15), ("up", LAG, 12), open=2),
        standing("SpotLag_Confirmed", (3, 3), (34.0, 29.8), ("down", LAG, 610)),
        standing("SpotLag_Aggressive", (121, 61), (31.2, -14.65), ("down", LAG, 3), open=1),
        standing("Endgame", (4, 4), (18.5, 15.9), ("up", END, 455)),
        standing("Endgame_Conservative", (1, 1), (3.0, 2.75), ("up", END, 460)),
        standing("Endgame_Aggressive", (5, 3), (-48.0, -10.0), ("down", END, 470)),
        standing("Endgame_Safe", (0, 0), (0.0, 0.0)),
        standing("Endgame_Momentum", (0, 0), (0.0, 0.0), disabled="ZeroDivisionError: float division"),
    ),
)

NAMES = tuple(row.strategy for row in LEADERBOARD.rows)
CONFLICTS = Conflicts(
    1,
    NAMES,
    (
        ConflictPair(NAMES[0], NAMES[1], 6, 0),
        ConflictPair(NAMES[0], NAMES[2], 3, 0),
        ConflictPair(NAMES[0], NAMES[3], 6, 1),
        ConflictPair(NAMES[1], NAMES[2], 3, 1),
        ConflictPair(NAMES[1], NAMES[3], 9, 2),
        ConflictPair(NAMES[0], NAMES[4], 4, 3),
        ConflictPair(NAMES[1], NAMES[4], 4, 2),
        ConflictPair(NAMES[3], NAMES[6], 5, 5),
        ConflictPair(NAMES[4], NAMES[5], 1, 0),
        ConflictPair(NAMES[4], NAMES[6], 4, 1),
        ConflictPair(NAMES[1], NAMES[6], 5, 2),
    ),
    (CoinConflict("btc", 9, 3), CoinConflict("eth", 8, 4), CoinConflict("sol", 5, 0), CoinConflict("xrp", 0, 0)),
    (
        Lineup(KEYS["btc"], ("SpotLagSimple", "SpotLag_Fast"), ("SpotLag_Aggressive",)),
        Lineup(KEYS["eth"], (), ("SpotLag_Fast",)),
    ),
)


def holding(strategy: str, coin: str, side: str, prices: tuple[float, float | None], **more: object) -> PositionRow:
    """``prices`` are entry and mark."""
    entry, mark = prices
    row = PositionRow(
        strategy=strategy,
        key=KEYS[coin],
        side=side,
        shares=100.0,
        entry_price=entry,
        entry_ms=NOW_MS,
        mark=mark,
        unrealised=None if mark is None else (mark - entry) * 100,
        pending=False,
        exit_price=None if mark is None else mark - 0.005,
        reason=LAG,
        closes=f"stop ≤{0.6 * entry:.2f}",
    )
    return msgspec.structs.replace(row, **more)


POSITIONS = Positions(
    1,
    (
        holding("SpotLagSimple", "btc", "up", (0.58, 0.625), entry_ms=NOW_MS - 41_000),
        holding("SpotLag_Fast", "btc", "up", (0.61, 0.625), entry_ms=NOW_MS - 12_000),
        holding("SpotLag_Fast", "eth", "down", (0.6, 0.5875), entry_ms=NOW_MS - 200_000),
        holding("SpotLag_Aggressive", "sol", "down", (0.38, None), entry_ms=NOW_MS - 3_000, pending=True),
    ),
)


def feed(name: str, **more: object) -> FeedRow:
    base = FeedRow(
        name=name,
        state="live",
        host=f"{name}.test",
        age_s=0.2,
        messages_per_s=34.0,
        reconnects=0,
        gaps=0,
        unknown=0,
        malformed=0,
        reason="",
        retry_in_s=None,
    )
    return msgspec.structs.replace(base, **more)


_SETTLEMENT_OFF = feed("settlement", state="off", reason="no credentials", age_s=None, messages_per_s=0.0)
FEEDS = Feeds(
    1,
    (
        feed("binance", messages_per_s=412.0),
        feed("polymarket", messages_per_s=58.0, age_s=0.4),
        feed("chainlink", messages_per_s=0.5, age_s=1.8),
        _SETTLEMENT_OFF,
    ),
)
_REFUSED = "cannot connect: connection refused"
FEEDS_DOWN = Feeds(
    2,
    (
        feed("binance", messages_per_s=412.0),
        feed("polymarket", state="down", age_s=12.0, reason=_REFUSED, retry_in_s=4.0, messages_per_s=0.0),
        feed("chainlink", state="stale", age_s=190.0, reason="no data", messages_per_s=0.0),
        _SETTLEMENT_OFF,
    ),
)

_CONDITIONS = Conditions(
    spot=97_100.0,
    up_mid=0.6,
    bid_size=100.0,
    ask_size=90.0,
    spread=0.01,
    spread_pct=1.6,
    imbalance=0.05,
    time_remaining_s=500,
)
_POSITION = Position(
    strategy="SpotLag_Fast",
    key=KEYS["btc"],
    side="up",
    entry_ms=NOW_MS - 12_000,
    entry_price=0.61,
    shares=100.0,
    reason="spot_lag_detected",
    strength=0.4,
    entry=_CONDITIONS,
    strike=97_016.6,
    strike_grade="oracle",
    legs=(Leg("touch", 100.0, 0.61, 0.0), Leg("costed", 100.0, 0.61, 1.1)),
    peak_r=0.02,
)
_TRADE = Trade(
    strategy="Endgame_Aggressive",
    key=KEYS["btc"],
    side="down",
    entry_ms=NOW_MS - 520_000,
    exit_ms=NOW_MS - 447_000,
    entry_reason="endgame_favourite",
    exit_reason="expired",
    strength=0.9,
    entry=_CONDITIONS,
    exit=None,
    strike=97_016.6,
    strike_grade="oracle",
    legs=(
        Leg("touch", 100.0, 0.9, 0.0, exit_price=0.0, pnl=-48.0),
        Leg("costed", 100.0, 0.9, 0.4, exit_price=0.0, pnl=-48.4),
    ),
    exit_spot=97_050.0,
    outcome="up",
    grade="oracle",
)


def event_id(number: int) -> EventId:
    return EventId(STATUS.session, number, 0)


_STRIKE = Reference(97_016.6, "chainlink-polygon", "oracle", EPOCH * 1000)
EVENTS = (
    WindowStarted(event_id(1), EPOCH * 1000, KEYS["btc"], _STRIKE, FeeSchedule(0.25, 2.0)),
    WindowSettled(event_id(2), EPOCH * 1000 + 2_000, KEYS["btc"], "up", "oracle", "chainlink", 97_050.0, False),
    TradeClosed(event_id(3), EPOCH * 1000 + 2_000, _TRADE),
    TradingStateChanged(event_id(4), NOW_MS - 90_000, "RUNNING", "PAUSED", "c1", "maria", "console", "lunch"),
    TradingStateChanged(event_id(5), NOW_MS - 60_000, "PAUSED", "RUNNING", "c2", "maria", "console", ""),
    PositionOpened(event_id(6), NOW_MS - 12_000, _POSITION),
)

FULL = SnapshotDelta(
    status=STATUS, ticks=TICKS, leaderboard=LEADERBOARD, conflicts=CONFLICTS, positions=POSITIONS, feeds=FEEDS
)

EMPTY = SnapshotDelta(
    status=msgspec.structs.replace(STATUS, pnl_touch=0.0, pnl_costed=0.0, open_positions=0, exposure=0.0, inputs=4),
    ticks=Ticks(1, tuple(TickRow(coin, "15m", None, (), (), "looking for its window") for coin in COINS)),
    leaderboard=Leaderboard(1, tuple(standing(name, (0, 0), (0.0, 0.0)) for name in NAMES)),
    conflicts=Conflicts(1, NAMES, (), tuple(CoinConflict(coin, 0, 0) for coin in COINS), ()),
    positions=Positions(1, ()),
    feeds=Feeds(1, tuple(feed(name, state="connecting", age_s=None) for name in ("binance", "polymarket"))),
)


def with_status(delta: SnapshotDelta, **changes: object) -> SnapshotDelta:
    return msgspec.structs.replace(delta, status=msgspec.structs.replace(delta.status, **changes))


PAUSED = with_status(FULL, trading_state="PAUSED", trading_reason="maria, console")
KILLED = with_status(
    msgspec.structs.replace(FULL, positions=Positions(2, ())),
    trading_state="KILLED",
    trading_reason="maria, console",
    open_positions=0,
    exposure=0.0,
)
SPOOL = with_status(FULL, store_state="slow", store_reason="PostgreSQL is away", spool_rows=41_200, spool_age_s=340)
FEED_DOWN = msgspec.structs.replace(
    FULL,
    feeds=FEEDS_DOWN,
    ticks=Ticks(
        2,
        tuple(tick_row(coin, book_age_ms=12_000, invalid="book_stale") for coin in COINS),
    ),
)


def _crowd() -> SnapshotDelta:
    """Seventy-three strategies in four camps that oppose each other by two and two, many with enough trades."""
    camps = ("SpotLag", "FairValue", "Contrarian", "Endgame")
    names = [f"{camp}_{number}" for camp in camps for number in range(1, 19)] + ["Regime"]
    rows = tuple(
        standing(name, (12 * (place % 7), 7 * (place % 7)), ((place % 11 - 4) * 9.0, (place % 11 - 5) * 8.5))
        for place, name in enumerate(names)
    )
    pairs = tuple(
        ConflictPair(first, second, 20, min(20, (place + after) % 5 + (13 if (place // 18 + after // 18) % 2 else 0)))
        for place, first in enumerate(names[:72])
        for after, second in enumerate(names[:72])
        if place < after
    )
    of_camps = tuple(Camp(camp, tuple(name for name in names if name.startswith(camp)), False) for camp in camps)
    lineup = Lineup(KEYS["btc"], tuple(names[:18]) + tuple(names[36:40]), tuple(names[18:30]), 2200.0, 1200.0)
    conflicts = Conflicts(3, tuple(names), pairs, CONFLICTS.coins, (lineup,), tuple(names[:72]), of_camps)
    return msgspec.structs.replace(FULL, leaderboard=Leaderboard(3, rows), conflicts=conflicts)


CROWDED = _crowd()
# The collector has stopped: ticks are half a minute old while the status goes on.
STALE = msgspec.structs.replace(
    FULL, ticks=Ticks(2, tuple(tick_row(coin, made_ms=NOW_MS - 31_000, slot=NOW_S - 31) for coin in COINS))
)
