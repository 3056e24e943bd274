"""What an engine tells of one strategy, one window and its settings; it goes with the snapshots of ``scenes``."""

import math
from itertools import accumulate

import msgspec

from polyterm.core.details import (
    CoinTotals,
    EquityPoint,
    MinuteTotals,
    ParameterLine,
    PathPoint,
    Record,
    RuleWay,
    SettingLine,
    SettingsAnswer,
    StrategyAnswer,
    WindowAnswer,
    WindowLine,
    WindowsAnswer,
    WindowTrade,
)
from polyterm.core.gap import Gap
from polyterm.core.market import MarketKey, Reference
from polyterm.core.position import Leg, Trade
from polyterm.core.query import (
    Answer,
    Gate,
    Query,
    StrategyQuery,
    TradesAnswer,
    TradesQuery,
    Way,
    WhyAnswer,
    WhyQuery,
    WindowQuery,
    WindowsQuery,
)
from polyterm.core.snapshot import Feeds
from tests.console import scenes

KEY = scenes.KEYS["btc"]
BEFORE = MarketKey("btc", "15m", KEY.epoch - 900)

GATES = ("time left ≥ 120", "|mid change 4 s| / |10 · spot return 4 s| ≤ 0.3", "|spot return 4 s| ≥ 0.0003")


def strategy(name: str, record: Record | None, problem: str = "") -> StrategyAnswer:
    return StrategyAnswer(
        strategy=name,
        family="SpotLag",
        experimental=False,
        rule=(
            "Buys the side of a move of spot that the mid has followed by less than its share; holds to expiry or the "
            "stop.\n\nThe expected move of the mid is ten times the return of spot, a guess: near the strike of a "
            "fresh 15-minute window a move of 0.1 % shifts the probability by roughly ten points."
        ),
        parameters=(
            ParameterLine("lookback_ticks", 5, "ticks", "at least 2 and at most 121"),
            ParameterLine("min_move", 0.0003, "fraction", "at least 0 and at most 10"),
            ParameterLine("max_followed", 0.3, "fraction", "at least 0 and at most 10"),
            ParameterLine("min_remaining_s", 120.0, "s", "at least 0"),
            ParameterLine("stop", 0.4, "fraction", "at least 0 and at most 1"),
        ),
        about="``lookback_ticks`` samples span one second less. ``min_move`` is a return of spot.",
        resets="Look-backs begin anew with every window.",
        limits=("btc eth sol xrp", "windows of 5m 15m 1h 4h", "any number of entries in a window"),
        entries=(
            RuleWay("up", "spot_lag_detected", (*GATES, "spot return 4 s > 0")),
            RuleWay("down", "spot_lag_detected", (*GATES, "spot return 4 s < 0")),
        ),
        exits=(RuleWay(None, "extreme_stop", ("return ≤ −0.4",)),),
        record=record,
        problem=problem,
    )


_STEPS = (8.0, -5.5, 12.25, 9.0, -14.0, 6.5, 7.75, -3.0, 15.0, -9.5, 4.0, 18.0, 10.5, 6.15)
RECORD = Record(
    equity=tuple(
        EquityPoint(scenes.NOW_MS - 3_600_000 + 250_000 * place, costed + 1.9 * place, costed)
        for place, costed in enumerate(accumulate(_STEPS))
    ),
    coins=(
        CoinTotals(coin="btc", trades=9, wins=6, touch=71.9, costed=52.15),
        CoinTotals(coin="eth", trades=5, wins=3, touch=16.6, costed=9.0),
    ),
    minutes=(
        MinuteTotals(minute=2, trades=6, wins=5, touch=61.0, costed=55.0),
        MinuteTotals(minute=3, trades=5, wins=3, touch=31.5, costed=21.15),
        MinuteTotals(minute=9, trades=3, wins=1, touch=-4.0, costed=-15.0),
    ),
)  # fmt: skip
NEW = Record()


def trade(number: int, costed: float) -> Trade:
    """The ``number``-th newest."""
    exit_ms = scenes.NOW_MS - 250_000 * number - 20_000
    entry, touch = 0.55 + 0.01 * (number % 7), costed + 1.9
    won = touch > 0
    return Trade(
        strategy="SpotLag_Fast",
        key=scenes.KEYS["btc" if number % 3 else "eth"],
        side="up" if number % 2 else "down",
        entry_ms=exit_ms - 41_000,
        exit_ms=exit_ms,
        entry_reason=scenes.LAG,
        exit_reason="expired" if won else "extreme_stop",
        strength=None,
        entry=scenes.EVENTS[2].trade.entry,
        exit=None,
        strike=97_016.6,
        strike_grade="oracle",
        legs=(
            Leg("touch", 100.0, entry, 0.0, exit_price=entry + touch / 100, pnl=touch),
            Leg("costed", 100.0, entry, 1.9, exit_price=entry + touch / 100, pnl=costed),
        ),
        exit_spot=97_100.0,
        outcome="up" if won else None,
        grade="official" if won else None,
    )


TRADES = tuple(trade(number, step) for number, step in enumerate(reversed(_STEPS)))


def _followed(share: float | None) -> Gate:
    if share is None:
        return Gate(GATES[1], False, None, 0.3, None)
    return Gate(GATES[1], share <= 0.3, share, 0.3, 0.3 - share)


def gates(side: str, move: float, followed: float | None) -> tuple[Gate, ...]:
    wanted = f"spot return 4 s {'>' if side == 'up' else '<'} 0"
    return (
        Gate(GATES[0], True, 451.0, 120.0, 331.0),
        _followed(followed),
        Gate(GATES[2], abs(move) >= 0.0003, abs(move), 0.0003, abs(move) - 0.0003),
        Gate(wanted, (move > 0) == (side == "up"), move, 0.0, move if side == "up" else -move),
    )  # fmt: skip


def way(side: str, move: float, followed: float | None) -> Way:
    found = gates(side, move, followed)
    return Way(side, scenes.LAG, all(gate.open for gate in found), found)


def why(query: WhyQuery) -> WhyAnswer:
    key, slot = scenes.KEYS[query.coin], scenes.NOW_S
    if query.coin == "btc":
        stop = Way("up", "extreme_stop", False, (Gate("return ≤ −0.4", False, 0.0246, -0.4, -0.4246),))
        return WhyAnswer(
            strategy=query.strategy, verdict="It holds up and keeps it.", key=key, slot=slot, held="up",
            entries=(way("up", 0.0001, 0.9),), exits=(stop,),
        )  # fmt: skip
    if query.coin == "sol":
        verdict = "It may not buy: this tick is not tradable (book one sided)."
        ways = (way("up", 0.00021, None), way("down", 0.00021, None))
        return WhyAnswer(strategy=query.strategy, verdict=verdict, key=key, slot=slot, entries=ways)
    if query.coin == "xrp":
        return WhyAnswer(strategy=query.strategy, verdict="It buys up: spot_lag_detected.", key=key, slot=slot,
                         entries=(way("up", 0.00052, 0.12),))  # fmt: skip
    ways = (way("up", -0.00034, 0.21), way("down", -0.00034, 0.41))
    verdict = "It waits: 1 of 4 gates to down are shut."
    return WhyAnswer(strategy=query.strategy, verdict=verdict, key=key, slot=slot, entries=ways)


STRIKE = Reference(97_016.6, "chainlink-polygon", "oracle", KEY.epoch * 1000)
RUNNING = WindowLine(key=KEY, strike=STRIKE, gaps=1, gap_s=12)
ENDED = WindowLine(
    key=BEFORE, strike=Reference(96_940.2, "twap60", "stream", BEFORE.epoch * 1000), final_price=97_016.6, outcome="up",
    source="gamma", grade="official", delay_s=41.0, ticks=897, gaps=0, gap_s=0,
)  # fmt: skip
OLDER = tuple(
    WindowLine(
        key=MarketKey("btc", "15m", KEY.epoch - 900 * place),
        strike=Reference(96_900.0 + 10 * place, "twap60", "stream", 0), final_price=96_890.0 + 12 * place,
        outcome="down" if place < 5 else "up", source="gamma", grade="official", delay_s=38.0 + place, ticks=900,
        gaps=None if place == 4 else 0, gap_s=None if place == 4 else 0,
    )
    for place in range(2, 9)
)  # fmt: skip


def path(key: MarketKey, until: int) -> tuple[PathPoint, ...]:
    """A point every three seconds; of the running window 24 are missing after five minutes."""
    points = []
    for second in range(0, until, 3):
        if key == KEY and 300 <= second < 372:
            continue
        wave = math.sin(second / 55) + 0.4 * math.sin(second / 17)
        price = 97_016.6 + 60 * wave + second * 0.12
        fair = 1 / (1 + math.exp(-(price - 97_016.6) / 70))
        points.append(PathPoint(key.epoch + second, price, 97_016.6, round(0.5 + 0.8 * (fair - 0.5), 3), fair))
    return tuple(points)


WINDOW = WindowAnswer(
    line=RUNNING,
    path=path(KEY, 447),
    trades=(
        WindowTrade(
            strategy="SpotLag_Aggressive", side="down", shares=100.0, entry_ms=KEY.epoch * 1000 + 64_000,
            entry_price=0.44, reason="extreme_stop", exit_ms=KEY.epoch * 1000 + 181_000, exit_price=0.26, touch=-18.0,
            costed=-20.1,
        ),
        WindowTrade(
            strategy="SpotLagSimple", side="up", shares=100.0, entry_ms=scenes.NOW_MS - 41_000, entry_price=0.58,
            reason=scenes.LAG,
        ),
        WindowTrade(
            strategy="SpotLag_Fast", side="up", shares=100.0, entry_ms=scenes.NOW_MS - 12_000, entry_price=0.61,
            reason=scenes.LAG,
        ),
    ),
    gaps=(Gap("btc", "15m", "ticks", (KEY.epoch + 300) * 1000, (KEY.epoch + 372) * 1000, 72, "the engine was late"),),
)  # fmt: skip

SETTINGS = SettingsAnswer(
    (
        SettingLine("coins", "btc, eth, sol, xrp", "default"),
        SettingLine("horizon", "15m", "default"),
        SettingLine("db", "postgresql://maria@db.test:5432/polyterm", "environment"),
        SettingLine("data_dir", "/var/lib/polyterm", "default"),
        SettingLine("clock.speed", "1.0", "default"),
        SettingLine("feeds.silence_s", "6.0", "file"),
        SettingLine("feeds.polygon_rpc", "https://rpc.test/v2/…", "file"),
        SettingLine("credentials.api_key", "set (…)", ".env"),
        SettingLine("credentials.secret", "not set", "default"),
        SettingLine("service.port", "8787", "flag"),
        SettingLine("service.token", "set (…)", "environment"),
        SettingLine("console.theme", "dark", "default"),
    ),
    "/home/maria/.config/polyterm/config.toml",
    True,
)

TROUBLED = Feeds(
    3,
    (
        scenes.feed("binance", messages_per_s=412.0, latency_ms=31.0, reconnects=2,
                    trouble_ms=scenes.NOW_MS - 1_200_000,
                    trouble="binance.test closed the connection; trying data.binance.test next"),
        scenes.feed("polymarket", state="down", age_s=12.0, reason="cannot connect: connection refused",
                    retry_in_s=4.0, messages_per_s=0.0, latency_ms=88.0, gaps=3, malformed=1,
                    trouble="cannot connect: connection refused", trouble_ms=scenes.NOW_MS - 12_000),
        scenes.feed("chainlink", messages_per_s=0.5, age_s=1.8),
        scenes.FEEDS.rows[3],
    ),
)  # fmt: skip


EARLIER = msgspec.structs.replace(
    WINDOW.trades[0], entry_ms=BEFORE.epoch * 1000 + 64_000, exit_ms=BEFORE.epoch * 1000 + 181_000
)


def told(query: Query) -> Answer:
    """By an engine that has run for an hour."""
    match query:
        case StrategyQuery(strategy=name):
            return strategy(name, RECORD)
        case TradesQuery(limit=limit, offset=offset):
            return TradesAnswer(TRADES[offset : offset + limit], (), 8)
        case WhyQuery():
            return why(query)
        case WindowsQuery(coin=coin):
            return WindowsAnswer((RUNNING, ENDED, *OLDER) if coin == "btc" else ())
        case WindowQuery(key=key):
            return window(key)
    return SETTINGS


def window(key: MarketKey) -> WindowAnswer:
    if key == KEY:
        return WINDOW
    if key == BEFORE:
        return WindowAnswer(line=ENDED, path=path(BEFORE, 900), trades=(EARLIER,), gaps=())
    return WindowAnswer(line=WindowLine(key=key), path=(), trades=(), gaps=())


def told_by_a_new_engine(query: Query) -> Answer:
    """By one that has just begun."""
    match query:
        case StrategyQuery(strategy=name):
            return strategy(name, NEW)
        case TradesQuery():
            return TradesAnswer((), (), 0)
        case WhyQuery(strategy=name):
            return WhyAnswer(strategy=name, verdict="No tick of a running window has come yet.")
        case WindowsQuery():
            return WindowsAnswer((WindowLine(key=KEY),))
        case WindowQuery(key=key):
            return WindowAnswer(line=WindowLine(key=key), path=(), trades=(), gaps=())
    return SETTINGS
