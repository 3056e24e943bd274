"""The tables, once for SQLite and PostgreSQL.

``ticks``, ``paper_trades``, ``windows`` and ``system_state`` have the names and columns that SQL written for the
field's earlier system expects; what it lacked (horizon, session, sources, ages, grades, fees) stands beside them.
Prices of tokens are dollars per share, sizes shares, P&L dollars. ``*_ms`` is unix milliseconds of market time and the
truth; TIMESTAMP columns repeat it in UTC for people. Missing is NULL.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSON

VERSION: Final = 3
"""Of the schema below. A change here comes with a numbered step in ``migrations``."""

metadata: Final = MetaData()

# SQLite gives out row numbers by itself only to a column that is spelled INTEGER.
_ROW_NUMBER: Final = BigInteger().with_variant(Integer(), "sqlite")
# Not JSONB, which keeps five levels in 400 bytes where their text has 150.
_JSON_TEXT: Final = Text().with_variant(JSON(none_as_null=True), "postgresql")


def _text(name: str, *, required: bool = False, key: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=not (required or key), primary_key=key)


def _real(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, Double, nullable=not required)


def _int(name: str, *, required: bool = False, key: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=not (required or key), primary_key=key, autoincrement=False)


def _time(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=not required)


schema_version: Final = Table("schema_version", metadata, _int("version", key=True), _text("program", required=True))

sessions: Final = Table(
    "sessions",
    metadata,
    _text("session", key=True),
    _text("predecessor"),
    _text("mode", required=True),
    _text("program", required=True),
    _text("platform", required=True),
    _text("sizing", required=True),
    _int("started_ms", required=True),
    _time("started_at", required=True),
    # NULL while running and after a crash, like the totals below.
    _int("ended_ms"),
    # The names of the strategies that ran, in their order, as a JSON array.
    _text("strategies"),
    _int("inputs"),
    _int("events"),
    _text("events_digest"),
)

# input_number and input_ms are the tick's place among the inputs of its session. spot_delta_pct is a fraction,
# (S - K) / K of the raw spot; strike_distance is freed of the spot's basis. Depth is
# {"bids": [[price, shares], ...], "asks": [...]}, best first, at most five a side, NULL when neither side is known;
# that of Down is the text "mirror" where a bid for Down at q is an ask for Up at 1 - q throughout.
ticks: Final = Table(
    "ticks",
    metadata,
    _text("crypto", key=True),
    _text("horizon", key=True),
    _int("timestamp_ms", key=True),
    _time("timestamp", required=True),
    _text("session", required=True),
    _int("made_ms", required=True),
    _int("window_epoch", required=True),
    _real("time_remaining_sec", required=True),
    _real("up_bid"),
    _real("up_ask"),
    _real("up_bid_size"),
    _real("up_ask_size"),
    _real("up_last_trade"),
    _real("up_mid"),
    _real("down_bid"),
    _real("down_ask"),
    _real("down_bid_size"),
    _real("down_ask_size"),
    _real("down_last_trade"),
    _int("book_age_ms"),
    _real("spot_price"),
    _text("spot_source"),
    _int("spot_age_ms"),
    _real("spot_basis"),
    _real("price_to_beat"),
    _text("strike_source"),
    _text("strike_grade"),
    _int("strike_at_ms"),
    _real("spot_delta"),
    _real("spot_delta_pct"),
    _real("strike_distance"),
    _real("spread"),
    _real("spread_pct"),
    _real("implied_prob_up"),
    Column("up_book_depth", _JSON_TEXT),
    Column("down_book_depth", _JSON_TEXT),
    _real("chainlink_price"),
    _text("chainlink_source"),
    _real("chainlink_staleness"),
    _int("chainlink_updated_at"),
    _int("chainlink_at_ms"),
    _int("chainlink_age_ms"),
    _real("price_divergence"),
    _real("price_divergence_pct"),
    _real("twap_price"),
    _int("twap_at_ms"),
    _int("twap_age_ms"),
    _text("invalid"),
    _int("input_number"),
    _int("input_ms"),
    # Rows arrive in the order of their time, so that a summary of every few pages finds a span of it.
    Index(
        "ticks_by_time",
        "timestamp_ms",
        "timestamp",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32},
    ).ddl_if(dialect="postgresql"),
)

# What entered the engine besides ticks, as it was: the payload is tagged JSON. Numbers count from 1 in each session.
inputs: Final = Table(
    "inputs",
    metadata,
    _text("session", key=True),
    _int("number", key=True),
    _int("at_ms", required=True),
    _text("payload", required=True),
    sqlite_with_rowid=False,
)

# What a repetition of a window must come to; written once, when it closes.
window_digests: Final = Table(
    "window_digests",
    metadata,
    _text("session", key=True),
    _text("crypto", key=True),
    _text("horizon", key=True),
    _int("window_epoch", key=True),
    _int("first_input", required=True),
    _int("last_input", required=True),
    _int("closed_ms", required=True),
    _int("inputs", required=True),
    _int("events", required=True),
    _text("inputs_digest", required=True),
    _text("events_digest", required=True),
    _int("session_events", required=True),
    _text("session_digest", required=True),
    sqlite_with_rowid=False,
)


# All that an engine knew after an input, to go on from: zstd of msgpack in base64. Number 0 is what a session began
# with; one without it began with nothing. Of the others only the newest few are kept.
checkpoints: Final = Table(
    "checkpoints",
    metadata,
    _text("session", key=True),
    _int("number", key=True),
    _int("at_ms", required=True),
    _text("program", required=True),
    _int("version", required=True),
    _text("state", required=True),
)

# Windows in the middle of which a session ended: their seconds are not all there, and no digest covers them as a whole.
cut_windows: Final = Table(
    "cut_windows",
    metadata,
    _text("session", key=True),
    _text("crypto", key=True),
    _text("horizon", key=True),
    _int("window_epoch", key=True),
    _int("cut_ms", required=True),
)


def _leg(model: str) -> list[Column[Any]]:
    return [
        _text(f"{model}_status"),
        _real(f"{model}_shares"),
        _real(f"{model}_entry_price"),
        _real(f"{model}_exit_price"),
        _real(f"{model}_fee"),
        _real(f"{model}_pnl"),
    ]


# shares, entry_price, exit_price and pnl are the touch leg, which is always whole and free of fees.
paper_trades: Final = Table(
    "paper_trades",
    metadata,
    Column("id", _ROW_NUMBER, Identity(), primary_key=True, autoincrement=True),
    _text("session", required=True),
    _text("event_id", required=True),
    _text("strategy_name", required=True),
    _text("crypto", required=True),
    _text("horizon", required=True),
    _text("side", required=True),
    _time("entry_time", required=True),
    _time("exit_time", required=True),
    _int("entry_ms", required=True),
    _int("exit_ms", required=True),
    _int("window_epoch", required=True),
    _int("holding_time_ms", required=True),
    _real("entry_price", required=True),
    _real("exit_price", required=True),
    _real("entry_spot_price"),
    _real("exit_spot_price"),
    _real("price_to_beat"),
    _text("strike_grade"),
    _real("entry_market_prob"),
    _real("exit_market_prob"),
    _real("time_remaining_at_entry", required=True),
    _real("time_remaining_at_exit"),
    _real("shares", required=True),
    _real("stake_usd", required=True),
    _real("pnl", required=True),
    *_leg("costed"),
    *_leg("realistic"),
    _text("outcome"),
    _text("outcome_grade"),
    _text("reason", required=True),
    _text("entry_reason", required=True),
    _real("entry_bid_size"),
    _real("entry_ask_size"),
    _real("entry_spread"),
    _real("entry_spread_pct"),
    _real("exit_bid_size"),
    _real("exit_ask_size"),
    _real("exit_spread"),
    _real("exit_spread_pct"),
    _real("spot_move_during_trade"),
    _real("market_move_during_trade"),
    _real("signal_strength"),
    _real("entry_book_imbalance"),
    _real("exit_book_imbalance"),
    UniqueConstraint(
        "session", "strategy_name", "crypto", "horizon", "window_epoch", "entry_ms", name="paper_trades_natural_key"
    ),
    Index("paper_trades_by_exit", "exit_ms"),
    Index("paper_trades_by_window", "crypto", "horizon", "window_epoch"),
)

# What is held now: a row goes when the trade of that name comes. ``position`` is all of it as JSON, for an engine that
# does not know of it.
open_positions: Final = Table(
    "open_positions",
    metadata,
    _text("session", key=True),
    _text("strategy_name", key=True),
    _text("crypto", key=True),
    _text("horizon", key=True),
    _int("window_epoch", key=True),
    _int("entry_ms", key=True),
    _time("entry_time", required=True),
    _text("side", required=True),
    _real("shares", required=True),
    _real("entry_price", required=True),
    _text("entry_reason", required=True),
    _text("position", required=True),
)

# Rows are only ever added: what a settled trade said before and after a better outcome came.
trade_corrections: Final = Table(
    "trade_corrections",
    metadata,
    _text("session", key=True),
    _int("event_input", key=True),
    _int("event_ordinal", key=True),
    _text("strategy_name", required=True),
    _text("crypto", required=True),
    _text("horizon", required=True),
    _int("window_epoch", required=True),
    _int("entry_ms", required=True),
    _int("corrected_ms", required=True),
    _time("corrected_at", required=True),
    _text("outcome_before"),
    _text("outcome_after"),
    _text("grade_before"),
    _text("grade_after"),
    _real("exit_price_before", required=True),
    _real("exit_price_after", required=True),
    _real("pnl_before", required=True),
    _real("pnl_after", required=True),
    _real("costed_pnl_before"),
    _real("costed_pnl_after"),
    # The session of the trade's own row; NULL where it is the one that corrected it.
    _text("trade_session"),
)

# start_price is the strike, end_price the final price; the volatilities are population sd of log returns.
# official_delay_ms is how long after its end the venue's own result was known here. gap_count counts the rows of gaps
# that touch the window, gap_s its seconds without a tick among them.
windows: Final = Table(
    "windows",
    metadata,
    _text("crypto", key=True),
    _text("horizon", key=True),
    _int("epoch", key=True),
    _text("session", required=True),
    _real("start_price"),
    _text("strike_source"),
    _text("strike_grade"),
    _int("strike_at_ms"),
    _real("end_price"),
    _text("final_source"),
    _text("final_grade"),
    _int("final_at_ms"),
    _text("outcome"),
    _text("outcome_source"),
    _text("outcome_grade"),
    _time("resolved_at"),
    _int("resolved_ms"),
    _real("opening_up_price"),
    _real("closing_up_price"),
    _real("high_up_price"),
    _real("low_up_price"),
    _int("tick_count"),
    _int("price_change_count"),
    _real("up_price_volatility"),
    _real("spot_volatility"),
    _real("max_spot_delta_pct"),
    _real("fee_rate"),
    _real("fee_exponent"),
    _time("created_at", required=True),
    _int("opened_ms"),
    _int("closed_ms"),
    _int("official_delay_ms"),
    _int("gap_count"),
    _int("gap_s"),
)

# Seconds of a series that lack something: their ticks (feed "ticks"), or in them what a feed gives. ``to_ms`` is
# excluded, ``missing`` counts the seconds. A window is flagged with those that touch it.
gaps: Final = Table(
    "gaps",
    metadata,
    _text("crypto", key=True),
    _text("horizon", key=True),
    _text("feed", key=True),
    _int("from_ms", key=True),
    _int("to_ms", required=True),
    _int("missing", required=True),
    _text("reason", required=True),
    _text("session", required=True),
)

system_state: Final = Table(
    "system_state",
    metadata,
    _text("key", key=True),
    _text("value", required=True),
    _time("updated_at", required=True),
    _int("updated_ms", required=True),
)
