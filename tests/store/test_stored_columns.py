"""What a program that knows only SQL and the documented columns finds in the file."""

import json

from polyterm.core.event import (
    EventId,
    StrikeSet,
    TradingStateChanged,
    WindowClosed,
    WindowSettled,
    WindowStarted,
    WindowStats,
)
from polyterm.core.market import FeeSchedule, Reference
from tests.store.builders import EPOCH, KEY, closed, corrected, early_exit, rows, settled, taken, tick

END_MS = (EPOCH + 900) * 1000
FEE = FeeSchedule(0.07, 1.0)
STATS = WindowStats(
    ticks=900,
    price_changes=41,
    opening_mid=0.5,
    closing_mid=0.97,
    high_mid=0.985,
    low_mid=0.44,
    mid_return_sd=0.0125,
    spot_return_sd=0.00015,
    max_abs_distance=0.0042,
)


async def test_a_tick(open_store, path):
    store = await open_store()
    store.submit(taken(tick()))
    await store.close()
    (row,) = rows(path, "SELECT * FROM ticks")
    assert row["timestamp_ms"] == 1_769_299_204_000
    assert row["timestamp"] == "2026-01-25 00:00:04.000000"
    assert (row["crypto"], row["horizon"], row["session"]) == ("btc", "15m", "s1")
    assert row["window_epoch"] == 1_769_299_200
    assert row["time_remaining_sec"] == 896
    assert (row["up_bid"], row["up_ask"], row["up_bid_size"], row["up_ask_size"]) == (0.49, 0.51, 120, 80)
    assert (row["down_bid"], row["down_ask"], row["down_bid_size"], row["down_ask_size"]) == (0.48, 0.52, 75.5, 64.25)
    assert (row["up_mid"], row["implied_prob_up"]) == (0.5, 0.5)
    assert (row["up_last_trade"], row["down_last_trade"]) == (0.5, 0.47)
    assert round(row["spread"], 12) == 0.02
    assert round(row["spread_pct"], 12) == 4
    assert (row["spot_price"], row["price_to_beat"]) == (100.5, 100)
    assert row["spot_delta"] == 0.5
    assert row["spot_delta_pct"] == 0.005
    # 100.5 * exp(-0.0005) = 100.44976..., so 0.4498 % above the strike once the basis is taken off
    assert round(row["strike_distance"], 6) == 0.004498
    assert (row["spot_source"], row["spot_age_ms"], row["spot_basis"]) == ("binance", 25, 0.0005)
    assert (row["strike_source"], row["strike_grade"], row["strike_at_ms"]) == ("twap60", "stream", 1_769_299_200_000)
    assert row["chainlink_price"] == 100.25
    assert row["chainlink_staleness"] == 1.5
    assert row["chainlink_updated_at"] == 1_769_299_202
    assert row["price_divergence"] == 0.25
    assert round(row["price_divergence_pct"], 9) == 0.249376559
    assert (row["twap_price"], row["twap_age_ms"]) == (100.125, 1_012)
    assert (row["made_ms"], row["book_age_ms"], row["invalid"]) == (1_769_299_204_012, 340, None)
    assert json.loads(row["up_book_depth"]) == {
        "bids": [[0.49, 120], [0.48, 30], [0.47, 5], [0.46, 1.5], [0.45, 900]],
        "asks": [[0.51, 80], [0.53, 12]],
    }
    assert json.loads(row["down_book_depth"]) == {"bids": [[0.48, 75.5]], "asks": [[0.52, 64.25], [0.55, 10]]}


async def test_what_a_tick_did_not_know_is_null(open_store, path):
    store = await open_store()
    names = ("up_bid", "up_bid_size", "spot", "strike", "oracle", "oracle_at_ms", "oracle_age_ms", "twap")
    store.submit(taken(tick(**dict.fromkeys(names), up_bids=(), up_asks=(), invalid="book_one_sided")))
    await store.close()
    (row,) = rows(path, "SELECT * FROM ticks")
    for column in (
        "up_bid", "up_bid_size", "up_mid", "implied_prob_up", "spread", "spread_pct", "spot_price", "price_to_beat",
        "spot_delta", "spot_delta_pct", "strike_distance", "chainlink_price", "chainlink_staleness",
        "chainlink_updated_at", "price_divergence", "price_divergence_pct", "twap_price", "up_book_depth",
    ):  # fmt: skip
        assert row[column] is None, column
    assert row["up_ask"] == 0.51
    assert row["invalid"] == "book_one_sided"


async def test_a_trade_sold_early(open_store, path):
    store = await open_store()
    store.submit(taken(), [closed(31, early_exit())])
    await store.close()
    (row,) = rows(path, "SELECT * FROM paper_trades")
    del row["id"]
    assert row == {
        "session": "s1",
        "event_id": "s1/31/0",
        "strategy_name": "SpotLag_Fast",
        "crypto": "btc",
        "horizon": "15m",
        "side": "up",
        "entry_time": "2026-01-25 00:00:04.000000",
        "exit_time": "2026-01-25 00:05:00.000000",
        "entry_ms": 1_769_299_204_000,
        "exit_ms": 1_769_299_500_000,
        "window_epoch": 1_769_299_200,
        "holding_time_ms": 296_000,
        "entry_price": 0.5,
        "exit_price": 0.625,
        "entry_spot_price": 100.5,
        "exit_spot_price": 101.0,
        "price_to_beat": 100.0,
        "strike_grade": "stream",
        "entry_market_prob": 0.5,
        "exit_market_prob": 0.625,
        "time_remaining_at_entry": 896.0,
        "time_remaining_at_exit": 600.0,
        "shares": 100.0,
        "stake_usd": 50.0,
        "pnl": 12.5,
        "costed_status": "full",
        "costed_shares": 100.0,
        "costed_entry_price": 0.5,
        "costed_exit_price": 0.625,
        "costed_fee": 2.5,
        "costed_pnl": 10.0,
        "realistic_status": None,
        "realistic_shares": None,
        "realistic_entry_price": None,
        "realistic_exit_price": None,
        "realistic_fee": None,
        "realistic_pnl": None,
        "outcome": None,
        "outcome_grade": None,
        "reason": "take_profit",
        "entry_reason": "spot_lag_detected",
        "entry_bid_size": 120.0,
        "entry_ask_size": 80.0,
        "entry_spread": 0.02,
        "entry_spread_pct": 4.0,
        "exit_bid_size": 60.0,
        "exit_ask_size": 40.0,
        "exit_spread": 0.03,
        "exit_spread_pct": 4.8,
        "spot_move_during_trade": 0.5,
        "market_move_during_trade": 0.125,
        "signal_strength": 0.75,
        "entry_book_imbalance": 0.2,
        "exit_book_imbalance": -0.25,
    }


async def test_a_settled_trade_has_an_outcome_and_no_exit_market(open_store, path):
    store = await open_store()
    store.submit(taken(), [closed(32, settled(won=False))])
    await store.close()
    (row,) = rows(
        path,
        "SELECT pnl, outcome, reason, exit_price, exit_market_prob, exit_bid_size, market_move_during_trade,"
        " exit_spot_price, spot_move_during_trade FROM paper_trades",
    )
    assert row == {
        "pnl": -40.0,
        "outcome": "down",
        "reason": "window_expiry",
        "exit_price": 0.0,
        "exit_market_prob": None,
        "exit_bid_size": None,
        "market_move_during_trade": None,
        "exit_spot_price": 99.0,
        "spot_move_during_trade": -1.5,
    }


async def test_a_window_from_start_to_official_result(open_store, path):
    store = await open_store()
    spot = Reference(100.5, "binance", "spot", EPOCH * 1000)
    stream = Reference(100.0, "twap60", "stream", EPOCH * 1000)
    final = Reference(99.5, "twap60", "stream", END_MS)
    store.submit(taken(), [WindowStarted(EventId("s1", 1, 0), EPOCH * 1000, KEY, spot, FEE)])
    store.submit(taken(), [StrikeSet(EventId("s1", 2, 0), EPOCH * 1000 + 2_000, KEY, stream)])
    store.submit(taken(), [WindowClosed(EventId("s1", 3, 0), END_MS, KEY, stream, final, STATS, 2)])
    store.submit(
        taken(),
        [WindowSettled(EventId("s1", 4, 0), END_MS + 90_000, KEY, "down", "official", "gamma", None, corrects=False)],
    )
    await store.close()
    (row,) = rows(path, "SELECT * FROM windows")
    assert row == {
        "crypto": "btc",
        "horizon": "15m",
        "epoch": EPOCH,
        "session": "s1",
        "start_price": 100.0,
        "strike_source": "twap60",
        "strike_grade": "stream",
        "strike_at_ms": EPOCH * 1000,
        "end_price": 99.5,
        "final_source": "twap60",
        "final_grade": "stream",
        "final_at_ms": END_MS,
        "outcome": "down",
        "outcome_source": "gamma",
        "outcome_grade": "official",
        "resolved_at": "2026-01-25 00:16:30.000000",
        "resolved_ms": END_MS + 90_000,
        "opening_up_price": 0.5,
        "closing_up_price": 0.97,
        "high_up_price": 0.985,
        "low_up_price": 0.44,
        "tick_count": 900,
        "price_change_count": 41,
        "up_price_volatility": 0.0125,
        "spot_volatility": 0.00015,
        "max_spot_delta_pct": 0.0042,
        "fee_rate": 0.07,
        "fee_exponent": 1.0,
        "created_at": "2026-01-25 00:00:00.000000",
        "opened_ms": EPOCH * 1000,
        "closed_ms": END_MS,
        "official_delay_ms": 90_000,
        "gap_count": 0,
        "gap_s": 0,
    }


async def test_nothing_better_known_is_overwritten_by_something_worse(open_store, path):
    store = await open_store()
    stream = Reference(100.0, "twap60", "stream", EPOCH * 1000)
    settle = EventId("s1", 5, 0)
    whole = WindowClosed(
        EventId("s1", 4, 0), END_MS, KEY, stream, Reference(99.5, "twap60", "stream", END_MS), STATS, 0
    )
    store.submit(taken(), [WindowStarted(EventId("s1", 1, 0), EPOCH * 1000, KEY, stream, FEE), whole])
    store.submit(
        taken(), [WindowSettled(settle, END_MS + 1_000, KEY, "down", "official", "gamma", 99.25, corrects=False)]
    )
    late = WindowStats(30, 2, 0.9, 0.97, 0.98, 0.9, None, None, None)
    store.submit(
        taken(),
        [
            WindowStarted(EventId("s2", 1, 0), EPOCH * 1000 + 870_000, KEY, None, FEE),
            WindowClosed(EventId("s2", 2, 0), END_MS, KEY, None, None, late, 0),
            WindowSettled(EventId("s2", 3, 0), END_MS + 2_000, KEY, "up", "stream", "twap60", 101.0, corrects=False),
        ],
    )
    await store.close()
    (row,) = rows(path, "SELECT * FROM windows")
    assert (row["start_price"], row["strike_grade"]) == (100.0, "stream")
    assert (row["outcome"], row["outcome_grade"], row["resolved_ms"]) == ("down", "official", END_MS + 1_000)
    assert (row["end_price"], row["final_source"]) == (99.25, "gamma")
    assert (row["tick_count"], row["opening_up_price"]) == (900, 0.5)
    assert (row["opened_ms"], row["created_at"]) == (EPOCH * 1000, "2026-01-25 00:00:00.000000")


async def test_a_better_graded_outcome_replaces_the_first(open_store, path):
    store = await open_store()
    for number, (side, grade) in enumerate([("up", "spot"), ("down", "oracle"), ("up", "official")]):
        store.submit(
            taken(),
            [
                WindowSettled(
                    EventId("s1", number, 0), END_MS + number, KEY, side, grade, "x", None, corrects=number > 0
                )
            ],
        )
    await store.close()
    (row,) = rows(path, "SELECT outcome, outcome_grade, resolved_ms FROM windows")
    assert row == {"outcome": "up", "outcome_grade": "official", "resolved_ms": END_MS + 2}


async def test_a_correction_changes_the_trade_and_is_remembered(open_store, path):
    store = await open_store()
    before, after = settled(), settled(won=False, grade="official")
    store.submit(taken(), [closed(1, before), closed(2, early_exit())])
    store.submit(taken(), [corrected(3, before, after)])
    await store.close()
    (trade,) = rows(path, "SELECT * FROM paper_trades WHERE strategy_name = 'SpotLagSimple'")
    assert (trade["pnl"], trade["outcome"], trade["outcome_grade"]) == (-40.0, "down", "official")
    assert (trade["exit_price"], trade["costed_pnl"]) == (0.0, -41.75)
    (correction,) = rows(path, "SELECT * FROM trade_corrections")
    assert correction == {
        "session": "s1",
        "event_input": 3,
        "event_ordinal": 0,
        "strategy_name": "SpotLagSimple",
        "crypto": "btc",
        "horizon": "15m",
        "window_epoch": EPOCH,
        "entry_ms": 1_769_299_210_000,
        "corrected_ms": END_MS + 60_000,
        "corrected_at": "2026-01-25 00:16:00.000000",
        "outcome_before": "up",
        "outcome_after": "down",
        "grade_before": "spot",
        "grade_after": "official",
        "exit_price_before": 1.0,
        "exit_price_after": 0.0,
        "pnl_before": 60.0,
        "pnl_after": -40.0,
        "costed_pnl_before": 58.25,
        "costed_pnl_after": -41.75,
        "trade_session": "s1",
    }
    assert rows(path, "SELECT COUNT(*) AS n FROM paper_trades") == [{"n": 2}]


async def test_state_keeps_the_newest_value_of_a_key(open_store, path):
    store = await open_store()
    store.put_state("collector_health", '{"ticks":1}', EPOCH * 1000)
    store.put_state("collector_health", '{"ticks":2}', EPOCH * 1000 + 60_000)
    change = TradingStateChanged(
        EventId("s1", 9, 0), EPOCH * 1000, "RUNNING", "KILLED", "c1", "ann", "console", "drill"
    )
    store.submit(taken(), [change])
    await store.close()
    health, trading = rows(path, "SELECT * FROM system_state ORDER BY key")
    assert health == {
        "key": "collector_health",
        "value": '{"ticks":2}',
        "updated_at": "2026-01-25 00:01:00.000000",
        "updated_ms": EPOCH * 1000 + 60_000,
    }
    assert trading["key"] == "trading_state"
    value = json.loads(trading["value"])
    assert (value["after"], value["actor"], value["reason"]) == ("KILLED", "ann", "drill")


async def test_the_documented_query_gives_each_strategys_performance(open_store, path):
    store = await open_store()
    store.submit(taken(), [closed(1, settled()), closed(2, settled(second=40, won=False)), closed(3, early_exit())])
    await store.close()
    assert rows(
        path,
        "SELECT strategy_name, COUNT(*) AS trades, SUM(CASE WHEN pnl > 0 THEN 1 ELSE 0 END) AS wins,"
        " ROUND(SUM(pnl), 2) AS total_pnl FROM paper_trades"
        " WHERE exit_time > datetime('2026-01-25 12:00:00', '-24 hours')"
        " GROUP BY strategy_name ORDER BY total_pnl DESC",
    ) == [
        {"strategy_name": "SpotLagSimple", "trades": 2, "wins": 1, "total_pnl": 20.0},
        {"strategy_name": "SpotLag_Fast", "trades": 1, "wins": 1, "total_pnl": 12.5},
    ]
