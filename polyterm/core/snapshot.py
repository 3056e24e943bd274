"""What a console sees: sections that carry a version each, so that only changed ones travel."""

from typing import Literal

import msgspec

from polyterm.core.command import TradingState
from polyterm.core.market import Coin, Horizon, MarketKey, Side
from polyterm.core.playback import Playback
from polyterm.core.tick import Tick

FeedState = Literal["connecting", "live", "stale", "down", "off"]
StoreState = Literal["ok", "slow", "failed"]
Role = Literal["owner", "observer"]
Mode = Literal["PAPER", "DEMO", "LIVE", "REPLAY"]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """``started_ms`` is market time; ``pnl_*`` are dollars since midnight UTC (market time); ``engine_us`` is the mean
    machine time per input over the last seconds. ``clock_skew_ms`` is how far this machine's clock is ahead of an
    exchange's, the network's delay included; None while nobody knows. ``spool_rows`` are durable on this machine and
    wait for the database, the oldest for ``spool_age_s``. ``playback`` is there when a recording is played."""

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
    clock_skew_ms: int | None = None
    spool_rows: int = 0
    spool_age_s: int = 0
    playback: Playback | None = None


class TickRow(msgspec.Struct, frozen=True):
    """The newest tick of one series; ``spots`` and ``mids`` are the window's path so far, thinned for a sparkline.

    ``fair`` is the probability that the settling average ends at or above the strike, at the annualised ``volatility``
    of spot; ``edge`` is it minus the Up mid; ``regime`` is a word or two for what kind of market this is.
    """

    coin: Coin
    horizon: Horizon
    tick: Tick | None
    spots: tuple[float | None, ...]
    mids: tuple[float | None, ...]
    note: str = ""
    fair: float | None = None
    edge: float | None = None
    volatility: float | None = None
    regime: str = ""


class Ticks(msgspec.Struct, frozen=True):
    version: int
    rows: tuple[TickRow, ...]


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """Closed trades of one strategy in one part of the session, dollars.

    ``part`` is a UTC day (days since 1970), a window's epoch, or a coin's place among ``COINS``. ``squares`` is the sum
    of the squared costed P&L of each trade, ``drawdown`` the deepest fall of the costed P&L below its peak (>= 0).
    """

    part: int
    trades: int
    wins: int
    touch: float
    costed: float
    squares: float
    drawdown: float


class LeaderboardRow(msgspec.Struct, frozen=True, kw_only=True):
    """Totals of one strategy in this session; ``flattery`` style comparisons use the two P&L columns.

    ``squares`` and ``drawdown`` as in ``Tally``; ``equity`` is the costed P&L after some of the trades, evenly thinned,
    the newest last. ``days`` holds the newest day with a trade, ``windows`` the newest windows with one, ``coins``
    every coin with one.
    """

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
    squares: float = 0.0
    drawdown: float = 0.0
    equity: tuple[float, ...] = ()
    days: tuple[Tally, ...] = ()
    windows: tuple[Tally, ...] = ()
    coins: tuple[Tally, ...] = ()


class Leaderboard(msgspec.Struct, frozen=True):
    version: int
    rows: tuple[LeaderboardRow, ...]


class ConflictPair(msgspec.Struct, frozen=True, array_like=True):
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
    """``strategies`` are all of them in the order of the table, ``pairs`` those that met in a window, ``lineup`` is who
    took which side in the running windows.

    ``order`` is for the heatmap's axes: the strategies that have traded, those that agree next to each other. Until a
    window has closed it is the order of the table. ``camps`` are the named ones first, then those found in the trades.
    """

    version: int
    strategies: tuple[str, ...]
    pairs: tuple[ConflictPair, ...]
    coins: tuple[CoinConflict, ...]
    lineup: tuple["Lineup", ...]
    order: tuple[str, ...] = ()
    camps: tuple["Camp", ...] = ()


class Lineup(msgspec.Struct, frozen=True):
    """A running window: the strategies by their first trade's side, and what is open there now under the touch model.

    Costs are dollars. A share of Up and one of Down together pay one dollar whatever happens, so that only the
    difference is at risk: ``net_shares``, above 0 for Up.
    """

    key: MarketKey
    up: tuple[str, ...]
    down: tuple[str, ...]
    up_shares: float = 0.0
    down_shares: float = 0.0
    up_cost: float = 0.0
    down_cost: float = 0.0

    @property
    def net_shares(self) -> float:
        return self.up_shares - self.down_shares


class Camp(msgspec.Struct, frozen=True):
    """Strategies that go together: ``found`` in the trades of this session, else one of those the field has named."""

    name: str
    members: tuple[str, ...]
    found: bool

    def sides(self, lineup: Lineup) -> tuple[int, int]:
        """How many members took (Up, Down) in that window."""
        members = set(self.members)
        return len(members.intersection(lineup.up)), len(members.intersection(lineup.down))


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """``mark`` values the position now (None without a two-sided book); ``unrealised`` is touch dollars at the mark.

    ``exit_price`` is what it could be sold at now; ``closes`` says in words what would close it before it expires.
    """

    strategy: str
    key: MarketKey
    side: Side
    shares: float
    entry_price: float
    entry_ms: int
    mark: float | None
    unrealised: float | None
    pending: bool
    exit_price: float | None = None
    reason: str = ""
    closes: str = ""


class Positions(msgspec.Struct, frozen=True):
    version: int
    rows: tuple[PositionRow, ...]


class FeedRow(msgspec.Struct, frozen=True, kw_only=True):
    """``age_s`` is machine seconds since the last *data*; ``retry_in_s`` counts down while a feed is down.

    ``latency_ms`` is the newest round trip to the host, None until one was measured. ``trouble`` is the last thing that
    went wrong, at ``trouble_ms`` (market time), however long ago.
    """

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
    latency_ms: float | None = None
    trouble: str = ""
    trouble_ms: int | None = None


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
    """Only the sections that changed since the last one sent.

    On the wire, ``leaderboard_since`` and ``conflicts_since`` name the version of the section whose rows (or pairs) go
    on as they were, but for those that are given here.
    """

    status: Status | None = None
    ticks: Ticks | None = None
    leaderboard: Leaderboard | None = None
    conflicts: Conflicts | None = None
    positions: Positions | None = None
    feeds: Feeds | None = None
    leaderboard_since: int | None = None
    conflicts_since: int | None = None
