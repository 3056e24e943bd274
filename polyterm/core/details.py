"""Answers that describe one thing in full: a strategy, a window, the settings."""

from typing import Literal

import msgspec

from polyterm.core.gap import Gap
from polyterm.core.market import Coin, Grade, MarketKey, Reference, Side


class ParameterLine(msgspec.Struct, frozen=True):
    """``unit`` is "" for a plain number, ``range`` says in words what it may be."""

    name: str
    value: float
    unit: str
    range: str


class RuleWay(msgspec.Struct, frozen=True):
    """A way into or out of a position: all its gates must be open. A way out has no side."""

    side: Side | None
    reason: str
    gates: tuple[str, ...]


class EquityPoint(msgspec.Struct, frozen=True, array_like=True):
    """P&L of all trades up to this one, dollars; ``costed`` is None where the fee of one of them is not known."""

    at_ms: int
    touch: float
    costed: float | None


class TradeTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Dollars; a win has P&L above 0 under the touch model. ``costed`` is None where no trade's fee is known."""

    trades: int
    wins: int
    touch: float
    costed: float | None


class CoinTotals(TradeTotals, frozen=True, kw_only=True):
    coin: Coin


class MinuteTotals(TradeTotals, frozen=True, kw_only=True):
    """Of the trades that were entered in that minute of their window, from 0."""

    minute: int


class Record(msgspec.Struct, frozen=True):
    """What a strategy has closed in a period: ``equity`` is evenly thinned, its last point is the newest trade's."""

    equity: tuple[EquityPoint, ...] = ()
    coins: tuple[CoinTotals, ...] = ()
    minutes: tuple[MinuteTotals, ...] = ()


class StrategyAnswer(msgspec.Struct, frozen=True, tag="strategy", kw_only=True):
    """``rule`` is what its author says, ``about`` what is said of its parameters. ``entries`` and ``exits`` are the
    rule's own conditions, empty where it is no plain expression. ``problem`` says why ``record`` is missing."""

    strategy: str
    family: str
    experimental: bool
    rule: str
    parameters: tuple[ParameterLine, ...]
    about: str
    resets: str
    limits: tuple[str, ...]
    entries: tuple[RuleWay, ...]
    exits: tuple[RuleWay, ...]
    record: Record | None = None
    problem: str = ""


class WindowLine(msgspec.Struct, frozen=True, kw_only=True):
    """A window and how it ended. ``delay_s`` is how long after its end that was known, market seconds; ``gaps`` and
    ``gap_s`` are None where nobody has counted."""

    key: MarketKey
    strike: Reference | None = None
    final_price: float | None = None
    outcome: Side | None = None
    source: str = ""
    grade: Grade | None = None
    delay_s: float | None = None
    ticks: int | None = None
    gaps: int | None = None
    gap_s: int | None = None


class WindowsAnswer(msgspec.Struct, frozen=True, tag="windows"):
    """Newest first, those that run included."""

    windows: tuple[WindowLine, ...]


class PathPoint(msgspec.Struct, frozen=True, array_like=True):
    """A second of a window. ``price`` is spot as the strike counts it, freed of its basis where it has one; ``mid`` and
    ``fair`` are of Up."""

    slot: int
    price: float | None
    strike: float | None
    mid: float | None
    fair: float | None


class WindowTrade(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy did in a window. Prices are dollars a share, of the side that was bought; None while it is open
    is what only an exit gives."""

    strategy: str
    side: Side
    shares: float
    entry_ms: int
    entry_price: float
    reason: str
    exit_ms: int | None = None
    exit_price: float | None = None
    touch: float | None = None
    costed: float | None = None


class WindowAnswer(msgspec.Struct, frozen=True, tag="window", kw_only=True):
    """``path`` is evenly thinned; ``trades`` are the oldest first; ``gaps`` are those that touch the window."""

    line: WindowLine
    path: tuple[PathPoint, ...]
    trades: tuple[WindowTrade, ...]
    gaps: tuple[Gap, ...]


Origin = Literal["default", "file", ".env", "environment", "flag"]


class SettingLine(msgspec.Struct, frozen=True):
    """``value`` is text to show: a secret is only "set" or "not set"."""

    name: str
    value: str
    origin: Origin


class SettingsAnswer(msgspec.Struct, frozen=True, tag="settings"):
    """``file`` is where the config file is, or would be; ``found`` says whether it was there."""

    lines: tuple[SettingLine, ...]
    file: str
    found: bool
