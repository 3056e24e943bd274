"""What a console sees: sections that carry a version each, so that only changed ones travel."""

from typing import Literal

import msgspec

from polyterm.core.command import TradingState
from polyterm.core.market import Coin, Horizon, MarketKey, Side
from polyterm.core.tick import Tick

FeedState = Literal["connecting", "live", "stale", "down", "off"]
StoreState = Literal["ok", "slow", "failed"]
Role = Literal["owner", "observer"]
Mode = Literal["PAPER", "DEMO", "LIVE", "REPLAY"]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """``started_ms`` is market time; ``pnl_*`` are dollars since midnight UTC (market time); ``engine_us`` is the mean
    machine time per input over the last seconds."""

    version: int
    session: str
    mode: Mode
    role: Role
    role_reason: str
    trading_state: TradingState
    trading_reason: str
    market_ms: int
    speed: float
    started_ms: int
    windows: tuple[MarketKey, ...]
    pnl_touch: float
    pnl_costed: float
    open_positions: int
    exposure: float
    store_state: StoreState
    store_reason: str
    store_pending: int
    engine_us: float
    inputs: int


class TickRow(msgspec.Struct, frozen=True):
    """The newest tick of one series; ``spots`` and ``mids`` are the window's path so far, thinned for a sparkline."""

    coin: Coin
    horizon: Horizon
    tick: Tick | None
    spots: tuple[float | None, ...]
    mids: tuple[float | None, ...]
    note: str = ""


class Ticks(msgspec.Struct, frozen=True):
    version: int
    rows: tuple[TickRow, ...]


class LeaderboardRow(msgspec.Struct, frozen=True, kw_only=True):
    """Totals of one strategy in this session; ``flattery`` style comparisons use the two P&L columns."""

    strategy: str
    family: str
    trades: int
    wins: int
    open: int
    pnl_touch: float
    pnl_costed: float
    last_side: Side | None
    last_reason: str
    last_ms: int | None
    disabled: str | None = None


class Leaderboard(msgspec.Struct, frozen=True):
    version: int
    rows: tuple[LeaderboardRow, ...]


class ConflictPair(msgspec.Struct, frozen=True):
    """Two strategies over the windows in which both took a side (their first trade's); ``opposed`` of ``windows``."""

    first: str
    second: str
    windows: int
    opposed: int


class CoinConflict(msgspec.Struct, frozen=True):
    """``windows`` with any trade of that coin, and how many of them saw both sides bought."""

    coin: Coin
    windows: int
    conflicted: int


class Conflicts(msgspec.Struct, frozen=True):
    """``strategies`` orders the heatmap's axes; ``lineup`` is who took which side in the running windows."""

    version: int
    strategies: tuple[str, ...]
    pairs: tuple[ConflictPair, ...]
    coins: tuple[CoinConflict, ...]
    lineup: tuple["Lineup", ...]


class Lineup(msgspec.Struct, frozen=True):
    key: MarketKey
    up: tuple[str, ...]
    down: tuple[str, ...]


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """``mark`` values the position now (None without a two-sided book); ``unrealised`` is touch dollars at the mark."""

    strategy: str
    key: MarketKey
    side: Side
    shares: float
    entry_price: float
    entry_ms: int
    mark: float | None
    unrealised: float | None
    pending: bool


class Positions(msgspec.Struct, frozen=True):
    version: int
    rows: tuple[PositionRow, ...]


class FeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """``age_s`` is machine seconds since the last *data*; ``retry_in_s`` counts down while a feed is down."""

    name: str
    state: FeedState
    host: str
    age_s: float | None
    messages_per_s: float
    reconnects: int
    gaps: int
    unknown: int
    malformed: int
    reason: str
    retry_in_s: float | None


class Feeds(msgspec.Struct, frozen=True):
    version: int
    rows: tuple[FeedRow, ...]


class Snapshot(msgspec.Struct, frozen=True):
    """All sections. A client holds the newest of each; a section's version grows when it changes."""

    status: Status
    ticks: Ticks
    leaderboard: Leaderboard
    conflicts: Conflicts
    positions: Positions
    feeds: Feeds


class SnapshotDelta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="snapshot"):
    """Only the sections that changed since the last one sent."""

    status: Status | None = None
    ticks: Ticks | None = None
    leaderboard: Leaderboard | None = None
    conflicts: Conflicts | None = None
    positions: Positions | None = None
    feeds: Feeds | None = None
